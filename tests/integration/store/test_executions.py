"""What an executor did, held against its permit and against what it said before (CONTRACT sections 4 and 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p33_tasks.domain.models import Fill, Leg, OrderSide
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.errors import CorruptStateError
from p33_tasks.ports import ExecutionResult, ResultStatus, StreamEntry
from p33_tasks.services.record_fill import ResultService
from p33_tasks.store.results import RedisResultStore
from p33_tasks.store.service_holds import ServiceHoldStore
from tests.support.gate import OTHER, SYMBOL, Gate, make_result, race

DAY_MS = 86_400_000


@pytest.fixture
def allowed(gate: Gate) -> Gate:
    """Plan ``plan-1`` may sell 0.03 of 0.04; the step is 0.001."""
    gate.make_ready()
    gate.allow()
    return gate


def breaches(gate: Gate) -> dict[str, int]:
    kinds = ("side", "leg", "quantity", "not_reduce_only")
    found = {kind: gate.count(f"p33_permit_breach_total|{SYMBOL}|{kind}") for kind in kinds}
    return {kind: count for kind, count in found.items() if count}


def order(order_id: str, side: str | None, quantity: str, **flags: Any) -> Fill:
    return Fill(
        order_id=order_id, side=OrderSide(side) if side else None, cumulative_qty=parse_quantity(quantity), **flags
    )


def report(gate: Gate, *fills: Fill, plan_id: str = "plan-1", entry: StreamEntry | None = None) -> ResultStatus:
    result = ExecutionResult(plan_id=plan_id, symbol=SYMBOL, executed=True, fills=fills)
    return gate.recorder.record(result, entry or gate.publish_result(plan_id))


# --- beyond the permit ----------------------------------------------------------------------------------------------


def test_what_the_permit_covers_is_no_breach(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.010", reduce_only=True))
    report(allowed, order("7", "SELL", "0.020"), order("8", "SELL", "0.010"))
    assert breaches(allowed) == {}


@pytest.mark.parametrize(
    ("fill", "kind"),
    [
        (order("7", "BUY", "0.01"), "side"),
        (order("7", "BUY", "0"), "side"),
        (order("7", "SELL", "0.031"), "quantity"),
        (order("7", None, "0.031"), None),
        (order("7", "SELL", "0.01", reduce_only=False), "not_reduce_only"),
        (order("7", None, "0.01"), None),
    ],
)
def test_a_breach_is_counted_once_per_order_however_often_it_is_reported(
    allowed: Gate, fill: Fill, kind: str | None
) -> None:
    entry = allowed.publish_result()
    for _ in range(2):
        report(allowed, fill, entry=entry)
    report(allowed, fill)
    assert breaches(allowed) == ({kind: 1} if kind else {})


def test_the_same_breach_reported_by_many_at_once_is_counted_once(allowed: Gate) -> None:
    gates = [Gate(allowed.server) for _ in range(10)]
    entries = [allowed.publish_result() for _ in range(10)]
    race(10, lambda n: report(gates[n], order("7", "SELL", "0.04", reduce_only=False), entry=entries[n]))
    assert breaches(allowed) == {"quantity": 1, "not_reduce_only": 1}


def test_the_quantity_is_the_sum_over_the_plans_orders(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.020"))
    report(allowed, order("8", "SELL", "0.010"))
    assert breaches(allowed) == {}
    report(allowed, order("8", "SELL", "0.011"))
    assert breaches(allowed) == {"quantity": 1}
    report(allowed, order("8", "SELL", "0.012"))
    assert breaches(allowed) == {"quantity": 1}, "of an order that was counted"
    stored = allowed.redis.get(allowed.keys.executed("plan-1"))
    assert json.loads(stored, parse_float=str) == {"7": "0.02", "8": "0.012"}
    assert 6 * DAY_MS < allowed.redis.pttl(allowed.keys.executed("plan-1")) <= 7 * DAY_MS


def test_orders_of_one_plan_reported_at_once_are_all_in_the_sum(gate: Gate) -> None:
    """Also where the ledger's amount is unknown, and so never moves."""
    gate.make_ready()
    gate.allow()
    gate.redis.hdel(gate.keys.ledger(SYMBOL), "last_known_amt")
    gates = [Gate(gate.server) for _ in range(8)]
    entries = [gate.publish_result() for _ in range(8)]
    race(8, lambda n: report(gates[n], order(f"o{n}", "SELL", "0.004"), entry=entries[n]))
    assert breaches(gate) == {"quantity": 1}, "0.032 of 0.03"


