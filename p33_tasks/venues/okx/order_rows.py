"""Pure functions that read OKX's orders, in base units.

Source: "Get order", "Get order List" and "Get algo order list" of OKX's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.okx.envelope import only_row_of
from p33_tasks.venues.okx.spec import INST_TYPE
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError, Row, milliseconds_at, number

SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
LEGS: Final = {"net": Leg.BOTH, "long": Leg.LONG, "short": Leg.SHORT}
_OPEN: Final = frozenset({"live", "partially_filled"})
_FINAL: Final = frozenset({"filled", "canceled", "mmp_canceled"})
_FLAGS: Final = {"true": True, "false": False}


def read_order(answer: object, symbol: str, size: Decimal, what: str) -> OrderRow:
    """The one order of an answer. Raises MalformedResponseError."""
    return _order(only_row_of(answer, what), symbol, size)


def read_resting(rows: Iterable[Any], symbol: str, size: Decimal) -> tuple[RestingOrder, ...]:
    """The open orders of ``orders-pending``. Raises MalformedResponseError."""
    found: list[RestingOrder] = []
    for row in rows:
        order = _order(row, symbol, size)
        if order.status not in _OPEN:
            raise MalformedResponseError(f"open orders: state is {order.status!r:.20}, not live or partially_filled")
        found.append(
            RestingOrder(
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                symbol=symbol,
                leg=order.leg,
                side=order.side,
                open_qty=q.subtract(order.quantity, order.executed_qty),
                reduce_only=reduces(order.row, order.leg, order.side),
                is_conditional=False,
            )
        )
    return tuple(found)


def read_algo(rows: Iterable[Any], symbol: str, size: Decimal) -> tuple[RestingOrder, ...]:
    """The untriggered orders of ``orders-algo-pending``. Raises MalformedResponseError."""
    return tuple(_algo(row, symbol, size) for row in rows)


def reduces(row: Row, leg: Leg, side: OrderSide) -> bool:
    """Whether an order can only reduce. With a leg the side decides it; the venue ignores reduceOnly then."""
    if leg is not Leg.BOTH:
        return (leg is Leg.LONG) is (side is OrderSide.SELL)
    flag = row.get("reduceOnly")
    found = flag if isinstance(flag, bool) else _FLAGS.get(flag) if isinstance(flag, str) else None
    if found is None:
        raise MalformedResponseError("order: reduceOnly is missing")
    return found


def _algo(row: object, symbol: str, size: Decimal) -> RestingOrder:
    checked, side, leg = _checked(row, symbol)
    order_id, client_id = checked.get("algoId"), checked.get("algoClOrdId", "")
    if not isinstance(order_id, str) or not order_id or not isinstance(client_id, str):
        raise MalformedResponseError("conditional order: algoId is missing")
    try:
        quantity = in_base(number(checked, "sz"), size)
    except InvalidRowError as error:
        # One that closes the whole position (closeFraction) has no size: its quantity is unknown.
        raise MalformedResponseError(f"conditional order: {error}") from error
    return RestingOrder(
        order_id=order_id,
        client_order_id=client_id,
        symbol=symbol,
        leg=leg,
        side=side,
        open_qty=quantity,
        reduce_only=reduces({"reduceOnly": "false", **checked}, leg, side),
        is_conditional=True,
    )


def _checked(row: object, symbol: str) -> tuple[Row, OrderSide, Leg]:
    if not isinstance(row, dict) or row.get("instId") != symbol or row.get("instType") != INST_TYPE:
        raise MalformedResponseError(f"order: an order of {symbol} was expected, another came")
    side, leg = row.get("side"), row.get("posSide")
    if side not in SIDES or leg not in LEGS:
        raise MalformedResponseError(f"order: side {side!r:.20} or posSide {leg!r:.20} is not documented")
    return row, SIDES[side], LEGS[leg]


def _order(row: object, symbol: str, size: Decimal) -> OrderRow:
    checked, side, leg = _checked(row, symbol)
    order_id, client_id, state = checked.get("ordId"), checked.get("clOrdId"), checked.get("state")
    if not isinstance(order_id, str) or not order_id or not isinstance(client_id, str) or not isinstance(state, str):
        raise MalformedResponseError("order: ordId, clOrdId or state is missing")
    try:
        quantity, executed = (in_base(number(checked, name), size) for name in ("sz", "accFillSz"))
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
    return OrderRow(
        row=checked,
        order_id=order_id,
        client_order_id=client_id,
        status=state,
        is_final=state in _FINAL,
        side=side,
        leg=leg,
        quantity=quantity,
        executed_qty=executed,
        created_ms=milliseconds_at(checked, ("cTime",)),
    )
