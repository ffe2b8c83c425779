"""A switch of the mode, and fills without a leg: every interleaving of small cases, and ways on the real scripts.

``P33_MODEL=large`` explores the larger cases too; ``make faults`` does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest

from p33_tasks.apply import consuming
from p33_tasks.domain.executions import position_of
from p33_tasks.domain.models import Leg
from p33_tasks.store import results, scripts
from tests.model.mode_moves import LOST_DOUBT, OTHER_MODE, OTHER_PERMIT, all_moves
from tests.model.mode_results import LOST_FILL, OTHER_FILL
from tests.model.modes import GUARDS, LONG, SPARE, Case, Found, Move, State, explore
from tests.model.played_modes import Played, view_of
from tests.support.redis_server import RedisServer, running_redis

IS_LARGE = os.environ.get("P33_MODEL") == "large"
SWITCHED = Case(name="two plans, a switch", names_leg=(False, True), closes=0)
DOUBTED = Case(name="an unknown outcome, a switch there and back", names_leg=(True,), doubts=True, switches=2)
UNNAMED = Case(
    name="an order around the gate, told without its leg", names_leg=(True,), mode=LONG, rogues=1, closes=0, opens=0
)
SMALL = (SWITCHED, DOUBTED, UNNAMED, replace(SWITCHED, name="out of hedge mode", mode=LONG))
LARGE = (
    Case(name="two plans, there and back", names_leg=(False, True), switches=2),
    Case(name="two plans, unknown outcomes, a switch", names_leg=(False, True), doubts=True),
)
CASES = (*SMALL, *LARGE) if IS_LARGE else SMALL
LENGTH = 40


BROKEN_BY = {
    "consume.ledger": (DOUBTED, OTHER_PERMIT),
    "put.retire": (DOUBTED, OTHER_MODE),
    "put.take_over": (DOUBTED, LOST_DOUBT),
    "begin.reserved": (DOUBTED, OTHER_PERMIT),
    "result.decided": (DOUBTED, OTHER_FILL),
    "result.unnamed": (UNNAMED, LOST_FILL),
    "result.zero": (UNNAMED, LOST_FILL),
    "doubt.instead": (DOUBTED, LOST_DOUBT),
}
"""What breaks without a guard, and in which case."""


def without_line(script: str, *lines: str) -> Callable[[pytest.MonkeyPatch], None]:
    """A script in which something is missing."""

    def broken(monkeypatch: pytest.MonkeyPatch) -> None:
        original = scripts.source

        def source(name: str, room: str) -> str:
            text = original(name, room)
            for line in lines if name == script else ():
                assert text.count(line) == 1
                text = text.replace(line, "")
            return text

        monkeypatch.setattr(scripts, "source", source)

    return broken


def booked_elsewhere(where: Leg) -> Callable[[pytest.MonkeyPatch], None]:
    """What can't be booked to one position is booked to this one."""
    return lambda monkeypatch: monkeypatch.setattr(
        results, "position_of", lambda *about, **mode: position_of(*about, **mode) or where
    )


BREAKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "consume.ledger": without_line("consume_permits", "return refused('p33', 'ledger_missing')"),
    "put.retire": without_line("put_snapshots", "redis.call('DEL', at.ledger, at.origin)"),
    "put.take_over": without_line("put_snapshots", "take_over(over, hold_of(symbol, at), at.ledger)"),
    "begin.reserved": without_line("put_snapshots", "if is_reserved(all) then return 'ok' end"),
    "result.decided": lambda monkeypatch: monkeypatch.setattr(results, "decided_position", lambda *_, **__: None),
    "result.unnamed": booked_elsewhere(Leg.BOTH),
    "result.zero": booked_elsewhere(Leg.LONG),
    "doubt.instead": without_line(
        "record_result", "for _, at in ipairs(instead) do hold_unknown(hold_of(at), plan_id) end"
    ),
}
"""What a guard of the model stands for in the code, and what leaves it out."""


@pytest.fixture(autouse=True)
def no_time_to_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "PLACE_WINDOW_MS", 0)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_interleaving_uses_what_is_of_the_other_mode_or_loses_anything(case: Case) -> None:
    found = explore(case, all_moves)
    assert not found.broken, found
    assert found.states > 500


def walk(c: Case, seed: int) -> list[tuple[State, Move, State]]:
    chance, state, steps = random.Random(seed), c.first(), []
    for _ in range(LENGTH):
        options = list(all_moves(c, state))
        weights = [{"expire": 0.2, "die": 0.1, "close": 0.5}.get(str(move[0]), 1.0) for move, *_ in options]
        if not options:
            break
        move, after, _ = chance.choices(options, weights)[0]
        after = after._replace(now=after.now + 1)
        steps.append((state, move, after))
        state = after
    return steps


def parted(c: Case, steps: list[tuple[State, Move, State]], server: RedisServer) -> str | None:
    """Where model and scripts part on a way, as a story; None when they don't."""
    played, told = Played(server, c), [f"{c.name}:"]
    for before, move, after in steps:
        told.append(" ".join(map(str, move)))
        word = played.step(before, move)
        if word and word != move[-1]:
            return "\n".join([*told, f"but the code says: {word}"])
        if (seen := played.view()) != (expected := view_of(after)):
            return "\n".join([*told, f"Redis: {seen}", f"model: {expected}"])
    return None


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_the_scripts_do_what_the_model_does(case: Case, server: RedisServer) -> None:
    for seed in range(3):
        story = parted(case, walk(case, seed), server)
        assert story is None, f"seed {seed}, {story}"


@cache
def broken_without(guard: str) -> Found:
    case, what = BROKEN_BY[guard]
    return explore(replace(case, removed=frozenset({guard})), all_moves, only=what)


def way_to(guard: str) -> tuple[Case, list[tuple[State, Move, State]]]:
    """The way on which a guard was missed, gone with it, as far as it goes then."""
    case, what = BROKEN_BY[guard]
    state, steps = case.first(), []
    found = broken_without(guard)
    assert found.broken == what
    for wanted in found.trace:
        options = [(move, after) for move, after, _ in all_moves(case, state) if _asks(move) == _asks(wanted)]
        if not options:
            break
        move, after = options[0]
        steps.append((state, move, after._replace(now=after.now + 1)))
        state = steps[-1][2]
        if move != wanted:
            break
    return case, steps


def _asks(move: Move) -> Move:
    """A move without its answer."""
    return move[:-1] if move[0] in {"judge", "commit", "consume"} else move


@pytest.mark.parametrize("guard", BROKEN_BY)
def test_without_a_guard_something_breaks(guard: str) -> None:
    assert broken_without(guard).broken == BROKEN_BY[guard][1]


@pytest.mark.parametrize("guard", SPARE)
def test_behind_a_second_net_there_is_a_first(guard: str) -> None:
    for case in CASES if IS_LARGE else (SWITCHED,):
        assert not explore(replace(case, removed=frozenset({guard})), all_moves).broken


@pytest.mark.parametrize("guard", BROKEN_BY)
def test_where_a_guard_is_needed_the_code_has_it(guard: str, server: RedisServer) -> None:
    story = parted(*way_to(guard), server)
    assert story is None, story


@pytest.mark.parametrize("guard", BREAKS)
def test_code_without_a_guard_is_noticed(guard: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    BREAKS[guard](monkeypatch)
    assert parted(*way_to(guard), server) is not None


def test_every_guard_is_left_out_once() -> None:
    assert set(BROKEN_BY) == set(BREAKS) == set(GUARDS) - set(SPARE)
