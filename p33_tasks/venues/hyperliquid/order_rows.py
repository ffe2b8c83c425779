"""Pure functions that read Hyperliquid's orders and fills.

``sz`` is the quantity not executed. A liquidation is marked on the fills of both sides: it is the account's own if
``liquidatedUser`` is its address.

Sources: "Query order status by oid or cloid", "Retrieve a user's open orders with additional frontend info",
"Retrieve a user's fills by time" of Hyperliquid's info endpoint; ``dir`` of an ADL from published fills.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind, Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.hyperliquid.coins import named
from p33_tasks.venues.hyperliquid.spec import FILLS, ORDER, RESTING
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError, Row, milliseconds_at, number, shape

SIDES: Final = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_FINAL: Final = frozenset(
    {"filled", "canceled", "rejected", "marginCanceled", "vaultWithdrawalCanceled", "openInterestCapCanceled"}
    | {"selfTradeCanceled", "reduceOnlyCanceled", "siblingFilledCanceled", "delistedCanceled", "liquidatedCanceled"}
    | {"scheduledCancel", "tickRejected", "minTradeNtlRejected", "perpMarginRejected", "reduceOnlyRejected"}
    | {"badAloPxRejected", "iocCancelRejected", "badTriggerPxRejected", "marketOrderNoLiquidityRejected"}
    | {"positionIncreaseAtOpenInterestCapRejected", "positionFlipAtOpenInterestCapRejected", "oracleRejected"}
    | {"tooAggressiveAtOpenInterestCapRejected", "openInterestIncreaseRejected", "perpMaxPositionRejected"}
)
_FORCED: Final = {"Auto-Deleveraging": ForcedKind.ADL, "Settlement": ForcedKind.SETTLEMENT}


def read_order(answer: object, symbol: str) -> OrderRow | None:
    """Read ``orderStatus``; None: the venue doesn't know the order. Raises MalformedResponseError."""
    known = answer.get("status") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or known not in {"order", "unknownOid"}:
        raise MalformedResponseError(f"{ORDER.shown}: an order or unknownOid was expected, {shape(answer)} came")
    if known == "unknownOid":
        return None
    found = answer.get("order")
    status = found.get("status") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(status, str):
        raise MalformedResponseError(f"{ORDER.shown}: the order has no status")
    row = _checked(found.get("order"), symbol, ORDER.shown)
    quantity = number_of(row, "origSz")
    return OrderRow(
        row=row,
        order_id=whole(row, "oid"),
        client_order_id=_client_id(row),
        status=status,
        is_final=status in _FINAL,
        side=SIDES[row["side"]],
        leg=Leg.BOTH,
        quantity=quantity,
        executed_qty=q.subtract(quantity, number_of(row, "sz")),
        created_ms=milliseconds_at(row, ("timestamp",)),
    )


def read_resting(answer: object, symbol: str) -> tuple[RestingOrder, ...]:
    """Read ``frontendOpenOrders`` of one dex. Raises MalformedResponseError."""
    found: list[RestingOrder] = []
    for row in _own_rows(answer, symbol, RESTING.shown):
        flags = row.get("reduceOnly"), row.get("isTrigger")
        if not all(isinstance(flag, bool) for flag in flags):
            raise MalformedResponseError(f"{RESTING.shown}: reduceOnly or isTrigger is missing")
        found.append(
            RestingOrder(
                order_id=whole(row, "oid"),
                client_order_id=_client_id(row),
                symbol=symbol,
                leg=Leg.BOTH,
                side=SIDES[row["side"]],
                open_qty=number_of(row, "sz"),
                reduce_only=bool(flags[0]),
                is_conditional=bool(flags[1]),
            )
        )
    return tuple(found)


def rows_of(answer: object, what: str) -> list[Any]:
    """The rows of an answer that is a bare list. Raises MalformedResponseError."""
    if not isinstance(answer, list):
        raise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")
    return answer


def times_of(rows: list[Any]) -> list[int]:
    """The time of each fill, in milliseconds. Raises MalformedResponseError."""
    times = [milliseconds_at(row, ("time",)) for row in rows]
    found = [time_ms for time_ms in times if time_ms is not None]
    if len(found) < len(rows):
        raise MalformedResponseError(f"{FILLS.shown}: the time of a fill can't be read")
    return found


def read_fills(rows: list[Any], symbol: str, account: str) -> list[MarkedTrade]:
    """The fills of one coin. Raises MalformedResponseError: one unreadable row makes the list incomplete."""
    return [_fill(row, symbol, account) for row in _own_rows(rows, symbol, FILLS.shown)]


def _fill(row: Row, symbol: str, account: str) -> MarkedTrade:
    time_ms, quantity = milliseconds_at(row, ("time",)), number_of(row, "sz")
    if time_ms is None or quantity <= 0:
        raise MalformedResponseError(f"{FILLS.shown}: time is missing, or sz is {quantity}, not above 0")
    trade = Trade(
        trade_id=whole(row, "tid"),
        order_id=whole(row, "oid"),
        symbol=symbol,
        leg=Leg.BOTH,
        side=SIDES[row["side"]],
        quantity=quantity,
        time_ms=time_ms,
    )
    return MarkedTrade(trade=trade, forced=_forced(row, account))


def _forced(row: Row, account: str) -> ForcedKind | None:
    marked, direction = row.get("liquidation"), row.get("dir")
    if marked is None:
        return _FORCED.get(direction) if isinstance(direction, str) else None
    whose = marked.get("liquidatedUser") if isinstance(marked, dict) else None
    if not isinstance(whose, str):
        raise MalformedResponseError(f"{FILLS.shown}: a liquidation names no liquidatedUser")
    return ForcedKind.LIQUIDATION if whose.lower() == account else None


def _own_rows(answer: object, symbol: str, what: str) -> Iterable[Row]:
    """The rows of one coin, and those that name no coin, since they could be of this one."""
    for row in rows_of(answer, what):
        found = named(row, "coin")
        if found["symbol"] is None:
            raise MalformedResponseError(f"{what}: a row names no coin")
        if found["symbol"] == symbol:
            yield _checked(row, symbol, what)


def _checked(row: object, symbol: str, what: str) -> Row:
    found = named(row, "coin")
    if found["symbol"] != symbol or found.get("side") not in SIDES:
        raise MalformedResponseError(f"{what}: {symbol} with side B or A was expected, side {found.get('side')!r:.20}")
    return found


def _client_id(row: Row) -> str:
    found = row.get("cloid")
    if not isinstance(found, str | None):
        raise MalformedResponseError("order: cloid is not a text")
    return found or ""


def whole(row: Row, name: str) -> str:
    """An id as an integer, from a JSON integer or a text of digits. Raises MalformedResponseError."""
    found = row.get(name)
    text = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
    if not (text.isascii() and text.isdecimal()):
        raise MalformedResponseError(f"order: {name} is {found!r:.30}, not a whole number")
    return text


def number_of(row: Row, name: str) -> Decimal:
    """A quantity. Raises MalformedResponseError."""
    try:
        return number(row, name)
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
