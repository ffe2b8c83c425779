"""Results of the model as the parser would give them."""

from __future__ import annotations

from dataclasses import replace

from p33_tasks.domain.models import Leg, OrderSide, PositionSide
from p33_tasks.ports import ExecutionResult, LedgerState, ResultStatus, StreamEntry
from p33_tasks.services.record_fill import apply_all, ids_to_load
from tests.factories import make_fill
from tests.model.scenario import Scenario
from tests.model.state import DOUBT, FILLED, ORDER_ONLY, REJECTED, STRAY_REJECTION, Result
from tests.model.told import leg_of, legs_of
from tests.support.gate import SYMBOL, Gate

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


def loaded(gate: Gate, result: ExecutionResult, entry: StreamEntry) -> LedgerState:
    """What a result is recorded on, as ``ResultService`` reads it."""
    named = frozenset(Leg(fill.leg.value) for fill in result.fills if fill.leg is not None)
    return gate.results.load_ledger(SYMBOL, ids_to_load(result, entry), result.plan_id, named)


def recorded(gate: Gate, result: ExecutionResult, base: LedgerState, entry: StreamEntry) -> ResultStatus:
    """Record a result on what was read before, as ``ResultService`` does."""
    return gate.results.record(result=result, base=base, recording=apply_all(result, base, entry), entry=entry)
