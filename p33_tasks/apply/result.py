"""Make a plan's entry of the result stream, in dialect A of CONTRACT section 4."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from p33_tasks.apply.options import checked_id, consume_id_of
from p33_tasks.apply.permit import Leg
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.quantities import canonical, parse_quantity

RESULT_MAXLEN = 100_000
MAX_ORDER_ID_CHARS = 100
MAX_ERROR_CHARS = 500


class Outcome(StrEnum):
    """The known outcome of a plan."""

    EXECUTED = "executed"  # a quantity was executed, and no more will be executed
    BLOCKED = "blocked"  # no permit, no order
    REJECTED = "rejected"  # the venue refused the order, or nothing was sent
    UNKNOWN = "unknown"  # an order may have been executed, or more of it may still be executed


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedOrder:
    """An order as reported by the venue. Quantities are cumulative, in base units; a float is refused."""

    order_id: str | int
    """The venue's id, or the client order id if the venue gave none."""
    side: OrderSide | str
    """The trade's side: ``BUY`` raises the signed position."""
    executed_qty: Decimal | int | str
    quantity: Decimal | int | str | None = None
    """The ordered quantity, base units."""
    position_side: Leg = "BOTH"
    """The leg in hedge mode."""
    status: str = ""
    """The order's status, as the venue writes it."""
    client_order_id: str = ""
    """The client order id; recorded for people."""


def result_fields(
    plan_id: str,
    symbol: str,
    outcome: Outcome | str,
    *,
    orders: Sequence[ExecutedOrder] = (),
    consume_id: str | None = None,
    action: str = "",
    error: str = "",
    reason: str | None = "",
) -> dict[str, str]:
    """The fields of the stream entry.

    Raises:
        TypeError: A quantity is a float.
        ValueError: Outcome, orders and consume_id contradict each other, or one of them can't be read.
    """
    outcome = Outcome(outcome)
    steps = [_step(order, action) for order in orders]
    has_executed = any(Decimal(step["executed_qty"]) > 0 for step in steps)
    _require_consistent(outcome, steps, has_executed=has_executed, consume_id=consume_id)
    return {
        "plan_id": checked_id("plan_id", plan_id),
        "symbol": checked_id("symbol", symbol),
        "decision": "EXECUTE",
        "executed": str(has_executed),
        "would_execute": "True",
        "steps_results": json.dumps(steps),
        "error": error[:MAX_ERROR_CHARS],
        "reason": (reason or "")[:MAX_ERROR_CHARS],
        "outcome": str(outcome),
        "consume_id": consume_id or "",
    }


def _require_consistent(
    outcome: Outcome, steps: Sequence[object], *, has_executed: bool, consume_id: str | None
) -> None:
    if has_executed is not (outcome is Outcome.EXECUTED) and not (has_executed and outcome is Outcome.UNKNOWN):
        found = "an executed quantity" if has_executed else "no executed quantity"
        raise ValueError(
            f"outcome {outcome} with {found}; a quantity that was executed makes it 'executed', or 'unknown' while "
            "more of the order may follow"
        )
    if outcome is Outcome.BLOCKED:
        if steps or consume_id:
            raise ValueError("outcome 'blocked' with an order or a consume_id; after a consumption it is another one")
    elif not consume_id:
        raise ValueError(f"outcome {outcome} needs the consume_id of the consumption: Consumed.consume_id")
    else:
        consume_id_of(consume_id)


def _step(order: ExecutedOrder, action: str) -> dict[str, str | bool]:
    executed_qty = _quantity("executed_qty", order.executed_qty)
    step: dict[str, str | bool] = {
        "step": action,
        "status": "success" if executed_qty > 0 else order.status or "none",
        "order_id": _order_id(order.order_id),
        **({"client_order_id": order.client_order_id} if order.client_order_id else {}),
        "side": str(OrderSide(order.side)),
        "quantity": canonical(_quantity("quantity", order.executed_qty if order.quantity is None else order.quantity)),
        "executed_qty": canonical(executed_qty),
        "order_status": order.status,
    }
    if order.position_side == "BOTH":
        step["reduce_only"] = True
    elif order.position_side in {"LONG", "SHORT"}:
        # Venues refuse a reduce-only flag in hedge mode; side and leg make the order a reducing one.
        step["position_side"] = order.position_side
    else:
        raise ValueError(f"position_side is {order.position_side!r:.40}; BOTH, LONG or SHORT")
    return step


def _quantity(name: str, value: Decimal | int | str) -> Decimal:
    quantity = parse_quantity(value)
    if quantity < 0:
        raise ValueError(f"{name} is {quantity}; quantities aren't negative, the side says which way")
    return quantity


def _order_id(value: str | int) -> str:
    is_text = isinstance(value, str | int) and not isinstance(value, bool)
    text = str(value).strip() if is_text else ""
    if not text or len(text) > MAX_ORDER_ID_CHARS or not text.isprintable() or text.lower() in {"none", "null"}:
        raise ValueError(f"order_id is {value!r:.40}; give the venue's id, or your client order id")
    return text
