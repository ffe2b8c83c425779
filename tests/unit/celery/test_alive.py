"""When a worker's pool counts as working."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from p33_tasks.celery import alive
from p33_tasks.celery.alive import MARGIN_SEC, AliveStep
from p33_tasks.tasks.job import jobs


def step(*exit_codes: int | None) -> AliveStep:
    processes = [SimpleNamespace(exitcode=code) for code in exit_codes]
    pool = SimpleNamespace(_pool=SimpleNamespace(_pool=processes))
    return AliveStep(SimpleNamespace(pool=pool, app=None))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(sec=1000.0, running=set())
    monkeypatch.setattr(alive.time, "monotonic", lambda: now.sec)
    monkeypatch.setattr(alive.state, "active_requests", now.running)
    return now


def test_one_process_that_lives_is_a_pool(clock: SimpleNamespace) -> None:
    assert step(None, None)._pool_works()
    assert step(-9, None)._pool_works(), "the other is being replaced"
    assert not step(-9, 0)._pool_works()
    assert not step()._pool_works()
    assert AliveStep(SimpleNamespace(pool=SimpleNamespace(), app=None))._pool_works(), "threads"


@pytest.mark.parametrize(("name", "limit_sec"), [(job.name, job.time_limit) for job in jobs()])
def test_a_task_that_outlives_its_time_limit_means_that_the_pool_hangs(
    clock: SimpleNamespace, name: str, limit_sec: int
) -> None:
    found = step(None)
    clock.running.add(_Request("a", name))
    assert found._pool_works()
    clock.sec += limit_sec + MARGIN_SEC - 1
    clock.running.add(_Request("b", name))
    assert found._pool_works()
    clock.sec += 2
    assert not found._pool_works()
    clock.running.clear()
    assert found._pool_works(), "it was killed at last"


class _Request:
    def __init__(self, task_id: str, name: str) -> None:
        self.id, self.name = task_id, name
