"""Orders and a plan's execution as stored in Redis, and what an allow permits (CONTRACT section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from p33_tasks.domain import exact_json
from p33_tasks.domain.executions import Breach, OrderRecord, Permitted
from p33_tasks.domain.models import Leg, OrderSide, PositionSide
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError

_SIDES = {side.value: side for side in OrderSide}
_LEGS = {leg.value: leg for leg in (PositionSide.LONG, PositionSide.SHORT)}
_BREACHES = {kind.value: kind for kind in Breach}


def encode_order(record: OrderRecord) -> str:
    """JSON: ``plan_id``, ``side`` (null where no report named it), ``breaches`` (list), in hedge mode ``leg``."""
    side = None if record.side is None else record.side.value
    leg = {} if record.leg is None else {"leg": record.leg.value}
    breaches = [str(kind) for kind in record.breaches]
    return exact_json.dumps({"plan_id": record.plan_id, "side": side, "breaches": breaches, **leg})


def decode_order(text: str | None) -> OrderRecord | None:
    """Read what ``encode_order`` wrote; None for a missing or foreign value (which will be overwritten)."""
    fields = _object(text)
    plan_id, side, breaches = fields.get("plan_id"), fields.get("side"), fields.get("breaches")
    if not isinstance(plan_id, str) or not isinstance(breaches, list):
        return None
    known = tuple(_BREACHES[kind] for kind in breaches if isinstance(kind, str) and kind in _BREACHES)
    leg = fields.get("leg")
    return OrderRecord(
        plan_id=plan_id,
        side=_SIDES.get(side) if isinstance(side, str) else None,
        breaches=known,
        leg=Leg(leg) if isinstance(leg, str) and leg in _LEGS else None,
    )


def encode_executed(executed: Mapping[str, Decimal]) -> str:
    """JSON object: order id to cumulative executed quantity in base units."""
    return exact_json.dumps(dict(executed))


def decode_executed(text: str | None) -> dict[str, Decimal]:
    """Read what ``encode_executed`` wrote; empty for a foreign value (it will be overwritten)."""
    try:
        return {order_id: parse_quantity(quantity) for order_id, quantity in _object(text).items()}
    except (InvalidQuantityError, TypeError):
        return {}


def permitted_of(decision: str | None, *, plan_id: str, symbol: str, step_size: str | None) -> Permitted | None:
    """What a plan's decision permits for this symbol; None if it isn't an allow for this plan and symbol.

    Args:
        decision: The decision as stored (CONTRACT section 6).
        plan_id: The plan.
        symbol: The venue's id.
        step_size: The symbol's step size as stored, base units.
    """
    fields = _object(decision)
    if fields.get("allow") is not True or (fields.get("plan_id"), fields.get("symbol")) != (plan_id, symbol):
        return None
    try:
        return Permitted(
            order_side=_SIDES[str(fields.get("order_side"))],
            safe_close_qty=parse_quantity(fields["safe_close_qty"]),
            leg=_LEGS.get(str(fields.get("position_side"))),
            step_size=_step(step_size),
        )
    except (KeyError, TypeError, InvalidQuantityError):
        return None


def decided_position(decision: str | None, *, plan_id: str, symbol: str) -> Leg | None:
    """The position that an allow of this plan is about; None if the decision isn't such an allow."""
    fields = _object(decision)
    if fields.get("allow") is not True or (fields.get("plan_id"), fields.get("symbol")) != (plan_id, symbol):
        return None
    side = fields.get("position_side", Leg.BOTH.value)
    return Leg(side) if isinstance(side, str) and side in set(Leg) else None


def _step(text: str | None) -> Decimal | None:
    try:
        step = parse_quantity(text or "")
    except InvalidQuantityError:
        return None
    return step if step > 0 else None


def _object(text: str | None) -> dict[str, object]:
    try:
        return exact_json.loads_object(text or "{}")
    except CorruptStateError:
        return {}
