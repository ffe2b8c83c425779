"""What the executor says is what the brain's own parser of all dialects understands."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from p33_tasks.abilities import OrderReport
from p33_tasks.apply.result import Outcome
from p33_tasks.contract.results import parse_result
from p33_tasks.demo.executor.reports import Report, of_order, of_refusal, result_fields
from p33_tasks.domain.models import Leg, OrderSide, Plan, PositionSide
from p33_tasks.errors import PermitRefused

PLAN = Plan(plan_id="p\u00fc-1", symbol="BTCUSDT", action="CLOSE_PARTIAL_75", close_factor=Decimal("0.75"), issued_ms=1)


def order(status: str, executed: str, quantity: str = "0.030") -> OrderReport:
    return OrderReport(
        order_id="8205830455",
        client_order_id="p33-x",
        symbol="BTCUSDT",
        status=status,
        side=OrderSide.SELL,
        quantity=Decimal(quantity),
        executed_qty=Decimal(executed),
    )


@pytest.mark.parametrize(
    ("status", "executed", "outcome", "is_final"),
    [
        ("FILLED", "0.030", Outcome.EXECUTED, True),
        # More of it may follow: what was executed counts, and the matter isn't over.
        ("PARTIALLY_FILLED", "0.010", Outcome.UNKNOWN, False),
        ("EXPIRED", "0.010", Outcome.EXECUTED, True),
        ("CANCELED", "0", Outcome.REJECTED, True),
        ("EXPIRED", "0", Outcome.REJECTED, True),
        # Accepted and not executed yet is neither executed nor rejected (sequence A).
        ("NEW", "0", Outcome.UNKNOWN, False),
        ("A_STATUS_OF_TOMORROW", "0.010", Outcome.UNKNOWN, False),
        ("A_STATUS_OF_TOMORROW", "0", Outcome.UNKNOWN, False),
    ],
)
def test_only_a_confirmed_quantity_is_executed_and_only_a_final_order_without_one_is_rejected(
    status, executed, outcome, is_final
):
    report = of_order(order(status, executed), "c1")
    assert (report.outcome, report.is_final) == (outcome, is_final)
    read = parse_result(result_fields(PLAN, report, now_ms=1_771_305_126_999))
    assert read.executed is (Decimal(executed) > 0)
    assert read.rejected is (outcome is Outcome.REJECTED)
    assert read.is_open is (Decimal(executed) > 0 and not is_final)
    assert read.consume_id == "c1"
    (fill,) = read.fills
    assert (fill.order_id, fill.side, fill.cumulative_qty) == ("8205830455", OrderSide.SELL, Decimal(executed))


def test_an_order_of_a_leg_names_the_leg_and_no_reduce_only_flag():
    of_leg = replace(order("FILLED", "0.028"), leg=Leg.LONG)
    fields = result_fields(PLAN, of_order(of_leg, "c1"), now_ms=1_771_305_126_999)
    (step,) = json.loads(fields["steps_results"])
    assert (step["position_side"], "reduce_only" in step) == ("LONG", False)
    (fill,) = parse_result(fields).fills
    assert (fill.leg, fill.reduce_only) == (PositionSide.LONG, None)


def test_the_entry_is_dialect_a_with_exact_quantities():
    fields = result_fields(PLAN, of_order(order("FILLED", "0.028", "0.028"), "c1"), now_ms=1_771_305_126_999)
    assert fields["executed"] == "True"
    assert fields["timestamp"] == "1771305126"
    (step,) = json.loads(fields["steps_results"])
    assert step["step"] == "CLOSE_PARTIAL_75"
    assert step["status"] == "success"
    assert (step["quantity"], step["executed_qty"], step["reduce_only"]) == ("0.028", "0.028", True)


def test_blocked_says_why_and_names_no_order_and_no_consumption():
    report = of_refusal(PermitRefused("missing_or_denied_p33_permit", "no_position"))
    fields = result_fields(PLAN, report, now_ms=1000)
    assert (fields["outcome"], fields["error"], fields["reason"]) == (
        "blocked",
        "missing_or_denied_p33_permit",
        "no_position",
    )
    read = parse_result(fields)
    assert (read.executed, read.rejected, read.fills, read.consume_id) == (False, False, (), None)


def test_the_same_news_has_the_same_digest_and_an_increase_another():
    first, same = of_order(order("NEW", "0"), "c1"), of_order(order("NEW", "0"), "c1")
    assert first.digest == same.digest
    assert (
        len(
            {
                first.digest,
                of_order(order("PARTIALLY_FILLED", "0.01"), "c1").digest,
                Report(outcome=Outcome.UNKNOWN).digest,
            }
        )
        == 3
    )
