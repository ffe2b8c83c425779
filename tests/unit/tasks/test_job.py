"""A task is declared once, and everything else follows from that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import pytest
from celery import _state

from p33_tasks.celery.config import make_app
from p33_tasks.celery.ingest_process import streams_of
from p33_tasks.settings import load_settings
from p33_tasks.tasks import job as declared
from p33_tasks.tasks.job import job, jobs, queues
from tests.unit.celery.test_config import worker


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Celery keeps a shared task for every app of this process, those of other tests too.
    monkeypatch.setattr(declared, "_declared", dict(declared._declared))
    monkeypatch.setattr(_state, "_on_app_finalizers", set(_state._on_app_finalizers))
    monkeypatch.setattr(_state, "_apps", WeakSet())

    @job("p33.toy", queue="p33.toys", time_limit=5, soft_time_limit=4, every=2.5, reads_venue=True)
    def toy(prefix: str | None = None) -> str:
        return str(prefix)

    return toy


def test_queue_route_time_limits_and_schedule_follow_from_the_declaration(toy: Any) -> None:
    settings = load_settings({"P33_KEY_PREFIX": "acct2"})
    app = make_app(settings)
    assert "p33.toys" in {queue.name for queue in app.conf.task_queues}
    assert app.conf.task_routes["p33.toy"] == {"queue": "p33.toys"}
    assert app.conf.beat_schedule["p33.toy"] == {
        "task": "p33.toy",
        "schedule": 2.5,
        "kwargs": {"prefix": "acct2"},
        "options": {"queue": "p33.toys", "ignore_result": True},
    }
    task = app.tasks["p33.toy"]
    assert (task.time_limit, task.soft_time_limit) == (5, 4)
    assert toy("x") == "x"
    assert "p33.toys" in queues(settings), "p33 check and the queue metrics ask for this list"


def test_a_verdict_waits_behind_no_venue_request_of_any_queue(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert make_app(load_settings({})).conf.worker_concurrency == 3


def test_the_ingest_reads_the_streams_of_the_jobs_that_are_served() -> None:
    for found in jobs():
        served = tuple(one.stream for one in jobs() if one.queue == found.queue and one.stream)
        assert streams_of(worker((found.queue,))) == served


@pytest.mark.parametrize(
    ("name", "more", "problem"),
    [
        ("p33.reconcile", {"queue": "p33.x", "time_limit": 5}, "declared twice"),
        ("toy", {"queue": "p33.x", "time_limit": 5}, "begin with 'p33.'"),
        ("p33.toy2", {"queue": "toys", "time_limit": 5}, "begin with 'p33.'"),
        ("p33.toy2", {"queue": "p33.x", "time_limit": 5, "soft_time_limit": 5}, "must be below time_limit"),
    ],
)
def test_a_declaration_that_can_not_work_is_refused(name: str, more: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        job(name, **more)
    assert name not in {found.name for found in jobs()} or problem == "declared twice"


def test_no_task_is_without_a_time_limit() -> None:
    assert all(found.time_limit > 0 for found in jobs())
    with pytest.raises(TypeError, match="time_limit"):
        job("p33.toy3", queue="p33.x")
