"""Results in hedge mode: a fill belongs to the leg that it names, else to its plan's position, else to none."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.contract.holds import decode_hold
from p33_tasks.domain.holds import HeldBy, HoldEnds
from p33_tasks.domain.models import Fill, Leg, OrderSide, PositionSide
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.errors import StoreError
from p33_tasks.ports import ExecutionResult, ResultStatus
from p33_tasks.services.record_fill import apply_all, ids_to_load
from p33_tasks.store.results import RedisResultStore
from tests.support.gate import SYMBOL, Gate

LEGS = [Leg.LONG, Leg.SHORT]
CLOSING = {Leg.LONG: "SELL", Leg.SHORT: "BUY"}


def report(gate: Gate, plan_id: str, order_id: str, side: str, quantity: str, named: Leg | None = None) -> ResultStatus:
    """A result with one order, which may name its leg."""
    fill = Fill(
        order_id=order_id,
        side=OrderSide(side),
        cumulative_qty=parse_quantity(quantity),
        leg=None if named is None else PositionSide(named.value),
    )
    result = ExecutionResult(plan_id=plan_id, symbol=SYMBOL, executed=True, fills=(fill,))
    return gate.recorder.record(result, gate.publish_result(plan_id))


def amounts(gate: Gate) -> list[str | None]:
    return [gate.ledger_amt(leg=leg) for leg in Leg]


@pytest.mark.parametrize("named", [None, "its leg"])
@pytest.mark.parametrize("leg", LEGS)
def test_a_fill_moves_the_ledger_of_its_plans_leg_and_releases_it(gate: Gate, leg: Leg, named: str | None) -> None:
    gate.make_hedged("0.040", "-0.020")
    gate.allow("plan-1", position_side=leg, action="CLOSE_PARTIAL_50")
    other = LEGS[1 - LEGS.index(leg)]
    gate.allow("plan-2", position_side=other)
    gate.consume("plan-1")
    report(gate, "plan-1", "7", CLOSING[leg], "0.010", leg if named else None)
    assert amounts(gate) == ([None, "0.03", "-0.02"] if leg is Leg.LONG else [None, "0.04", "-0.01"])
    assert (gate.reserved_by(leg=leg), gate.reserved_by(leg=other)) == (None, "plan-2")
    assert gate.ledger(leg=leg)["barrier_ms"]
    assert "last_order_time_ms" not in gate.ledger(leg=other)
    assert gate.ledger() == {}
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}:{leg}") == 1


def test_a_rejection_releases_its_plans_leg(gate: Gate) -> None:
    gate.make_hedged()
    gate.allow(position_side=Leg.SHORT)
    taken = gate.consume()
    gate.report(executed=False, rejected=True, consume_id=taken.consume_id)
    assert gate.reserved_by(leg=Leg.SHORT) is None
    assert gate.ledger(leg=Leg.SHORT)["barrier_ms"]


def test_a_fill_of_a_plan_of_one_way_mode_stays_the_symbols_after_a_switch(gate: Gate) -> None:
    gate.make_ready("0.040")
    gate.allow()
    gate.consume()
    gate.until_after(gate.now_ms())
    gate.put_legs("0", "0")
    report(gate, "plan-1", "7", "SELL", "0.030", Leg.LONG)
    assert amounts(gate) == [None, None, None]
    assert gate.reserved_by() is None
    assert "last_order_time_ms" in gate.ledger()


@pytest.mark.parametrize("hedged", [True, False])
def test_a_result_whose_symbol_changes_the_mode_meanwhile_is_booked_by_the_new_one(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, *, hedged: bool
) -> None:
    """Neither ledger has an amount, so that only the mode tells that the base moved."""
    switch = (lambda: gate.put_legs("0.040", "0")) if hedged else (lambda: gate.put_position("0.040"))
    (gate.put_position if hedged else lambda _: gate.put_legs("0.040", "0"))("0.040")
    gate.until_after(gate.now_ms())
    real, tries = RedisResultStore.record, []

    def record(*args: Any, **kwargs: Any) -> ResultStatus:
        if not tries:
            switch()
        tries.append(real(*args, **kwargs))
        return tries[-1]

    monkeypatch.setattr(RedisResultStore, "record", record)
    report(gate, "unknown", "7", "SELL", "0.010", Leg.LONG)
    assert tries == [ResultStatus.MOVED, ResultStatus.RECORDED]
    leg = Leg.LONG if hedged else Leg.BOTH
    assert "last_order_id" in gate.ledger(leg=leg)
    assert "last_order_id" not in gate.ledger(leg=Leg.BOTH if hedged else Leg.LONG)


def test_without_an_allow_a_fill_belongs_to_the_leg_that_it_names(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    report(gate, "stranger", "7", "BUY", "0.010", Leg.SHORT)
    assert amounts(gate) == [None, "0.04", "-0.01"]
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}:SHORT") == 1


def test_a_fill_that_cant_be_booked_starts_every_positions_cooldown_and_moves_nothing(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    report(gate, "stranger", "7", "SELL", "0.010")
    assert amounts(gate) == [None, "0.04", "-0.02"]
    assert gate.count(f"p33_unattributed_fill_total|{SYMBOL}") == 1
    assert gate.redis.hgetall(gate.keys.fills(SYMBOL)) == {"7": "0"}
    for leg in LEGS:
        assert gate.why_not(f"plan-{leg}", position_side=leg) == "cooldown_in_flight"
    report(gate, "stranger", "7", "SELL", "0.010", Leg.LONG)
    assert amounts(gate) == [None, "0.03", "-0.02"]


def test_a_later_report_with_another_leg_applies_nothing_and_is_a_breach(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    report(gate, "stranger", "7", "SELL", "0.010", Leg.LONG)
    report(gate, "stranger", "7", "SELL", "0.030", Leg.SHORT)
    assert amounts(gate) == [None, "0.03", "-0.02"]
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"
    assert gate.count(f"p33_permit_breach_total|{SYMBOL}:SHORT|leg") == 1
    assert len(gate.dead()) == 1


def test_a_later_report_without_a_leg_follows_the_first(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    report(gate, "stranger", "7", "SELL", "0.010", Leg.LONG)
    report(gate, "stranger", "7", "SELL", "0.030")
    assert amounts(gate) == [None, "0.01", "-0.02"]


@pytest.mark.parametrize("leg", LEGS)
def test_an_order_of_another_leg_than_its_plans_is_booked_to_the_leg_it_names_and_both_are_held(
    gate: Gate, leg: Leg
) -> None:
    gate.make_hedged("0.040", "-0.040")
    gate.allow("plan-1", position_side=leg, action="CLOSE_PARTIAL_50")
    other = LEGS[1 - LEGS.index(leg)]
    gate.allow("plan-2", position_side=other)
    gate.consume("plan-1")
    for _ in range(2):  # the second tells nothing new
        report(gate, "plan-1", "7", CLOSING[leg], "0.010", other)
    assert amounts(gate) == ([None, "0.04", "-0.05"] if leg is Leg.LONG else [None, "0.05", "-0.04"])
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"
    assert gate.count(f"p33_permit_breach_total|{SYMBOL}:{leg}|leg") == 1
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}:{other}") == 1
    assert gate.count(f"p33_ledger_update_total|{SYMBOL}:{leg}") == 0
    assert gate.dead() == []
    for one in LEGS:
        hold = decode_hold(HeldBy.SERVICE, gate.redis.get(gate.keys.service_hold(SYMBOL, one)))
        assert hold is not None
        assert (hold.reason, hold.ends) == ("breach", HoldEnds.PERSON)
        assert gate.why_not(f"later-{one}", position_side=one) == "reconcile_hold_active"
        assert gate.ledger(leg=one)["last_order_time_ms"]
        assert gate.ledger(leg=one)["barrier_ms"]
        assert gate.reserved_by(leg=one) is None  # the other leg's permit is withdrawn
    assert gate.permit("plan-2") is None
    report(gate, "plan-1", "7", CLOSING[leg], "0.015")
    assert amounts(gate) == ([None, "0.04", "-0.055"] if leg is Leg.LONG else [None, "0.055", "-0.04"])


def test_orders_of_both_legs_in_one_result_go_to_their_legs(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    gate.allow(position_side=Leg.LONG)
    gate.consume()
    fills = tuple(
        Fill(order_id=order_id, side=OrderSide.SELL, cumulative_qty=parse_quantity(quantity), leg=named)
        for order_id, quantity, named in [
            ("7", "0.010", None),
            ("8", "0.003", PositionSide.SHORT),
            ("9", "0.005", PositionSide.LONG),
        ]
    )
    result = ExecutionResult(plan_id="plan-1", symbol=SYMBOL, executed=True, fills=fills)
    assert gate.recorder.record(result, gate.publish_result()) is ResultStatus.RECORDED
    assert amounts(gate) == [None, "0.025", "-0.023"]
    assert (gate.ledger(leg=Leg.LONG)["last_order_id"], gate.ledger(leg=Leg.SHORT)["last_order_id"]) == ("9", "8")


@pytest.mark.parametrize("change", ["last_known_amt", "origin"])
def test_the_other_legs_ledger_is_compared_before_anything_is_written(gate: Gate, change: str) -> None:
    gate.make_hedged("0.040", "-0.020")
    gate.allow(position_side=Leg.LONG)
    fill = Fill(order_id="7", side=OrderSide.SELL, cumulative_qty=parse_quantity("0.010"), leg=PositionSide.SHORT)
    result = ExecutionResult(plan_id="plan-1", symbol=SYMBOL, executed=True, fills=(fill,))
    entry = gate.publish_result()
    base = gate.results.load_ledger(SYMBOL, ids_to_load(result, entry), "plan-1")
    if change == "origin":
        gate.redis.set(gate.keys.ledger_origin(SYMBOL, Leg.SHORT), "1")
    else:
        gate.redis.hset(gate.keys.ledger(SYMBOL, Leg.SHORT), change, "-0.03")
    recording = apply_all(result, base, entry)
    status = gate.results.record(result=result, base=base, recording=recording, entry=entry)
    assert status is ResultStatus.MOVED
    assert gate.redis.exists(gate.keys.fills(SYMBOL), gate.keys.service_hold(SYMBOL, Leg.LONG)) == 0


def test_what_the_other_legs_adopted_snapshot_contains_is_remembered_and_not_applied(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    gate.allow(position_side=Leg.LONG)
    gate.redis.set(gate.keys.ledger_origin(SYMBOL, Leg.SHORT), str(gate.now_ms() + 60_000))
    report(gate, "plan-1", "7", "SELL", "0.010", Leg.SHORT)
    assert amounts(gate) == [None, "0.04", "-0.02"]
    assert gate.redis.hget(gate.keys.fills(SYMBOL), "7") == "0.01"


@pytest.mark.parametrize("is_ledger", [True, False])
def test_a_foreign_value_of_the_other_leg_is_seen_before_anything_is_written(gate: Gate, *, is_ledger: bool) -> None:
    gate.make_hedged("0.040", "-0.020")
    gate.allow(position_side=Leg.LONG)
    key = (gate.keys.ledger if is_ledger else gate.keys.ledger_origin)(SYMBOL, Leg.SHORT)
    gate.redis.delete(key)
    gate.redis.lpush(key, "somebody's")
    with pytest.raises(StoreError, match=key):
        report(gate, "plan-1", "7", "SELL", "0.010", Leg.SHORT)
    assert gate.redis.exists(gate.keys.fills(SYMBOL)) == 0
    report(gate, "plan-1", "8", "SELL", "0.010")  # of its own leg: nothing of the other is needed
    assert gate.ledger_amt(leg=Leg.LONG) == "0.03"


def test_in_one_way_mode_a_named_side_changes_nothing(gate: Gate) -> None:
    gate.make_ready("0.040")
    report(gate, "stranger", "7", "SELL", "0.010", Leg.LONG)
    assert amounts(gate) == ["0.03", None, None]
    assert "leg" not in str(gate.redis.hget(gate.keys.orders(SYMBOL), "7"))


def test_a_decision_that_came_meanwhile_is_read_again(gate: Gate) -> None:
    """Whose reservation is released, it says."""
    gate.make_hedged()
    result = ExecutionResult(plan_id="plan-1", symbol=SYMBOL, executed=False)
    base = gate.results.load_ledger(SYMBOL, [], "plan-1")
    gate.allow(position_side=Leg.LONG)

    recorded = gate.recorder.record(result, gate.publish_result())
    assert recorded is ResultStatus.RECORDED
    assert base.decision_text is None
    assert gate.reserved_by(leg=Leg.LONG) is None


@pytest.mark.parametrize("leg", LEGS)
def test_a_breach_holds_its_plans_leg_and_no_other(gate: Gate, leg: Leg) -> None:
    gate.make_hedged("0.040", "-0.040")
    gate.allow(position_side=leg, action="CLOSE_PARTIAL_50")
    gate.consume()
    report(gate, "plan-1", "7", CLOSING[leg], "0.031", leg)
    other = LEGS[1 - LEGS.index(leg)]
    held = [bool(gate.redis.exists(gate.keys.service_hold(SYMBOL, one))) for one in (leg, other, Leg.BOTH)]
    assert held == [True, False, False]
    assert gate.why_not("p-2", position_side=leg) == "reconcile_hold_active"
    assert gate.why_not("p-3", position_side=other) != "reconcile_hold_active"
