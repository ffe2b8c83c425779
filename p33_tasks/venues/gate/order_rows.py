"""Pure functions that read Gate's orders and trades, in base units.

A size's sign is the side. Neither an order nor a trade names its leg: in dual mode a reduce-only sell is the
long leg's, and ``close_size`` shows whether a trade closed.

Sources: "FuturesOrder", "FuturesPriceTriggeredOrder" and "MyFuturesTradeTimeRange" of gateapi-python's documentation;
``text`` of the venue's own orders: liquidation, auto_deleveraging and similar.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind, Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.contracts import in_base
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError, Row, number

OPEN: Final = "open"
FINISHED: Final = "finished"
_STATUSES: Final = (OPEN, FINISHED)
_LIQUIDATED: Final = re.compile(r"(?:hedge-)?liq-.*|(?:pm_|comb_margin_|scm_)?liquidat(?:ion|e)|insurance")
_DELEVERAGED: Final = "auto_deleveraging"


def read_order(row: object, symbol: str, size: Decimal, *, hedge_mode: bool) -> OrderRow:
    """One order. Raises MalformedResponseError: also one that closes the whole position, which has no size."""
    checked = _of(row, symbol, "order")
    order_id, text, status = _id(checked, "id"), checked.get("text"), checked.get("status")
    if order_id is None or not isinstance(text, str) or status not in _STATUSES:
        raise MalformedResponseError(f"order: id or text is missing, or status {status!r:.20} is not documented")
    signed, left = _amount(checked, "size", size), _amount(checked, "left", size)
    side = _side(signed)
    finish = checked.get("finish_as")
    return OrderRow(
        row=checked,
        order_id=order_id,
        client_order_id=text,
        status=finish if status == FINISHED and isinstance(finish, str) else status,
        is_final=status == FINISHED,
        side=side,
        leg=_leg(side, closes=_reduces(checked)) if hedge_mode else Leg.BOTH,
        quantity=q.magnitude(signed),
        executed_qty=q.subtract(q.magnitude(signed), q.magnitude(left)),
        created_ms=_milliseconds(checked),
    )


def read_resting(rows: Iterable[Any], symbol: str, size: Decimal, *, hedge_mode: bool) -> tuple[RestingOrder, ...]:
    """The open orders. Raises MalformedResponseError."""
    found: list[RestingOrder] = []
    for order in (read_order(row, symbol, size, hedge_mode=hedge_mode) for row in rows):
        if order.is_final:
            raise MalformedResponseError(f"open orders: order {order.order_id} is {order.status}")
        found.append(
            RestingOrder(
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                symbol=symbol,
                leg=order.leg,
                side=order.side,
                open_qty=q.subtract(order.quantity, order.executed_qty),
                reduce_only=_reduces(order.row),
                is_conditional=False,
            )
        )
    return tuple(found)


def read_triggers(rows: Iterable[Any], symbol: str, size: Decimal, *, hedge_mode: bool) -> tuple[RestingOrder, ...]:
    """The untriggered orders. Raises MalformedResponseError."""
    return tuple(_trigger(row, symbol, size, hedge_mode=hedge_mode) for row in rows)


def read_trades(rows: Iterable[Any], symbol: str, size: Decimal, *, hedge_mode: bool) -> list[MarkedTrade]:
    """Every trade. Raises MalformedResponseError: one unreadable row makes the list incomplete."""
    return [_trade(row, symbol, size, hedge_mode=hedge_mode) for row in rows]


def _trigger(row: object, symbol: str, size: Decimal, *, hedge_mode: bool) -> RestingOrder:
    order_id = _id(row, "id") if isinstance(row, dict) else None
    if not isinstance(row, dict) or order_id is None:
        raise MalformedResponseError("conditional order: id is missing")
    initial = _of(row.get("initial"), symbol, "conditional order")
    signed, reduces, text = _amount(initial, "size", size), _reduces(initial), initial.get("text")
    side = _side(signed)
    return RestingOrder(
        order_id=order_id,
        client_order_id=text if isinstance(text, str) else "",
        symbol=symbol,
        leg=_leg(side, closes=reduces) if hedge_mode else Leg.BOTH,
        side=side,
        open_qty=q.magnitude(signed),
        reduce_only=reduces,
        is_conditional=True,
    )


def _trade(row: object, symbol: str, size: Decimal, *, hedge_mode: bool) -> MarkedTrade:
    checked = _of(row, symbol, "trades")
    trade_id = _id(checked, "trade_id") or _id(checked, "id")
    order_id, time_ms, text = _id(checked, "order_id"), _milliseconds(checked), checked.get("text", "")
    if trade_id is None or time_ms is None or not isinstance(text, str):
        raise MalformedResponseError("trades: trade_id, create_time or text is missing")
    signed = _amount(checked, "size", size)
    side = _side(signed)
    trade = Trade(
        trade_id=trade_id,
        order_id=None if order_id == "0" else order_id,
        symbol=symbol,
        leg=_traded_leg(checked, signed, size) if hedge_mode else Leg.BOTH,
        side=side,
        quantity=q.magnitude(signed),
        time_ms=time_ms,
    )
    adl = ForcedKind.ADL if text == _DELEVERAGED else None
    return MarkedTrade(trade=trade, forced=ForcedKind.LIQUIDATION if _LIQUIDATED.fullmatch(text) else adl)


def _traded_leg(row: Row, signed: Decimal, size: Decimal) -> Leg:
    closed = q.magnitude(_amount(row, "close_size", size))
    if closed not in {q.ZERO, q.magnitude(signed)}:
        raise MalformedResponseError(f"trades: close_size {closed} of {signed} opens and closes in dual mode")
    return _leg(_side(signed), closes=closed != 0)


def _of(row: object, symbol: str, what: str) -> Row:
    if not isinstance(row, dict) or row.get("contract") != symbol:
        raise MalformedResponseError(f"{what}: one of {symbol} was expected, another came")
    return row


def _id(row: Row, name: str) -> str | None:
    found = row.get(name)
    if isinstance(found, bool) or not isinstance(found, int | str) or found == "":
        return None
    return str(found)


def _amount(row: Row, name: str, size: Decimal) -> Decimal:
    try:
        return in_base(number(row, name), size)
    except InvalidRowError as error:
        raise MalformedResponseError(f"order or trade: {error}") from error


def _side(signed: Decimal) -> OrderSide:
    if signed == 0:
        raise MalformedResponseError("order or trade: its size is 0: how much it takes is not known")
    return OrderSide.BUY if signed > 0 else OrderSide.SELL


def _reduces(row: Row) -> bool:
    """Whether an order can only reduce. Raises MalformedResponseError: the row doesn't show it."""
    flag = row.get("is_reduce_only", row.get("reduce_only"))
    if not isinstance(flag, bool):
        raise MalformedResponseError("order: is_reduce_only is missing")
    return flag or row.get("is_close") is True


def _leg(side: OrderSide, *, closes: bool) -> Leg:
    return Leg.LONG if (side is OrderSide.SELL) is closes else Leg.SHORT


def _milliseconds(row: Row) -> int | None:
    """``create_time`` (seconds with a fraction) in milliseconds."""
    try:
        found = number(row, "create_time")
    except InvalidRowError:
        return None
    return int(found * 1000) if found > 0 else None
