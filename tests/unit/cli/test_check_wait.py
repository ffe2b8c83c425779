"""``p33 check --wait``: looks again until nothing fails, and spares the exchange meanwhile."""

from __future__ import annotations

from typing import Any, cast

import pytest

from p33_tasks.cli import check
from p33_tasks.cli.findings import Finding, Grade
from p33_tasks.cli.session import Session

FINE = Finding(area="workers", what="reading plans", grade=Grade.OK, found="1: host-1")
FAILED = Finding(area="workers", what="reading plans", grade=Grade.FAIL, found="nobody", fix="start one")
SESSION = cast("Session", None)


class World:
    """A clock that only sleeping moves, and what each round finds."""

    def __init__(self, *, ready_at_sec: float, exchange_ready_at_sec: float = 0.0) -> None:
        self.now_sec = 0.0
        self.ready_at_sec = ready_at_sec
        self.exchange_ready_at_sec = exchange_ready_at_sec
        self.asked_at_sec: list[float] = []

    def monotonic(self) -> float:
        return self.now_sec

    def sleep(self, sec: float) -> None:
        assert sec > 0
        self.now_sec += sec

    def run_checks(self, _session: Session, *, ask_exchange: bool = True) -> list[Finding]:
        is_fine = self.now_sec >= self.ready_at_sec
        if ask_exchange:
            self.asked_at_sec.append(self.now_sec)
            is_fine = is_fine and self.now_sec >= self.exchange_ready_at_sec
        return [FINE if is_fine else FAILED]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(world: World, wait_sec: float, *, ask_exchange: bool = True) -> list[Finding]:
        monkeypatch.setattr(check, "time", world)
        monkeypatch.setattr(check, "run_checks", world.run_checks)
        return check.wait_for_checks(SESSION, wait_sec=wait_sec, ask_exchange=ask_exchange)

    return run


def test_without_it_one_round_is_the_answer(wait: Any) -> None:
    world = World(ready_at_sec=1)
    assert wait(world, 0) == [FAILED]
    assert world.asked_at_sec == [0.0]


def test_it_returns_as_soon_as_nothing_fails_and_has_asked_the_exchange_once(wait: Any) -> None:
    world = World(ready_at_sec=7)
    assert wait(world, 60) == [FINE]
    assert world.now_sec == 7
    assert world.asked_at_sec == [7.0]


def test_an_exchange_that_fails_is_asked_every_5_s(wait: Any) -> None:
    world = World(ready_at_sec=0, exchange_ready_at_sec=12)
    assert wait(world, 60) == [FINE]
    assert world.asked_at_sec == [0.0, 5.0, 10.0, 15.0]


def test_when_the_time_is_over_the_last_round_is_whole(wait: Any) -> None:
    world = World(ready_at_sec=1_000)
    assert wait(world, 10) == [FAILED]
    assert world.now_sec == 10
    assert world.asked_at_sec == [10.0]


def test_no_exchange_holds_in_every_round(wait: Any) -> None:
    world = World(ready_at_sec=3)
    assert wait(world, 10, ask_exchange=False) == [FINE]
    assert world.asked_at_sec == []
