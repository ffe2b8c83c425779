"""Where the model and the real scripts part, on a way that both go.

After every move the two must agree on what was answered and on everything the model knows of Redis: verdict, permit,
reservation and how long it lasts, ledger, order time, fills, consumption, hold, snapshot, pending entries.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from p33_tasks.apply import consuming
from p33_tasks.store import results, snapshots
from tests.model.clockwork import consumed_ms, place_window_ms, unknown_ms
from tests.model.executors import Move
from tests.model.explorer import ANSWERED, Step, followed, violation_of
from tests.model.mutants import Mutant
from tests.model.replay import Replay
from tests.model.scenario import Scenario
from tests.model.told import view_of
from tests.support.redis_server import RedisServer


def parted(case: Scenario, steps: Iterable[Step], server: RedisServer) -> str | None:
    """Where model and scripts part on a way, as a story; None when they don't."""
    replay, told = Replay(server, case), [f"{case.name}:"]
    for before, move, after in steps:
        told.append(" ".join(map(str, move)))
        word = replay.step(before, move)
        if word != expected_word(move):
            return "\n".join([*told, f"but the script says: {word}"])
        seen, expected = replay.clock.view(case, replay.plan_entries), view_of(case, after.redis)
        if seen != expected:
            return "\n".join([*told, f"Redis: {seen}", f"model: {expected}"])
    return None


def expected_word(move: Move) -> str:
    """What the script says to a move; moves that ask no script say nothing."""
    return str(move[-1]) if move[0] in ANSWERED else ""


def with_real_limits(case: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits that aren't settings are the case's as well."""
    monkeypatch.setattr(consuming, "PLACE_WINDOW_MS", place_window_ms(case.limits))
    monkeypatch.setattr(consuming, "consumed_ms", lambda _: consumed_ms(case.limits))
    for store in (results, snapshots):
        monkeypatch.setattr(store, "UNKNOWN_MS", unknown_ms(case.limits))


def way_to(mutant: Mutant) -> list[Step]:
    """The way on which a guard was missed, gone with it, as far as it goes then."""
    violation = violation_of(mutant.mutated, mutant.breaks)
    assert violation is not None
    return followed(mutant.case, violation.trace)
