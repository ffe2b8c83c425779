"""Pure functions that read open orders: those in the book, and algo orders, which wait for a price.

Since 2025-12-09 conditional orders (stops, take-profits, trailing stops) are not in ``openOrders`` any more. Sources:
"Current All Open Orders" and "Current All Algo Open Orders" of Binance's USD-M futures documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from p33_tasks.abilities import RestingOrder, RestingReport
from p33_tasks.domain import quantities as q
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.order_words import leg_of, side_of
from p33_tasks.venues.rows import InvalidRowError, Row, number, shape

IN_BOOK: Final = "LIMIT"
CONDITIONAL: Final = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
OPEN: Final = frozenset({"NEW", "PARTIALLY_FILLED"})
_ReadRow = Callable[[Row, str], RestingOrder]


def read_resting(open_orders: object, algo_orders: object, symbols: Iterable[str]) -> RestingReport:
    """The open orders of both answers. Raises MalformedResponseError: one isn't a list, or a row has no symbol."""
    found: dict[str, list[RestingOrder]] = {symbol: [] for symbol in symbols}
    invalid: dict[str, str] = {}
    for answer, read, name in ((open_orders, _in_book, "open orders"), (algo_orders, _algo, "open algo orders")):
        if not isinstance(answer, list):
            raise MalformedResponseError(f"{name}: a list was expected, {shape(answer)} came")
        for row in answer:
            symbol = row.get("symbol") if isinstance(row, dict) else None
            if not isinstance(symbol, str) or not symbol:
                raise MalformedResponseError(f"{name}: a row names no symbol: whose it is can't be told")
            if symbol in found:
                _add(found, invalid, symbol, row, read)
    return RestingReport(
        orders={symbol: tuple(orders) for symbol, orders in found.items() if symbol not in invalid}, invalid=invalid
    )


def _add(found: dict[str, list[RestingOrder]], invalid: dict[str, str], symbol: str, row: Row, read: _ReadRow) -> None:
    try:
        found[symbol].append(read(row, symbol))
    except InvalidRowError as error:
        invalid[symbol] = str(error)


def _in_book(row: Row, symbol: str) -> RestingOrder:
    kind, status = row.get("type"), row.get("status")
    if kind != IN_BOOK and kind not in CONDITIONAL:
        raise InvalidRowError(f"an open order of type {kind!r:.30}")
    if status not in OPEN:
        raise InvalidRowError(f"an open order of status {status!r:.30}")
    quantity, executed = number(row, "origQty"), number(row, "executedQty")
    if not 0 <= executed <= quantity:
        raise InvalidRowError(f"executedQty {executed} is not within 0 and origQty {quantity}")
    return RestingOrder(
        order_id=_id(row, "orderId"),
        client_order_id=str(row.get("clientOrderId", "")),
        symbol=symbol,
        leg=leg_of(row),
        side=side_of(row),
        open_qty=q.subtract(quantity, executed),
        reduce_only=_flag(row, "reduceOnly"),
        is_conditional=kind in CONDITIONAL,
    )


def _algo(row: Row, symbol: str) -> RestingOrder:
    """An algo order; with ``closePosition`` it has no quantity. Once triggered, it is an order in the book."""
    closes_all = _flag(row, "closePosition")
    return RestingOrder(
        order_id=_id(row, "algoId"),
        client_order_id=str(row.get("clientAlgoId", "")),
        symbol=symbol,
        leg=leg_of(row),
        side=side_of(row),
        open_qty=q.ZERO if closes_all else number(row, "quantity"),
        reduce_only=closes_all or _flag(row, "reduceOnly"),
        is_conditional=True,
    )


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value):
        raise InvalidRowError(f"{name} is missing")
    return str(value)


def _flag(row: Row, name: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool):
        raise InvalidRowError(f"{name} is {value!r:.20}, not true or false")
    return value
