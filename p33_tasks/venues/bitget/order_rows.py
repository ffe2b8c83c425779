"""Pure functions that read Bitget's orders and fills.

In hedge mode ``side`` is the *position's* side: closing a long says buy and close. What an order or fill does to the
position follows from leg and ``tradeSide``. An order names its leg (``posSide``), a fill doesn't; that of a trade of
the venue's own is part of its ``tradeSide``.

Sources: "Get order detail", "Get pending orders", "Get pending trigger orders", "Get historical transaction details"
and the values of ``tradeSide`` of "Fill channel", all of Bitget's contract documentation.
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
from p33_tasks.venues.bitget.position_rows import MODES
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError, Row, milliseconds_at, number

SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
LEGS: Final = {"net": Leg.BOTH, "long": Leg.LONG, "short": Leg.SHORT}
_OPEN: Final = frozenset({"live", "partially_filled"})
_FINAL: Final = frozenset({"filled", "canceled"})
_REDUCING_PLANS: Final = frozenset({"profit_plan", "loss_plan", "moving_plan", "pos_profit", "pos_loss"})
_CLOSING: Final = {Leg.LONG: OrderSide.SELL, Leg.SHORT: OrderSide.BUY}
_OPENING: Final = {Leg.LONG: OrderSide.BUY, Leg.SHORT: OrderSide.SELL}
# burst and reduce: liquidated, wholly or in part; offset: liquidated by netting both legs.
_FORCED: Final = re.compile(
    r"(?P<why>burst|reduce|offset|delivery|dte_sys_adl)_"
    r"(?:close_(?P<leg>long|short)|(?P<side>buy|sell)(?:_single|_in_single_side_mode))"
)
_WHY: Final = {"delivery": ForcedKind.SETTLEMENT, "dte_sys_adl": ForcedKind.ADL}


def read_order(row: object, symbol: str) -> OrderRow:
    """One order. Raises MalformedResponseError."""
    checked, leg, side = _checked(row, symbol)
    order_id, client_id = checked.get("orderId"), checked.get("clientOid")
    status = checked.get("state", checked.get("status"))
    if not isinstance(order_id, str) or not order_id or not isinstance(client_id, str) or not isinstance(status, str):
        raise MalformedResponseError("order: orderId, clientOid or state is missing")
    return OrderRow(
        row=checked,
        order_id=order_id,
        client_order_id=client_id,
        status=status,
        is_final=status in _FINAL,
        side=side,
        leg=leg,
        quantity=_quantity(checked, "size"),
        executed_qty=_quantity(checked, "baseVolume"),
        created_ms=milliseconds_at(checked, ("cTime",)),
    )


def read_resting(rows: Iterable[Any], symbol: str) -> tuple[RestingOrder, ...]:
    """The open orders of ``orders-pending``. Raises MalformedResponseError."""
    found: list[RestingOrder] = []
    for order in (read_order(row, symbol) for row in rows):
        if order.status not in _OPEN:
            raise MalformedResponseError(f"open orders: status is {order.status!r:.20}, not live or partially_filled")
        found.append(
            RestingOrder(
                order_id=order.order_id,
                client_order_id=order.client_order_id,
                symbol=symbol,
                leg=order.leg,
                side=order.side,
                open_qty=q.subtract(order.quantity, order.executed_qty),
                reduce_only=_reduces(order.row, order.leg, order.side),
                is_conditional=False,
            )
        )
    return tuple(found)


def read_plans(rows: Iterable[Any], symbol: str) -> tuple[RestingOrder, ...]:
    """The untriggered orders of ``orders-plan-pending``. Raises MalformedResponseError: also one without a size."""
    return tuple(_plan(row, symbol) for row in rows)


def read_fills(rows: Iterable[Any], symbol: str) -> list[MarkedTrade]:
    """Every fill. Raises MalformedResponseError: one unreadable row makes the list incomplete."""
    return [_fill(row, symbol) for row in rows]


def _plan(row: object, symbol: str) -> RestingOrder:
    checked, leg, side = _checked(row, symbol)
    order_id, client_id, kind = checked.get("orderId"), checked.get("clientOid", ""), checked.get("planType")
    if not isinstance(order_id, str) or not order_id or not isinstance(client_id, str):
        raise MalformedResponseError("conditional order: orderId is missing")
    return RestingOrder(
        order_id=order_id,
        client_order_id=client_id,
        symbol=symbol,
        leg=leg,
        side=side,
        open_qty=_quantity(checked, "size"),
        reduce_only=kind in _REDUCING_PLANS or _reduces({"reduceOnly": "NO", **checked}, leg, side),
        is_conditional=True,
    )


def _checked(row: object, symbol: str) -> tuple[Row, Leg, OrderSide]:
    if not isinstance(row, dict) or row.get("symbol") != symbol:
        raise MalformedResponseError(f"order: an order of {symbol} was expected, another came")
    mode, side, pos_side = row.get("posMode"), row.get("side"), row.get("posSide")
    if mode not in MODES or side not in SIDES or pos_side not in LEGS:
        raise MalformedResponseError(
            f"order: posMode {mode!r:.20}, side {side!r:.20} or posSide {pos_side!r:.20} is not documented"
        )
    if not MODES[mode]:
        return row, Leg.BOTH, SIDES[side]
    leg, trade_side = LEGS[pos_side], row.get("tradeSide")
    forced = _FORCED.fullmatch(trade_side) if isinstance(trade_side, str) else None
    if leg is Leg.BOTH or (trade_side not in {"open", "close"} and (forced is None or forced["leg"] != pos_side)):
        raise MalformedResponseError(f"order: posSide {pos_side!r:.20} and tradeSide {trade_side!r:.40} don't agree")
    return row, leg, _OPENING[leg] if trade_side == "open" else _CLOSING[leg]


def _reduces(row: Row, leg: Leg, side: OrderSide) -> bool:
    """Whether an order can only reduce; with a leg the side decides it."""
    if leg is not Leg.BOTH:
        return side is _CLOSING[leg]
    flag = str(row.get("reduceOnly")).upper()
    if flag not in {"YES", "NO"}:
        raise MalformedResponseError("order: reduceOnly is missing")
    return flag == "YES"


def _fill(row: object, symbol: str) -> MarkedTrade:
    if not isinstance(row, dict) or row.get("symbol") != symbol:
        raise MalformedResponseError(f"fills: one of {symbol} was expected, another came")
    trade_id, order_id, time_ms = row.get("tradeId"), row.get("orderId"), milliseconds_at(row, ("cTime",))
    if not isinstance(trade_id, str) or not trade_id or not isinstance(order_id, str) or time_ms is None:
        raise MalformedResponseError("fills: tradeId, orderId or cTime is missing")
    leg, side, forced = _what_it_did(row)
    quantity = _quantity(row, "baseVolume")
    if quantity <= 0:
        raise MalformedResponseError(f"fills: baseVolume is {quantity}, not above 0")
    trade = Trade(
        trade_id=trade_id,
        order_id=order_id or None,
        symbol=symbol,
        leg=leg,
        side=side,
        quantity=quantity,
        time_ms=time_ms,
    )
    return MarkedTrade(trade=trade, forced=forced)


def _what_it_did(row: Row) -> tuple[Leg, OrderSide, ForcedKind | None]:
    mode, side, trade_side = row.get("posMode"), row.get("side"), row.get("tradeSide")
    if mode not in MODES or side not in SIDES or not isinstance(trade_side, str):
        raise MalformedResponseError(
            f"fills: posMode {mode!r:.20}, side {side!r:.20} or tradeSide {trade_side!r:.40} is not documented"
        )
    in_hedge_mode, position_leg = MODES[mode], Leg.LONG if side == "buy" else Leg.SHORT
    if in_hedge_mode and trade_side in {"open", "close"}:
        return position_leg, (_OPENING if trade_side == "open" else _CLOSING)[position_leg], None
    if not in_hedge_mode and trade_side == f"{side}_single":
        return Leg.BOTH, SIDES[side], None
    forced = _FORCED.fullmatch(trade_side)
    if forced is None or (forced["leg"] is not None) is not in_hedge_mode:
        raise MalformedResponseError(f"fills: tradeSide {trade_side!r:.40} is not documented for {mode}")
    kind = _WHY.get(forced["why"], ForcedKind.LIQUIDATION)
    if in_hedge_mode:
        leg = LEGS[forced["leg"]]
        return leg, _CLOSING[leg], kind
    return Leg.BOTH, SIDES[forced["side"]], kind


def _quantity(row: Row, name: str) -> Decimal:
    try:
        return number(row, name)
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
