"""History of Bybit: own trades, forced orders, orders and resting orders, for reconciliation.

Sources: "Get Trade History" (2 years, a span of at most 7 days), "Get Open & Closed Orders", "Get Order History" of
Bybit's v5 documentation.
"""

from __future__ import annotations

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.envelope import pages, rows_of
from p33_tasks.venues.bybit.order_rows import read_orders, read_resting
from p33_tasks.venues.bybit.spec import EXECUTIONS, ORDER_HISTORY, ORDERS, SYMBOL_POSITION
from p33_tasks.venues.bybit.trade_rows import read_executions
from p33_tasks.venues.history import check_window, trades_of_order, within
from p33_tasks.venues.marked_trades import MarkedTrade, forced_orders
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.session import VenueSession


class BybitHistory:
    """Reads trades and orders. Each method returns a complete answer or raises ExchangeError."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window of at most 7 days, oldest first; a request for each 100, and one for the mode.

        Raises:
            ValueError: The window is empty, or longer.
            ExchangeError: Any subclass; also for more than 2 000 trades.
        """
        return merged([[execution.trade for execution in self._executions(symbol, since_ms, until_ms)]])

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations, ADLs and settlements of a window of at most 7 days; as ``fetch_trades``."""
        return forced_orders(self._executions(symbol, since_ms, until_ms))

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first. Raises ExchangeError: also if their sum isn't the order's."""
        found = list(pages(self._session, EXECUTIONS, {"symbol": symbol, "orderId": order_id}))
        trades = read_executions(found, symbol, hedge_mode=self._is_in_hedge_mode(symbol))
        return trades_of_order(trades, self._order(symbol, order_id), order_id, EXECUTIONS.shown)

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's id; None if neither the recent orders nor the history contain it."""
        order = self._order(symbol, order_id)
        return None if order is None else order.state()

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a symbol, conditional ones too; a request for each 50. Raises ExchangeError."""
        params = {"symbol": symbol, "openOnly": 0, "limit": 50}
        return read_resting(list(pages(self._session, ORDERS, params)), symbol, ORDERS.shown)

    def _executions(self, symbol: str, since_ms: int, until_ms: int) -> list[MarkedTrade]:
        check_window(since_ms, until_ms)
        params = {"symbol": symbol, "startTime": since_ms, "endTime": until_ms}
        found = list(pages(self._session, EXECUTIONS, params))
        return within(read_executions(found, symbol, hedge_mode=self._is_in_hedge_mode(symbol)), since_ms, until_ms)

    def _order(self, symbol: str, order_id: str) -> OrderRow | None:
        for endpoint in (ORDERS, ORDER_HISTORY):
            answer = self._session.ask(endpoint, {"symbol": symbol, "orderId": order_id})
            found = read_orders(answer, symbol, endpoint.shown)
            if any(order.order_id != order_id for order in found) or len(found) > 1:
                raise MalformedResponseError(f"{endpoint.shown}: another order than {order_id} came")
            if found:
                return found[0]
        return None

    def _is_in_hedge_mode(self, symbol: str) -> bool:
        """Whether the symbol is in hedge mode now: a request for one symbol lists flat legs, too."""
        rows = rows_of(self._session.ask(SYMBOL_POSITION, {"symbol": symbol}), SYMBOL_POSITION.shown)
        indexes = [
            row.get("positionIdx") if isinstance(row, dict) and row.get("symbol") == symbol else None for row in rows
        ]
        if indexes == [0]:
            return False
        if sorted(index for index in indexes if isinstance(index, int)) == [1, 2] and len(indexes) == len({1, 2}):
            return True
        raise MalformedResponseError(f"{SYMBOL_POSITION.shown}: the position mode of {symbol} can't be read")
