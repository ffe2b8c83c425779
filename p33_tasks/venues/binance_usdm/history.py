"""History of Binance USD-M: own trades, forced orders and orders, for reconciliation.

Sources: "Account Trade List", "User's Force Orders" and "Query Order" of Binance's USD-M futures documentation.
"""

from __future__ import annotations

from typing import Final

from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.orders import ORDER_DOES_NOT_EXIST
from p33_tasks.venues.binance_usdm.spec import FORCE_ORDERS, QUERY, USER_TRADES
from p33_tasks.venues.binance_usdm.trade_rows import read_forced_orders, read_order_state, read_trades
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.session import VenueSession

PAGE: Final = 1_000
FORCED_PAGE: Final = 100
MOST_PAGES: Final = 4
"""Of one reading: 4 000 trades. More trades raise an error; a partial list is never returned."""
LONGEST_SPAN_MS: Final = 7 * 86_400_000


class BinanceHistory:
    """Reads trades and orders. Each method returns a complete answer or raises ExchangeError."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window of at most 7 days, oldest first; weight 5 for each 1 000.

        Raises:
            ValueError: The window is empty, or longer.
            ExchangeError: Any subclass; also for more than 4 000 trades.
        """
        if not 0 < until_ms - since_ms <= LONGEST_SPAN_MS:
            raise ValueError(f"a window of {until_ms - since_ms} ms: use 1 to {LONGEST_SPAN_MS}")
        window = {"startTime": since_ms, "endTime": until_ms}
        return tuple(trade for trade in self._pages(symbol, window) if since_ms <= trade.time_ms <= until_ms)

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first (weight 5). Raises ExchangeError."""
        params = {"symbol": symbol, "orderId": order_id, "limit": PAGE}
        trades = merged([read_trades(self._session.ask(USER_TRADES, params), symbol)])
        if len(trades) >= PAGE:
            raise MalformedResponseError(f"own trades: order {order_id} has {PAGE} or more; the list may be cut")
        if any(trade.order_id != order_id for trade in trades):
            raise MalformedResponseError(f"own trades: trades of another order than {order_id} came")
        return trades

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations, ADLs and settlements of a window of at most 7 days (weight 20). Raises ExchangeError."""
        params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms, "limit": FORCED_PAGE}
        found = read_forced_orders(self._session.ask(FORCE_ORDERS, params), symbol)
        if len(found) >= FORCED_PAGE:
            raise MalformedResponseError(f"forced orders: {FORCED_PAGE} or more came; the list may be cut")
        return found

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's id (weight 1); None if the venue doesn't know it. Raises ExchangeError."""
        reply = self._session.send(QUERY, {"symbol": symbol, "orderId": order_id})
        if reply.refused is not None and reply.refused.code == ORDER_DOES_NOT_EXIST:
            return None
        if reply.failure is not None:
            raise reply.failure
        return read_order_state(loads_exact(reply.answer.text), symbol, order_id)

    def _pages(self, symbol: str, window: dict[str, int]) -> tuple[Trade, ...]:
        """Every page: the first by time, the others by trade id: trades of one millisecond may be on two pages."""
        pages: list[tuple[Trade, ...]] = []
        params: dict[str, int | str] = dict(window)
        for _ in range(MOST_PAGES):
            page = read_trades(self._session.ask(USER_TRADES, {"symbol": symbol, "limit": PAGE, **params}), symbol)
            pages.append(page)
            if len(page) < PAGE or max(trade.time_ms for trade in page) > window["endTime"]:
                return merged(pages)
            params = {"fromId": max(_number(trade) for trade in page) + 1}
        raise MalformedResponseError(f"own trades: more than {MOST_PAGES * PAGE} in the window of {symbol}")


def _number(trade: Trade) -> int:
    if not trade.trade_id.isdecimal():
        raise MalformedResponseError(f"own trades: id {trade.trade_id!r:.40} is not a number")
    return int(trade.trade_id)
