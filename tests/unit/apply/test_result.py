"""What an executor publishes is what the brain reads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.apply import ExecutedOrder, Outcome
from p33_tasks.apply.result import result_fields
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import OrderSide

ORDER = ExecutedOrder(order_id=8205830455, side="SELL", executed_qty="0.028", quantity=Decimal("0.030"))
NOTHING = ExecutedOrder(order_id="p33-1", side=OrderSide.BUY, executed_qty=0, status="EXPIRED")


def fields(outcome: str, **options: Any) -> dict[str, str]:
    return result_fields("plan-1", "BTCUSDT", outcome, **options)


def test_an_executed_order_is_read_as_a_fill() -> None:
    result = parse_result(fields("executed", orders=[ORDER], consume_id="c-1", action="CLOSE_PARTIAL_75"))
    assert (result.plan_id, result.symbol, result.executed, result.rejected) == ("plan-1", "BTCUSDT", True, False)
    (fill,) = result.fills
    assert (fill.order_id, fill.side, fill.cumulative_qty) == ("8205830455", OrderSide.SELL, Decimal("0.028"))


@pytest.mark.parametrize("outcome", ["rejected", "unknown"])
def test_a_consumption_that_executed_nothing_is_reported_with_its_consume_id(outcome: str) -> None:
    result = parse_result(fields(outcome, orders=[NOTHING], consume_id="c-1", error="-2022"))
    assert (result.executed, result.consume_id) == (False, "c-1")
    assert result.rejected == (outcome == "rejected")


def test_a_part_that_was_executed_while_more_may_follow_is_a_fill_of_unknown_outcome() -> None:
    result = parse_result(fields("unknown", orders=[ORDER], consume_id="c-1"))
    (fill,) = result.fills
    assert (result.executed, result.is_open, fill.cumulative_qty) == (True, True, Decimal("0.028"))


def test_the_status_of_an_order_that_is_open_is_read_too() -> None:
    partial = ExecutedOrder(order_id=1, side="SELL", executed_qty="0.01", status="PARTIALLY_FILLED")
    assert parse_result(fields("executed", orders=[partial], consume_id="c-1")).is_open
    assert not parse_result(fields("executed", orders=[ORDER], consume_id="c-1")).is_open


def test_a_blocked_plan_is_reported_with_its_refusal() -> None:
    found = fields("blocked", error="missing_or_denied_p33_permit", reason="cooldown_in_flight")
    assert (found["executed"], found["error"], found["reason"]) == (
        "False",
        "missing_or_denied_p33_permit",
        "cooldown_in_flight",
    )
    assert not parse_result(found).rejected


@given(
    executed=st.decimals(min_value=0, max_value=10**9, places=8),
    side=st.sampled_from(OrderSide),
    leg=st.sampled_from(["BOTH", "LONG", "SHORT"]),
    order_id=st.from_regex(r"[A-Za-z0-9-]{1,36}", fullmatch=True).filter(
        lambda text: text.lower() not in {"none", "null"}
    )
    | st.integers(1, 10**18),
)
def test_any_order_is_read_exactly_as_it_was_given(executed: Decimal, side: OrderSide, leg: Any, order_id: Any) -> None:
    order = ExecutedOrder(order_id=order_id, side=side, executed_qty=executed, position_side=leg)
    outcome = Outcome.EXECUTED if executed else Outcome.UNKNOWN
    (fill,) = parse_result(fields(outcome, orders=[order], consume_id="c-1")).fills
    assert (fill.order_id, fill.side, fill.cumulative_qty) == (str(order_id), side, executed)


def test_in_hedge_mode_the_leg_is_named_and_no_reduce_only_flag() -> None:
    leg = ExecutedOrder(order_id="1", side="SELL", executed_qty="1", position_side="LONG")
    text = fields("executed", orders=[leg], consume_id="c")["steps_results"]
    assert '"position_side": "LONG"' in text
    assert "reduce_only" not in text


def one(**changes: Any) -> dict[str, Any]:
    order: dict[str, Any] = {"order_id": 1, "side": "SELL", "executed_qty": 1, **changes}
    return {"orders": [ExecutedOrder(**order)], "consume_id": "c"}


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "executed without an order": ("executed", {"consume_id": "c"}),
    "executed, and nothing filled": ("executed", {"orders": [NOTHING], "consume_id": "c"}),
    "rejected, and a quantity filled": ("rejected", {"orders": [ORDER], "consume_id": "c"}),
    "rejected without a consume_id": ("rejected", {}),
    "unknown without a consume_id": ("unknown", {}),
    "unknown with a consume_id that is too long": ("unknown", {"consume_id": "x" * 101}),
    "blocked with a consume_id": ("blocked", {"consume_id": "c"}),
    "blocked with an order": ("blocked", {"orders": [NOTHING]}),
    "another outcome": ("filled", {"orders": [ORDER], "consume_id": "c"}),
    "another side": ("executed", one(side="sell")),
    "a negative quantity": ("executed", one(executed_qty=-1)),
    "a quantity that is none": ("executed", one(executed_qty="NaN")),
    "no order id": ("executed", one(order_id="")),
    "None as an order id": ("executed", one(order_id="None")),
    "another leg": ("executed", one(position_side="FLAT")),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_report_that_contradicts_itself_is_refused(case: str) -> None:
    outcome, options = WRONG[case]
    with pytest.raises(ValueError, match=r"\w"):
        fields(outcome, **options)


def test_a_float_is_no_quantity() -> None:
    order: Any = ExecutedOrder(order_id=1, side="SELL", executed_qty=0.028)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(TypeError, match="float"):
        fields("executed", orders=[order], consume_id="c")


@pytest.mark.parametrize("plan_id", [None, "", " "])
def test_a_result_of_no_plan_is_refused(plan_id: Any) -> None:
    with pytest.raises(ValueError, match="plan_id"):
        result_fields(plan_id, "BTCUSDT", "blocked")
