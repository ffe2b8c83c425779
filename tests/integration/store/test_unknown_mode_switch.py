"""A switch of the position mode loses no unknown outcome, and what ends one ends it in every mode."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Leg
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

UNKNOWN_MS = 600_000
LEGS = (Leg.LONG, Leg.SHORT)
Taken = tuple[Gate, Leg, Consumed]


@pytest.fixture(params=list(Leg), ids=str)
def taken(request: pytest.FixtureRequest, gate: Gate) -> Taken:
    """A plan for one of the symbol's positions is allowed and consumed."""
    leg: Leg = request.param
    ready(gate, leg)
    gate.allow(position_side=leg)
    return gate, leg, gate.consume()


def ready(gate: Gate, leg: Leg) -> None:
    gate.make_ready() if leg is Leg.BOTH else gate.make_hedged("0.040", "-0.040")


def switch(gate: Gate, *, hedged: bool, amount: str = "0.040") -> None:
    gate.until_after(gate.now_ms())
    gate.put_legs(amount, f"-{amount}" if amount != "0" else "0") if hedged else gate.put_position(amount)


def others_of(leg: Leg) -> tuple[Leg, ...]:
    """The positions of the other mode."""
    return LEGS if leg is Leg.BOTH else (Leg.BOTH,)


def say_unknown(gate: Gate, consumed: Consumed, plan_id: str = "plan-1", **changes: Any) -> None:
    gate.report(plan_id, executed=False, unknown=True, consume_id=consumed.consume_id, **changes)


def answer(gate: Gate, consumed: Consumed, how: str, leg: Leg, plan_id: str = "plan-1") -> None:
    if how == "executed":
        gate.report(plan_id, (f"of-{plan_id}", "BUY" if leg is Leg.SHORT else "SELL", "0.010"))
    else:
        gate.report(plan_id, executed=False, rejected=True, consume_id=consumed.consume_id)


def held_for(gate: Gate, leg: Leg) -> list[str]:
    text = gate.redis.get(gate.keys.service_hold(SYMBOL, leg))
    found = exact_json.loads_object(text)["evidence"] if text else []
    return sorted(one["plan_id"] for one in found if one["reason"] == HoldReason.OUTCOME_UNKNOWN)


def nothing_is_held(gate: Gate) -> bool:
    notes = [gate.redis.hget(gate.keys.ledger(SYMBOL, leg), "unknown_plan_id") for leg in Leg]
    return not any(notes) and not any(gate.redis.exists(gate.keys.service_hold(SYMBOL, leg)) for leg in Leg)


# --- one plan -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["executed", "rejected"])
@pytest.mark.parametrize("switches", [1, 2, 3])
def test_a_note_goes_with_the_mode_and_the_plans_answer_ends_it(taken: Taken, how: str, switches: int) -> None:
    gate, leg, consumed = taken
    say_unknown(gate, consumed)
    for turn in range(switches):
        switch(gate, hedged=(leg is Leg.BOTH) == (turn % 2 == 0))
    used = others_of(leg) if switches % 2 else others_of(others_of(leg)[0])
    for one in Leg:
        assert held_for(gate, one) == (["plan-1"] if one in used else []), one
        if one in used:
            assert gate.why_not(f"later-{one}", position_side=one) == "reconcile_hold_active"
    answer(gate, consumed, how, leg)
    assert nothing_is_held(gate)
    assert all(gate.reserved_by(leg=one) is None for one in Leg)


@pytest.mark.parametrize("how", ["executed", "rejected"])
def test_a_hold_that_was_set_goes_with_the_mode_too(taken: Taken, how: str) -> None:
    gate, leg, consumed = taken
    say_unknown(gate, consumed)
    gate.redis.delete(gate.keys.reservation(SYMBOL, leg))
    switch(gate, hedged=leg is not Leg.BOTH)
    assert held_for(gate, leg) == ["plan-1"]
    switch(gate, hedged=leg is Leg.BOTH)
    assert [held_for(gate, one) for one in others_of(leg)] == [["plan-1"]] * len(others_of(leg))
    assert held_for(gate, leg) == [], "nobody looks there any more"
    answer(gate, consumed, how, leg)
    assert nothing_is_held(gate)


@pytest.mark.parametrize("how", ["executed", "rejected"])
def test_one_that_is_said_after_the_switch_holds_the_positions_of_the_new_mode(taken: Taken, how: str) -> None:
    gate, leg, consumed = taken
    switch(gate, hedged=leg is Leg.BOTH)
    say_unknown(gate, consumed)
    for one in others_of(leg):
        assert held_for(gate, one) == ["plan-1"]
        assert gate.why_not(f"later-{one}", position_side=one) == "reconcile_hold_active"
    answer(gate, consumed, how, leg)
    assert nothing_is_held(gate)
    barriers = [gate.ledger(leg=one).get("barrier_ms") for one in others_of(leg)]
    assert barriers == [str(consumed.place_before_ms)] * len(barriers), "a consumption stays a barrier in any mode"


def test_after_the_switch_and_before_a_new_amount_nothing_is_allowed_either(taken: Taken) -> None:
    """The consumption is outstanding, and its executor has said nothing yet."""
    gate, leg, _ = taken
    switch(gate, hedged=leg is Leg.BOTH, amount="0")
    assert [gate.ledger_amt(leg=one) for one in others_of(leg)] == [None] * len(others_of(leg))


