"""History of OKX: own fills, forced orders, orders and resting orders, for reconciliation.

A liquidation and an ADL make no order update and don't move the position's ``tradeId``: only the fills show them.

Sources: "Get transaction details" (3 days) and "(last 3 months)", "Get order", "Get order List" and "Get algo order
list" of OKX's v5 documentation. Lists are newest first, 100 rows a page, and begin with the row after the id in
``after``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, merged
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.history import check_window, trades_of_order, within
from p33_tasks.venues.marked_trades import MarkedTrade, forced_orders
from p33_tasks.venues.okx.envelope import rows_of
from p33_tasks.venues.okx.instruments import kept_instruments
from p33_tasks.venues.okx.order_rows import read_algo, read_order, read_resting
from p33_tasks.venues.okx.orders import NOT_FOUND
from p33_tasks.venues.okx.spec import ALGO_PENDING, FILLS, FILLS_HISTORY, ORDER, PENDING
from p33_tasks.venues.okx.trade_rows import read_fills
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.rows import InvalidRowError
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint

PAGE: Final = 100
MOST_PAGES: Final = 20
RECENT_MS: Final = 3 * 86_400_000 - 3_600_000  # the 3 days of ``FILLS``, less an hour
ALGO_KINDS: Final = ("conditional", "oco", "trigger", "move_order_stop", "iceberg", "twap", "chase")


class OkxHistory:
    """Reads trades and orders. Each method returns a complete answer or raises ExchangeError."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session
        self._instruments = kept_instruments(session)

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Own trades of a window of at most 7 days, oldest first; a request for each 100.

        Raises:
            ValueError: The window is empty, or longer.
            ExchangeError: Any subclass; also for more than 2 000 fills.
        """
        return merged([[fill.trade for fill in self._fills(symbol, since_ms, until_ms)]])

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """Liquidations, ADLs and deliveries of a window of at most 7 days; as ``fetch_trades``."""
        return forced_orders(self._fills(symbol, since_ms, until_ms))

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of one order, oldest first. Raises ExchangeError: also if their sum isn't the order's."""
        rows = self._pages(FILLS_HISTORY, {"instId": symbol, "ordId": order_id}, "billId")
        fills = read_fills(rows, symbol, self._size(symbol))
        return trades_of_order(fills, self._order(symbol, order_id), order_id, FILLS_HISTORY.shown)

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """One order by the venue's order id; None if the venue doesn't know it (any more)."""
        order = self._order(symbol, order_id)
        return None if order is None else order.state()

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a symbol; one request per kind of conditional order. Raises ExchangeError."""
        size = self._size(symbol)
        found = list(read_resting(self._pages(PENDING, {"instId": symbol}, "ordId"), symbol, size))
        for kind in ALGO_KINDS:
            rows = self._pages(ALGO_PENDING, {"instId": symbol, "ordType": kind}, "algoId")
            found.extend(read_algo(rows, symbol, size))
        return tuple({order.order_id: order for order in found}.values())

    def _fills(self, symbol: str, since_ms: int, until_ms: int) -> list[MarkedTrade]:
        check_window(since_ms, until_ms)
        is_recent = since_ms > self._session.clock_ms() - RECENT_MS
        # A fill is listed by its bill's time, which is some milliseconds later.
        params = {"instId": symbol, "begin": since_ms - 5_000, "end": until_ms + 5_000}
        rows = self._pages(FILLS if is_recent else FILLS_HISTORY, params, "billId")
        return within(read_fills(rows, symbol, self._size(symbol)), since_ms, until_ms)

    def _pages(self, endpoint: Endpoint, params: Mapping[str, Any], key: str) -> list[Any]:
        """The rows of every page. Raises MalformedResponseError: there are too many, or a page can't be continued."""
        found: list[Any] = []
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            rows = rows_of(self._session.ask(endpoint, {**params, **after}), endpoint.shown)
            found.extend(rows)
            if len(rows) < PAGE:
                return found
            last = rows[-1].get(key) if isinstance(rows[-1], dict) else None
            if not isinstance(last, str) or not last or after.get("after") == last:
                raise MalformedResponseError(f"{endpoint.shown}: the last row of a page has no new {key}")
            after = {"after": last}
        raise MalformedResponseError(f"{endpoint.shown}: more than {MOST_PAGES * PAGE} rows")

    def _order(self, symbol: str, order_id: str) -> OrderRow | None:
        reply = self._session.send(ORDER, {"instId": symbol, "ordId": order_id})
        if reply.refused is not None and reply.refused.code == NOT_FOUND:
            return None
        if reply.failure is not None:
            raise reply.failure
        order = read_order(loads_exact(reply.answer.text), symbol, self._size(symbol), ORDER.shown)
        if order.order_id != order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {order_id} came")
        return order

    def _size(self, symbol: str) -> Decimal:
        try:
            return self._instruments.get().contract_size(symbol)
        except InvalidRowError as error:
            raise MalformedResponseError(f"{symbol}: {error}") from error
