"""Pure: maps an order at the venue to a report on its plan, and to the result entry.

The reference executor publishes as any executor can: with the client's own ``result_fields`` (dialect A of CONTRACT
section 4), in the same script as its journal.
"""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.abilities import OrderReport
from p33_tasks.apply import result as apply_result
from p33_tasks.apply.result import ExecutedOrder, Outcome
from p33_tasks.domain.models import Plan
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import PermitRefused

FINAL_STATUSES = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})
"""After these the venue never changes an order again (Binance's "Order status")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report on a plan."""

    outcome: Outcome
    is_final: bool = True
    error: str = ""
    reason: str = ""
    consume_id: str = ""
    order: OrderReport | None = None
    evidence: str = ""  # of an unknown outcome: the kind of finding; another kind is published again

    @property
    def digest(self) -> str:
        """Equal digests mean the same report."""
        order = self.order
        known = "" if order is None else f"{order.order_id}|{order.status}|{canonical(order.executed_qty)}"
        return f"{self.outcome}|{known or self.evidence}"


def of_order(order: OrderReport, consume_id: str) -> Report:
    """The report for an order that the venue found."""
    is_final = order.status in FINAL_STATUSES if order.is_final is None else order.is_final
    has_executed = order.executed_qty > 0
    if is_final and has_executed:
        return Report(outcome=Outcome.EXECUTED, consume_id=consume_id, order=order)
    if is_final:
        error = f"the venue ended the order with {order.status}, nothing was executed"
        return Report(outcome=Outcome.REJECTED, error=error, consume_id=consume_id, order=order)
    # Partially executed isn't final: more of the order may be executed.
    error = f"the order is {order.status}, {'a part' if has_executed else 'nothing'} is executed so far"
    return Report(outcome=Outcome.UNKNOWN, is_final=False, error=error, consume_id=consume_id, order=order)


def of_refusal(refused: PermitRefused) -> Report:
    """The report for a refused permit: nothing was sent."""
    return Report(outcome=Outcome.BLOCKED, error=refused.error, reason=refused.reason or "")


def result_fields(plan: Plan, report: Report, *, now_ms: int) -> dict[str, str]:
    """The entry for the result stream.

    Args:
        plan: The plan it is about.
        report: The report on it.
        now_ms: Redis TIME.
    """
    orders = [] if report.order is None else [_executed(report.order)]
    fields = apply_result.result_fields(
        plan.plan_id,
        plan.symbol,
        report.outcome,
        orders=orders,
        consume_id=report.consume_id,
        action=plan.action,
        error=report.error,
        reason=report.reason,
    )
    return {**fields, "timestamp": str(now_ms // 1000)}


def _executed(order: OrderReport) -> ExecutedOrder:
    return ExecutedOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        executed_qty=order.executed_qty,
        quantity=order.quantity,
        position_side=order.leg.value,
        status=order.status,
    )


def log_fields(plan: Plan, report: Report) -> dict[str, str]:
    """The log fields of a published result."""
    order = report.order
    return {
        "symbol": plan.symbol,
        "plan_id": plan.plan_id,
        **({"error": report.error} if report.error else {}),
        **({"reason": report.reason} if report.reason else {}),
        **({} if order is None else {"order_id": order.order_id, "side": str(order.side), "status": order.status}),
        **({} if order is None else {"executed_qty": canonical(order.executed_qty)}),
    }
