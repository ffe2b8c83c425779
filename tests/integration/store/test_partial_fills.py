"""A part of an order that was executed isn't the end of it: what is left may follow (CONTRACT section 4)."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.contract.results import parse_result
from tests.support.gate import SYMBOL, Gate

UNKNOWN_MS = 600_000
CONSUMED_MS = 67_000


def entry(executed: str, consume_id: str | None, **fields: str) -> dict[str, str]:
    order = {"plan_id": "plan-1", "symbol": SYMBOL, "executed": "True", "order_id": "7", "side": "SELL"}
    return {**order, "filled_qty": executed, **({} if consume_id is None else {"consume_id": consume_id}), **fields}


def tell(gate: Gate, executed: str, consume_id: str | None, *, at: Any = None, **fields: str) -> None:
    gate.recorder.record(parse_result(entry(executed, consume_id, **fields)), at or gate.publish_result())


def left_ms(gate: Gate) -> int:
    return int(gate.redis.pttl(gate.keys.reservation(SYMBOL)))


SAYS_OPEN = {
    "by its outcome": {"outcome": "unknown"},
    "by Binance's status": {"order_status": "PARTIALLY_FILLED", "outcome": "executed"},
    "by another venue's": {"order_status": "partially_filled"},
}


@pytest.mark.parametrize("how", SAYS_OPEN)
def test_it_is_booked_and_the_position_stays_held_until_the_order_is_over(
    consumed: tuple[Gate, Consumed], how: str
) -> None:
    gate, taken = consumed
    tell(gate, "0.010", taken.consume_id, **SAYS_OPEN[how])
    assert gate.ledger_amt() == "0.03"
    assert gate.reserved_by() == "plan-1"
    assert left_ms(gate) > UNKNOWN_MS - 5_000
    gate.end_cooldown()
    gate.put_position("0.030")
    assert gate.why_not("plan-2") == "permit_in_flight"
    tell(gate, "0.030", taken.consume_id, outcome="executed", order_status="FILLED")
    assert gate.ledger_amt() == "0.01"
    assert gate.reserved_by() is None
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None
    gate.end_cooldown()
    gate.put_position("0.010")
    assert gate.why_not("plan-3") == "allow"


def test_an_order_that_ends_after_a_part_is_over_too(consumed: tuple[Gate, Consumed]) -> None:
    """The report tells no new quantity."""
    gate, taken = consumed
    tell(gate, "0.010", taken.consume_id, outcome="unknown")
    tell(gate, "0.010", taken.consume_id, outcome="executed", order_status="EXPIRED")
    assert gate.ledger_amt() == "0.03"
    assert gate.reserved_by() is None


def test_one_that_is_recorded_after_the_end_holds_nothing(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    first = gate.publish_result()
    tell(gate, "0.030", taken.consume_id, outcome="executed")
    tell(gate, "0.010", taken.consume_id, at=first, outcome="unknown")
    assert gate.reserved_by() is None
    assert gate.ledger_amt() == "0.01"


def test_after_ten_minutes_it_is_held_until_the_order_is_over(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    tell(gate, "0.010", taken.consume_id, outcome="unknown")
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.end_cooldown()
    gate.put_position("0.030")
    assert gate.why_not("plan-2") == "reconcile_hold_active"
    tell(gate, "0.030", taken.consume_id, outcome="executed")
    assert gate.redis.get(gate.keys.service_hold(SYMBOL)) is None


@pytest.mark.parametrize("consume_id", ["wrong", None])
def test_without_proof_of_the_consumption_the_reservation_only_stays(
    consumed: tuple[Gate, Consumed], consume_id: str | None
) -> None:
    gate, _ = consumed
    tell(gate, "0.010", consume_id, order_status="PARTIALLY_FILLED")
    assert gate.reserved_by() == "plan-1"
    assert left_ms(gate) <= CONSUMED_MS


def test_of_several_orders_each_must_be_over(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    steps = (
        '[{"order_id":"7","side":"SELL","executed_qty":"0.010","order_status":"FILLED"},'
        '{"order_id":"8","side":"SELL","executed_qty":"0.005","order_status":"PARTIALLY_FILLED"}]'
    )
    fields = {"plan_id": "plan-1", "symbol": SYMBOL, "executed": "True", "steps_results": steps}
    gate.recorder.record(parse_result({**fields, "consume_id": taken.consume_id}), gate.publish_result())
    assert gate.ledger_amt() == "0.025"
    assert gate.reserved_by() == "plan-1"
