"""Two legs of one symbol on the real scripts: each has its own keys, and what names the other leg is booked there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from p33_tasks.apply import consuming
from p33_tasks.contract.keys import Keys
from p33_tasks.domain.models import Leg
from p33_tasks.services import record_fill
from p33_tasks.store import scripts
from tests.model.explorer import violation_of, walk
from tests.model.leg_mutants import LEGS_BROKEN_BY
from tests.model.mutants import Mutant
from tests.model.parting import parted, way_to, with_real_limits
from tests.model.scenarios import SMALL
from tests.support.redis_server import RedisServer, running_redis

MUTANTS = {mutant.without[0]: mutant for mutant in reversed(LEGS_BROKEN_BY)}
COMPARED = "(redis.call('HGET', opposite_ledger_key, 'last_known_amt') or '') ~= opposite_base_amt"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


def without_leg(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """A key of a position that is the long leg's for both legs."""

    def broken(monkeypatch: pytest.MonkeyPatch) -> None:
        original = getattr(Keys, name)

        def key(keys: Keys, symbol: str, leg: Leg = Leg.BOTH, *rest: str) -> str:
            return str(original(keys, symbol, Leg.LONG if leg is Leg.SHORT else leg, *rest))

        monkeypatch.setattr(Keys, name, key)

    return broken


def consumed_of_the_long_leg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consuming, "PositionLeg", lambda _: Leg.LONG)


def booked_where_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_fill._Applying, "_is_opposite", lambda *_: False)


def other_ledger_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    original = scripts.source

    def broken(name: str, room: str) -> str:
        text = original(name, room)
        assert name != "record_result" or text.count(COMPARED) == 1
        return text.replace(COMPARED, "false")

    monkeypatch.setattr(scripts, "source", broken)


BREAKS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "leg.snapshot": without_leg("snapshot"),
    "leg.ledger": without_leg("ledger"),
    "leg.reservation": without_leg("reservation"),
    "leg.hold": without_leg("service_hold"),
    "leg.prepared": without_leg("prepared"),
    "consume.leg": consumed_of_the_long_leg,
    "result.leg": booked_where_decided,
    "result.other_ledger": other_ledger_not_compared,
}
"""What a guard of the model stands for in the code, and what leaves it out."""


def test_both_legs_are_closed_at_the_same_time():
    """Else nothing here proves anything."""
    case = next(one for one in SMALL if one.name == "two legs")
    steps = (step for seed in range(60) for step in walk(case, seed, 30))
    met = {tuple(plan.permit is not None for plan in world.redis.plans) for *_, world in steps}
    assert (True, True) in met


@pytest.mark.parametrize("mutant", LEGS_BROKEN_BY, ids=str)
def test_without_a_look_at_the_leg_an_invariant_breaks(mutant: Mutant):
    found = violation_of(mutant.mutated, mutant.breaks)
    assert found is not None, "nothing breaks: the guard is spare, or the case too small"
    assert found.invariant == mutant.breaks


@pytest.mark.parametrize("mutant", LEGS_BROKEN_BY, ids=str)
def test_where_a_leg_is_looked_at_the_code_does(mutant: Mutant, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    with_real_limits(mutant.case, monkeypatch)
    story = parted(mutant.case, way_to(mutant), server)
    assert story is None, story


@pytest.mark.parametrize("guard", BREAKS)
def test_code_that_mixes_the_legs_is_noticed(guard: str, server: RedisServer, monkeypatch: pytest.MonkeyPatch):
    mutant = MUTANTS[guard]
    with_real_limits(mutant.case, monkeypatch)
    BREAKS[guard](monkeypatch)
    assert parted(mutant.case, way_to(mutant), server) is not None


def test_every_guard_of_the_legs_is_broken_in_the_code():
    assert set(BREAKS) == set(MUTANTS)