def test_an_order_of_the_mode_that_was_left_starts_the_cooldown_of_the_new_ones(server: RedisServer) -> None:
    """Its executor did GET and DEL: no record of the consumption keeps an older snapshot from being adopted."""
    gate = Gate(server, bootstrap="adopt")
    gate.make_hedged("0.040", "0")
    gate.allow(position_side=Leg.LONG)
    gate.redis.delete(gate.keys.permit("plan-1"))
    switch(gate, hedged=False)
    requested_ms = gate.now_ms()
    gate.until_after(requested_ms)
    gate.report("plan-1", ("of-plan-1", "SELL", "0.030"))
    assert gate.reserved_by(leg=Leg.LONG) is None
    gate.put_position("0.040", ts_ms=requested_ms)
    assert gate.ledger_amt() is None, "the snapshot is from before the order"
    assert gate.why_not("later") == "cooldown_in_flight"


def test_a_person_is_believed_in_every_mode(taken: Taken) -> None:
    gate, leg, consumed = taken
    say_unknown(gate, consumed)
    switch(gate, hedged=leg is Leg.BOTH)
    for one in others_of(leg):
        assert "plan-1" in (gate.service_holds.release(SYMBOL, one, why="looked it up", by="somebody") or "")
    say_unknown(gate, consumed)
    assert all(held_for(gate, one) == [] for one in others_of(leg))
    switch(gate, hedged=leg is not Leg.BOTH)
    say_unknown(gate, consumed)
    assert nothing_is_held(gate)
    switch(gate, hedged=leg is Leg.BOTH)
    assert nothing_is_held(gate)


# --- several --------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_legs(gate: Gate) -> tuple[Gate, dict[Leg, Consumed]]:
    """Both legs' plans are of unknown outcome."""
    gate.make_hedged("0.040", "-0.040")
    found = {}
    for leg in LEGS:
        gate.allow(f"plan-{leg}", position_side=leg)
        found[leg] = gate.consume(f"plan-{leg}")
        say_unknown(gate, found[leg], f"plan-{leg}")
    return gate, found


@pytest.mark.parametrize("first", LEGS)
def test_of_two_legs_both_are_kept_and_each_answer_ends_its_own(
    two_legs: tuple[Gate, dict[Leg, Consumed]], first: Leg
) -> None:
    gate, consumed = two_legs
    switch(gate, hedged=False)
    assert held_for(gate, Leg.BOTH) == ["plan-LONG", "plan-SHORT"]
    second = Leg.SHORT if first is Leg.LONG else Leg.LONG
    answer(gate, consumed[first], "rejected", first, f"plan-{first}")
    assert held_for(gate, Leg.BOTH) == [f"plan-{second}"]
    assert gate.why_not("later") == "reconcile_hold_active"
    answer(gate, consumed[second], "executed", second, f"plan-{second}")
    assert nothing_is_held(gate)


def test_and_back_again(two_legs: tuple[Gate, dict[Leg, Consumed]]) -> None:
    """Which leg each was of is forgotten by then: both legs are held for both."""
    gate, consumed = two_legs
    switch(gate, hedged=False)
    switch(gate, hedged=True)
    assert [held_for(gate, leg) for leg in LEGS] == [["plan-LONG", "plan-SHORT"]] * 2
    for leg in LEGS:
        answer(gate, consumed[leg], "rejected", leg, f"plan-{leg}")
    assert nothing_is_held(gate)


# --- other holds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("leg", list(Leg))
def test_a_hold_that_only_a_person_ends_goes_with_the_mode(gate: Gate, leg: Leg) -> None:
    ready(gate, leg)
    evidence = {"plan_id": "plan-0", "orders": ["7: side"]}
    gate.service_holds.set(SYMBOL, leg, reason=HoldReason.BREACH, evidence_id="b", evidence=evidence)
    switch(gate, hedged=leg is Leg.BOTH)
    for one in others_of(leg):
        hold = exact_json.loads_object(gate.redis.get(gate.keys.service_hold(SYMBOL, one)) or "{}")
        assert (hold["reason"], hold["ends"], hold["evidence"][0]["orders"]) == ("breach", "person", ["7: side"])
        assert gate.why_not(f"later-{one}", position_side=one) == "reconcile_hold_active"
    assert not gate.redis.exists(gate.keys.service_hold(SYMBOL, leg))


@pytest.mark.parametrize("value", ["somebody's", "{}", '{"ends":"outcome","evidence":[]}', "7"])
def test_so_does_one_that_cant_be_read(gate: Gate, value: str) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.service_hold(SYMBOL), value)
    switch(gate, hedged=True)
    for leg in LEGS:
        assert gate.why_not(f"later-{leg}", position_side=leg) == "reconcile_hold_active"


def test_a_hold_because_of_a_drift_stays_with_the_ledger_that_drifted(gate: Gate) -> None:
    gate.make_ready()
    gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="d", evidence={"why": "a drift"})
    switch(gate, hedged=True)
    assert not any(gate.redis.exists(gate.keys.service_hold(SYMBOL, leg)) for leg in LEGS)
    assert gate.redis.exists(gate.keys.service_hold(SYMBOL))


@pytest.mark.parametrize("leg", list(Leg))
def test_a_breach_that_is_found_after_the_switch_holds_the_positions_of_the_new_mode(gate: Gate, leg: Leg) -> None:
    ready(gate, leg)
    gate.allow(position_side=leg)
    gate.consume()
    switch(gate, hedged=leg is Leg.BOTH)
    gate.report("plan-1", ("7", "SELL" if leg is Leg.SHORT else "BUY", "0.010"))
    for one in others_of(leg):
        assert gate.redis.exists(gate.keys.service_hold(SYMBOL, one)), one
