"""The format of a position's resting orders in Redis: per order side, the orders that reduce the position."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce
from typing import Any

from p33_tasks.abilities import RestingOrder
from p33_tasks.contract.hash_values import MAX_NAME_CHARS, Raw, number
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.resting import Resting
from p33_tasks.errors import CorruptStateError

RESTING_FIELDS = ("ts_ms", "life", "source", "sell", "buy", "problem")
MOST_IDS = 10
"""Maximum number of order ids stored per kind, for people; the quantity includes all orders."""


def encode_resting(leg: Leg, orders: Iterable[RestingOrder]) -> dict[str, str]:
    """The HASH fields of one position's resting orders, by side.

    Args:
        leg: The position's leg.
        orders: All of the symbol; those of other legs, and those that don't reduce, are left out.
    """
    reducing = [order for order in orders if order.leg is leg and _reduces(order)]
    sides = {"sell": OrderSide.SELL, "buy": OrderSide.BUY}
    return {name: _side(one for one in reducing if one.side is side) for name, side in sides.items()}


def encode_resting_problem(problem: str) -> dict[str, str]:
    """The HASH fields of a position whose orders could not be read."""
    return {"problem": problem[:MAX_NAME_CHARS]}


def decode_resting(symbol: str, raw: Raw, side: OrderSide) -> Resting | None:
    """Read ``RESTING_FIELDS``: the orders on ``side``, which closes the position; None if nothing was stored yet.

    Raises:
        CorruptStateError: The venue's answer about this symbol could not be read, or the stored value can't be read.
    """
    ts_ms, life, source, sell, buy, problem = raw
    if ts_ms is None and problem is None:
        return None
    if problem:
        raise CorruptStateError(f"the open orders of {symbol}: {problem[:MAX_NAME_CHARS]}")
    asked_ms, text = decode_time(ts_ms, None), sell if side is OrderSide.SELL else buy
    if asked_ms is None or text is None:
        raise CorruptStateError(f"the open orders of {symbol} have no time or no {side.lower()} side")
    found = exact_json.loads_object(text)
    qty = number(found.get("qty"), "qty")
    if qty < 0:
        raise CorruptStateError(f"the open orders of {symbol} make {q.canonical(qty)}")
    return Resting(
        ts_ms=asked_ms,
        life=(life or "")[:MAX_NAME_CHARS],
        source=(source or "")[:MAX_NAME_CHARS],
        qty=qty,
        order_ids=_ids(found.get("orders")),
        conditional_ids=_ids(found.get("conditional")),
    )


def _reduces(order: RestingOrder) -> bool:
    """Whether the order reduces a position. In hedge mode side and leg decide, not the flag: SELL LONG, BUY SHORT."""
    if order.leg is Leg.BOTH:
        return order.reduce_only
    return order.side is (OrderSide.SELL if order.leg is Leg.LONG else OrderSide.BUY)


def _side(orders: Iterable[RestingOrder]) -> str:
    found = list(orders)
    active = [order for order in found if not order.is_conditional]
    fields: dict[str, Any] = {
        "qty": reduce(q.add, (order.open_qty for order in active), Decimal(0)),
        "orders": [order.order_id for order in active[:MOST_IDS]],
        "conditional": [order.order_id for order in found if order.is_conditional][:MOST_IDS],
    }
    return exact_json.dumps(fields)


def _ids(value: object) -> tuple[str, ...]:
    return tuple(str(one)[:40] for one in value[:MOST_IDS]) if isinstance(value, list) else ()
