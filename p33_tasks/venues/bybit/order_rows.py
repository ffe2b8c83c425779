"""Pure functions that read Bybit's orders, as ``/v5/order/realtime`` and ``/v5/order/history`` list them.

Source: "Get Open & Closed Orders", "Get Order History" and "Enums: orderStatus" of Bybit's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.envelope import rows_of
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError, milliseconds_at, number

SIDES: Final = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
LEGS: Final = {0: Leg.BOTH, 1: Leg.LONG, 2: Leg.SHORT}
UNTRIGGERED: Final = "Untriggered"
_OPEN: Final = frozenset({"New", "PartiallyFilled", UNTRIGGERED})
_FINAL: Final = frozenset({"Filled", "Cancelled", "Rejected", "PartiallyFilledCanceled", "Deactivated"})


def read_orders(answer: object, symbol: str, what: str) -> list[OrderRow]:
    """Every order of a page. Raises MalformedResponseError: one that can't be read, or is of another symbol."""
    rows = rows_of(answer, what, is_about_account=False)
    return [_order(row, symbol) for row in rows]


def read_resting(pages: Sequence[object], symbol: str, what: str) -> tuple[RestingOrder, ...]:
    """The open orders, conditional ones too. Raises MalformedResponseError."""
    found = {order.order_id: order for page in pages for order in read_orders(page, symbol, what)}
    unknown = {order.status for order in found.values()} - _OPEN - _FINAL - {"Triggered"}
    if unknown:
        raise MalformedResponseError(f"{what}: order status {min(unknown)!r:.30} is not documented")
    return tuple(_resting(order, symbol) for order in found.values() if order.status in _OPEN)


def _resting(order: OrderRow, symbol: str) -> RestingOrder:
    reduce_only = order.row.get("reduceOnly")
    if not isinstance(reduce_only, bool):
        raise MalformedResponseError("order: reduceOnly is missing")
    try:
        left = number(order.row, "leavesQty")
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
    is_conditional = order.status == UNTRIGGERED
    return RestingOrder(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        symbol=symbol,
        leg=order.leg,
        side=order.side,
        open_qty=order.quantity if is_conditional else left,
        reduce_only=reduce_only or order.row.get("closeOnTrigger") is True,
        is_conditional=is_conditional,
    )


def _order(row: object, symbol: str) -> OrderRow:
    if not isinstance(row, dict) or row.get("symbol") != symbol:
        raise MalformedResponseError(f"order: an order of {symbol} was expected, another came")
    order_id, client_id, status = row.get("orderId"), row.get("orderLinkId"), row.get("orderStatus")
    side, index = row.get("side"), row.get("positionIdx")
    if not isinstance(order_id, str) or not order_id or not isinstance(client_id, str) or not isinstance(status, str):
        raise MalformedResponseError("order: orderId, orderLinkId or orderStatus is missing")
    if side not in SIDES or not isinstance(index, int) or isinstance(index, bool) or index not in LEGS:
        raise MalformedResponseError(f"order: side {side!r:.20} or positionIdx {index!r:.20} is not documented")
    try:
        quantity, executed = number(row, "qty"), number(row, "cumExecQty")
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
    return OrderRow(
        row=row,
        order_id=order_id,
        client_order_id=client_id,
        status=status,
        is_final=status in _FINAL,
        side=SIDES[side],
        leg=LEGS[index],
        quantity=quantity,
        executed_qty=executed,
        created_ms=milliseconds_at(row, ("createdTime",)),
    )
