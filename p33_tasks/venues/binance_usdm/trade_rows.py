"""Pure functions that read Binance USD-M's own trades, forced orders and order states.

One unreadable row makes the whole answer malformed, since the sum of the others would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar

from p33_tasks.domain.trades import ForcedKind, ForcedOrder, OrderState, Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.order_words import leg_of, side_of
from p33_tasks.venues.rows import InvalidRowError, Row, number, shape

FINAL_STATUSES: Final = frozenset({"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"})

# The client order ids of the venue's own orders: documented for forceOrders and for the user data stream.
_MARKERS: Final = (
    ("autoclose-", ForcedKind.LIQUIDATION),
    ("adl_autoclose", ForcedKind.ADL),
    ("settlement_autoclose-", ForcedKind.SETTLEMENT),
)
_LONGEST_ID: Final = 36

Read = TypeVar("Read")


def read_trades(body: object, symbol: str) -> tuple[Trade, ...]:
    """Read one page. Raises MalformedResponseError: a row isn't a complete trade of the symbol."""
    return _all(body, "own trades", lambda row: _trade(row, symbol))


def read_forced_orders(body: object, symbol: str) -> tuple[ForcedOrder, ...]:
    """Read forced orders. Raises MalformedResponseError: also for one without a marker, whose kind is unknown."""
    return _all(body, "forced orders", lambda row: _forced(row, symbol))


def read_order_state(body: object, symbol: str, order_id: str) -> OrderState:
    """Read one order. Raises MalformedResponseError: it is incomplete or another order."""
    if not isinstance(body, dict):
        raise MalformedResponseError(f"order: an object was expected, {shape(body)} came")
    try:
        found = _state(body, symbol)
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
    if found.order_id != order_id:
        raise MalformedResponseError(f"order: another order than {order_id[:_LONGEST_ID]} of {symbol} came")
    return found


def _all(body: object, what: str, read: Callable[[Row], Read]) -> tuple[Read, ...]:
    if not isinstance(body, list):
        raise MalformedResponseError(f"{what}: a list was expected, {shape(body)} came")
    try:
        return tuple(read(row) for row in body)
    except InvalidRowError as error:
        raise MalformedResponseError(f"{what}: {error}") from error


def _trade(row: object, symbol: str) -> Trade:
    row = _row(row, symbol)
    quantity = number(row, "qty")
    if quantity <= 0:
        raise InvalidRowError(f"qty is {quantity}, not above zero")
    return Trade(
        trade_id=_identity(row, "id"),
        order_id=_identity(row, "orderId"),
        symbol=symbol,
        leg=leg_of(row),
        side=side_of(row),
        quantity=quantity,
        time_ms=_time(row, "time"),
    )


def _forced(row: object, symbol: str) -> ForcedOrder:
    row = _row(row, symbol)
    client_id = row.get("clientOrderId")
    kind = _marked(client_id) if isinstance(client_id, str) else None
    if kind is None:
        raise InvalidRowError(f"clientOrderId is {client_id!r:.40}, which marks no forced order")
    return ForcedOrder(
        order_id=_identity(row, "orderId"),
        symbol=symbol,
        leg=leg_of(row),
        kind=kind,
        executed_qty=_executed(row),
        time_ms=_time(row, "time"),
    )


def _state(row: object, symbol: str) -> OrderState:
    row = _row(row, symbol)
    client_id, status = row.get("clientOrderId"), row.get("status")
    if not isinstance(client_id, str) or not isinstance(status, str):
        raise InvalidRowError("clientOrderId or status is missing")
    return OrderState(
        order_id=_identity(row, "orderId"),
        client_order_id=client_id,
        side=side_of(row),
        executed_qty=_executed(row),
        is_final=status in FINAL_STATUSES,
        created_ms=_time(row, "time"),
        may_be_forced=_marked(client_id) is not None,
    )


def _marked(client_id: str) -> ForcedKind | None:
    return next((kind for mark, kind in _MARKERS if client_id.startswith(mark)), None)


def _row(row: object, symbol: str) -> Row:
    if not isinstance(row, dict):
        raise InvalidRowError(f"a row is {shape(row)}, not an object")
    if row.get("symbol") != symbol:
        raise InvalidRowError(f"a row is of {row.get('symbol')!r:.40}, not of {symbol}")
    return row


def _identity(row: Row, name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not 0 < len(str(value)) <= _LONGEST_ID:
        raise InvalidRowError(f"{name} is {value!r:.40}, not an id")
    return str(value)


def _time(row: Row, name: str) -> int:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise InvalidRowError(f"{name} is {value!r:.40}, not a time in milliseconds")
    return value


def _executed(row: Row) -> Decimal:
    quantity, executed = number(row, "origQty"), number(row, "executedQty")
    if not 0 <= executed <= quantity:
        raise InvalidRowError(f"executedQty {executed} is not within 0 and origQty {quantity}")
    return executed
