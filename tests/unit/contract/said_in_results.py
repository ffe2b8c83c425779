"""What results say of orders, in every form that executors publish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Fill, OrderSide
from tests.factories import result_entry

BUY, SELL = OrderSide.BUY, OrderSide.SELL


STEP_A = (
    '{"step":"CLOSE_PARTIAL_75","status":"success","order_id":"7","side":"SELL","quantity":"0.028",'
    '"executed_qty":"0.028","reduce_only":true}'
)


DETAILS_C = '{"side":"SELL","qty":0.05,"order_id":8205830455,"filled_qty":0.028,"order_status":"FILLED"}'


def dialect_a(*steps: str, **changes: Any) -> dict[str, Any]:
    return result_entry(
        decision="EXECUTE", would_execute="True", error="", steps_results=f"[{','.join(steps)}]", **changes
    )


def dialect_b(**changes: Any) -> dict[str, Any]:
    flat = {
        "action": "CLOSE_PARTIAL_75",
        "side": "SELL",
        "close_qty": "0.05",
        "filled_qty": "0.028",
        "order_id": "7",
        "order_status": "FILLED",
        "reduceOnly": "True",
    }
    return result_entry(**{**flat, **changes})


def dialect_c(details: str = DETAILS_C, **changes: Any) -> dict[str, Any]:
    return result_entry(event_type="executed", source="apply", **{"executed": "true", "details": details, **changes})


def fills_of(fields: dict[str, Any]) -> tuple[Fill, ...]:
    """What was executed; the flags beside it have tests of their own."""
    return tuple(replace(fill, leg=None, reduce_only=None) for fill in parse_result(fields).fills)


def problem_of(fields: dict[str, Any]) -> str:
    """The one problem of an executed result that is no rejection either."""
    result = parse_result(fields)
    (problem,) = result.problems
    assert result.is_unreadable
    assert not result.rejected
    assert not any(fill.cumulative_qty for fill in result.fills)
    assert len(problem) <= 200
    return problem


def entry(**changes: str) -> dict[str, str]:
    return {"plan_id": "p", "symbol": "BTCUSDT", "executed": "False", **changes}
