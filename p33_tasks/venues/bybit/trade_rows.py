"""Pure functions that read Bybit's executions.

An execution has no ``positionIdx``. In one-way mode its leg is the symbol's only one. In hedge mode an order opens or
closes one leg, and ``closedSize`` shows which: a closing sell is the long leg's, an opening sell the short leg's.
Funding is listed beside the trades and moves no position.

Source: "Get Trade History" and "Enums: execType, createType" of Bybit's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind, Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.envelope import rows_of
from p33_tasks.venues.bybit.order_rows import SIDES
from p33_tasks.venues.bybit.spec import EXECUTIONS
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.rows import InvalidRowError, Row, milliseconds_at, number

_NO_TRADE: Final = frozenset({"Funding"})
_FORCED: Final = {
    "BustTrade": ForcedKind.LIQUIDATION,
    "AdlTrade": ForcedKind.ADL,
    "Settle": ForcedKind.SETTLEMENT,
    "Delivery": ForcedKind.SETTLEMENT,
}
_FORCED_ORDERS: Final = {
    "CreateByLiq": ForcedKind.LIQUIDATION,
    "CreateByTakeOver_PassThrough": ForcedKind.LIQUIDATION,
    "CreateByAdl_PassThrough": ForcedKind.ADL,
    "CreateBySettle": ForcedKind.SETTLEMENT,
}
_TRADES: Final = frozenset({"Trade", "BlockTrade", "MovePosition", *_FORCED})


def read_executions(pages: Sequence[object], symbol: str, *, hedge_mode: bool) -> list[MarkedTrade]:
    """Every trade of some pages. Raises MalformedResponseError: one unreadable row makes the list incomplete."""
    rows = [row for page in pages for row in rows_of(page, EXECUTIONS.shown)]
    return [_execution(row, symbol, hedge_mode=hedge_mode) for row in rows if not _is_funding(row)]


def _is_funding(row: object) -> bool:
    return isinstance(row, dict) and row.get("execType") in _NO_TRADE


def _execution(row: object, symbol: str, *, hedge_mode: bool) -> MarkedTrade:
    if not isinstance(row, dict) or row.get("symbol") != symbol:
        raise MalformedResponseError(f"executions: one of {symbol} was expected, another came")
    trade_id, order_id, side, kind = row.get("execId"), row.get("orderId"), row.get("side"), row.get("execType")
    time_ms = milliseconds_at(row, ("execTime",))
    if not isinstance(trade_id, str) or not trade_id or not isinstance(order_id, str) or time_ms is None:
        raise MalformedResponseError("executions: execId, orderId or execTime is missing")
    if side not in SIDES or kind not in _TRADES:
        raise MalformedResponseError(f"executions: side {side!r:.20} or execType {kind!r:.30} is not documented")
    try:
        quantity = number(row, "execQty")
        leg = _leg(row, SIDES[side]) if hedge_mode else Leg.BOTH
    except InvalidRowError as error:
        raise MalformedResponseError(f"executions: {error}") from error
    if quantity <= 0:
        raise MalformedResponseError(f"executions: execQty is {quantity}, not above 0")
    return MarkedTrade(
        trade=Trade(
            trade_id=trade_id,
            order_id=order_id or None,
            symbol=symbol,
            leg=leg,
            side=SIDES[side],
            quantity=quantity,
            time_ms=time_ms,
        ),
        forced=_FORCED.get(kind) or _FORCED_ORDERS.get(str(row.get("createType"))),
    )


def _leg(row: Row, side: OrderSide) -> Leg:
    closed, quantity = number(row, "closedSize"), number(row, "execQty")
    if closed not in {q.ZERO, quantity}:
        raise InvalidRowError(
            f"closedSize {closed} of {quantity} opens and closes: in hedge mode it is one or the other"
        )
    closes = closed != 0
    return Leg.LONG if (side is OrderSide.SELL) is closes else Leg.SHORT
