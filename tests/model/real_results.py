"""Results of the model as the parser would give them."""

from __future__ import annotations

from dataclasses import replace

from p33_tasks.domain.models import Leg, OrderSide, PositionSide
from p33_tasks.ports import ExecutionResult
from tests.factories import make_fill
from tests.model.scenario import Scenario
from tests.model.state import DOUBT, FILLED, ORDER_ONLY, REJECTED, STRAY_REJECTION, Result
from tests.model.told import leg_of, legs_of
from tests.support.gate import SYMBOL

EXECUTED = {ORDER_ONLY, FILLED}


def real_result(case: Scenario, result: Result) -> ExecutionResult:
    """A result of the model as the parser would give it."""
    fills = ()
    if result.kind in EXECUTED:
        side = OrderSide.BUY if leg_of(case, result.plan) is Leg.SHORT else OrderSide.SELL
        fill = make_fill(order_id=f"{result.plan}-{result.by}", side=side, quantity=str(result.qty))
        named = PositionSide(legs_of(case)[result.leg].value) if case.legs else None
        fills = (replace(fill, leg=named),)
    rejected = result.kind in {REJECTED, STRAY_REJECTION}
    return ExecutionResult(
        plan_id=f"plan-{result.plan}",
        symbol=SYMBOL,
        executed=result.kind in EXECUTED,
        fills=fills,
        rejected=rejected,
        unknown=result.kind == DOUBT,
        consume_id=consume_id_of(result.plan, result.by) if rejected or result.kind == DOUBT else None,
    )


def consume_id_of(plan: int, number: int) -> str:
    """Number 0, a stray's, was never given out."""
    return f"consumption-{plan}-{number}"