@pytest.mark.parametrize("dust", ["0.03000000000000004", "0.0300000001", "0.0309"])
def test_less_than_a_step_above_the_permit_is_a_writers_rounding(allowed: Gate, dust: str) -> None:
    report(allowed, order("7", "SELL", dust))
    assert breaches(allowed) == {}


def test_without_an_allow_on_record_nothing_is_compared(gate: Gate) -> None:
    gate.make_ready()
    wild = order("7", "BUY", "5000", reduce_only=False)
    report(gate, wild, plan_id="never-judged")
    assert gate.why_not("denied", action="HOLD") == "unknown_action"
    report(gate, order("8", "BUY", "5000", reduce_only=False), plan_id="denied")
    assert breaches(gate) == {}
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 2


def test_a_breach_is_an_error_in_the_log(allowed: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    report(allowed, order("7", "BUY", "14", reduce_only=False))
    printed = capsys.readouterr().out
    assert "PERMIT_BREACH" in printed
    assert "kinds=side,quantity,not_reduce_only" in printed


# --- contradictions -------------------------------------------------------------------------------------------------


def test_an_order_whose_side_changes_applies_nothing(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.025"))
    assert allowed.ledger_amt() == "0.015"
    report(allowed, order("7", "BUY", "0.030"))
    assert allowed.ledger_amt() == "0.015"
    assert breaches(allowed) == {"side": 1}
    assert allowed.count(f"p33_unreadable_result_total|{SYMBOL}") == 1
    assert "was a SELL" in allowed.dead()[0]["error"]
    report(allowed, order("7", "SELL", "0.030"))
    assert allowed.ledger_amt() == "0.01", "its first word stands"


def test_a_side_that_an_earlier_report_named_is_certain(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0"))
    report(allowed, order("7", None, "0.010"))
    assert allowed.ledger_amt() == "0.03"


def test_a_result_that_names_another_plans_order_releases_nothing(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.010"), plan_id="stranger")
    assert allowed.reserved_by() == "plan-1"
    report(allowed, order("7", "SELL", "0.020"))
    assert allowed.reserved_by() == "plan-1"
    assert allowed.ledger_amt() == "0.02", "the order is the venue's, whoever names it"
    assert "of plan stranger" in allowed.dead()[0]["error"]
    assert breaches(allowed) == {}
    report(allowed, order("8", "SELL", "0.010"))
    assert allowed.reserved_by() is None


def test_a_rejection_that_names_an_executed_order_releases_nothing(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.010"), plan_id="stranger")
    result = make_result("plan-1", ("7", "SELL", "0"), executed=False, rejected=True)
    allowed.recorder.record(result, allowed.publish_result())
    assert allowed.reserved_by() == "plan-1"
    problem = make_result("plan-1", executed=False, rejected=True, problems=("said both",))
    allowed.recorder.record(problem, allowed.publish_result())
    assert allowed.reserved_by() == "plan-1"


def test_the_memory_of_an_order_ends_with_its_quantity(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.010"))
    allowed.redis.zadd(allowed.keys.fill_times(SYMBOL), {"7": allowed.now_ms() - 7 * DAY_MS - 1})
    report(allowed, order("8", "SELL", "0.010"))
    assert allowed.redis.hkeys(allowed.keys.orders(SYMBOL)) == ["8"]
    assert 6 * DAY_MS < allowed.redis.pttl(allowed.keys.orders(SYMBOL)) <= 7 * DAY_MS


@pytest.mark.parametrize("foreign", ["[]", "x", '{"plan_id":5}', '{"plan_id":"plan-1","breaches":"x"}'])
def test_a_foreign_record_of_an_order_or_a_plan_gives_way(allowed: Gate, foreign: str) -> None:
    allowed.redis.hset(allowed.keys.orders(SYMBOL), "7", foreign)
    allowed.redis.set(allowed.keys.executed("plan-1"), f"x{foreign}")
    report(allowed, order("7", "BUY", "0.010"))
    assert breaches(allowed) == {"side": 1}
    assert allowed.ledger_amt() == "0.05"


# --- before the verdict, and long after -----------------------------------------------------------------------------


def test_a_plan_that_was_executed_before_its_verdict_is_never_allowed(gate: Gate) -> None:
    gate.make_ready()
    assert report(gate, order("7", "SELL", "0.010"), plan_id="early") is ResultStatus.RECORDED
    decision = gate.decision("early")
    assert decision is not None
    assert (decision["reason"], decision["details"]) == ("plan_abandoned", {"executed": True})
    assert gate.permit("early") == decision
    gate.end_cooldown()
    gate.put_position("0.03")
    assert gate.why_not("early") == "plan_abandoned"
    assert gate.why_not("next") == "allow"
    assert gate.count(f"p33_denial_total|{SYMBOL}|plan_abandoned") == 1
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 1


def test_an_executed_result_without_any_order_denies_its_plan_too(gate: Gate) -> None:
    gate.make_ready()
    gate.report("early")
    assert gate.reason("early") == "plan_abandoned"


@pytest.mark.parametrize("known_by", ["age", "consumption"])
def test_a_result_of_a_plan_whose_decision_has_expired_is_no_execution_around_the_gate(
    allowed: Gate, known_by: str
) -> None:
    entry = allowed.publish_result()
    if known_by == "consumption":
        allowed.consume()
    else:
        old = f"{allowed.now_ms() - DAY_MS - 1000}-0"
        entry = StreamEntry(stream=entry.stream, entry_id=old)
    allowed.redis.delete(allowed.keys.decision("plan-1"))
    assert report(allowed, order("7", "SELL", "0.010"), entry=entry) is ResultStatus.RECORDED
    assert allowed.ledger_amt() == "0.03"
    assert allowed.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 0


def test_more_of_a_known_order_is_no_second_execution_around_the_gate(gate: Gate) -> None:
    gate.put_ledger()
    report(gate, order("7", "SELL", "0.010"), plan_id="never")
    report(gate, order("7", "SELL", "0.020"), plan_id="never")
    assert gate.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 1


# --- sums -----------------------------------------------------------------------------------------------------------


def test_a_sum_that_can_not_be_read_back_is_refused_and_the_ledger_stays_readable(gate: Gate) -> None:
    gate.put_ledger("0")
    gate.report("p", ("7", "SELL", "9e29"))
    assert gate.report("p", ("8", "SELL", "9e29"), ("9", "SELL", "1")) is ResultStatus.RECORDED
    assert gate.ledger_amt() == "-900000000000000000000000000001", "the readable fill of that result counts"
    assert "can't be written" in gate.dead()[0]["error"]
    assert gate.pending(gate.keys.results) == 0
    gate.report("p", ("10", "BUY", "1"))
    assert gate.ledger_amt() == "-900000000000000000000000000000"


def test_a_ledger_that_can_not_be_read_holds_up_no_report_without_a_quantity(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_known_amt", "n/a")
    assert gate.report("p", ("7", "SELL", "0")) is ResultStatus.RECORDED
    assert gate.ledger_amt() == "n/a"
    with pytest.raises(CorruptStateError, match="n/a"):
        gate.report("p", ("7", "SELL", "0.1"))
    gate.put_ledger("1", symbol=OTHER)
    assert gate.report("p", ("7", "SELL", "0.1"), symbol=OTHER) is ResultStatus.RECORDED


# --- a breach holds the position ------------------------------------------------------------------------------------


def test_an_order_beyond_its_permit_holds_the_position_until_a_person_ends_it(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.031"))
    held = json.loads(allowed.redis.get(allowed.keys.service_hold(SYMBOL)) or "{}")
    assert (held["reason"], held["ends"]) == ("breach", "person")
    assert (held["evidence"][0]["plan_id"], held["evidence"][0]["orders"]) == ("plan-1", ["7: quantity"])
    assert allowed.why_not("p-2") == "reconcile_hold_active"
    holds = ServiceHoldStore(allowed.server.client(), allowed.keys)
    assert holds.release(SYMBOL, Leg.BOTH, why="looked at", by="test") is not None
    assert allowed.why_not("p-3") != "reconcile_hold_active"


def test_the_same_breach_reported_again_is_one_reason(allowed: Gate) -> None:
    for _ in range(2):
        report(allowed, order("7", "SELL", "0.031"))
    held = json.loads(allowed.redis.get(allowed.keys.service_hold(SYMBOL)) or "{}")
    assert len(held["evidence"]) == 1


def test_what_the_permit_covers_holds_nothing(allowed: Gate) -> None:
    report(allowed, order("7", "SELL", "0.030", reduce_only=True))
    assert allowed.redis.get(allowed.keys.service_hold(SYMBOL)) is None


def test_a_breach_holds_nothing_where_that_is_switched_off(allowed: Gate) -> None:
    store = RedisResultStore(
        allowed.server.client(),
        allowed.keys,
        allowlist=allowed.policy.allowlist,
        permit_ttl_ms=60_000,
        hold_on_breach=False,
    )
    result = ExecutionResult(plan_id="plan-1", symbol=SYMBOL, executed=True, fills=(order("7", "SELL", "0.031"),))
    ResultService(store).record(result, allowed.publish_result("plan-1"))
    assert breaches(allowed) == {"quantity": 1}
    assert allowed.redis.get(allowed.keys.service_hold(SYMBOL)) is None
