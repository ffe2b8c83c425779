"""One reading of a position's history at the venue: trades, orders, forced orders, then the position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from p33_tasks.abilities import ReadsForcedOrders, ReadsOrderTrades, ReadsTime, ReadsTrades
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reconciliation import Reading, Watermark
from p33_tasks.domain.reconciling import OVERLAP_MS
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, by_order
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import PositionState, ReconcileStore, Venue

MOST_ORDERS = 12
"""Maximum per reading: with 1 + 5 for time and trades, 20 for forced orders and 5 for the position, below weight 60."""
MOST_OLD_ORDERS = 3
"""Of these, orders created before the window: all their trades are read (weight 5)."""
AHEAD_MS = 10_000
"""A window ends this long after the venue's time, to include trades during the request."""
PLAN_BEFORE_MS = 900_000
"""A plan may have been allowed this long before the window in which its order traded."""


@runtime_checkable
class ReadsHistory(ReadsTime, ReadsTrades, ReadsForcedOrders, ReadsOrderTrades, Venue, Protocol):
    """A venue with all requests that explaining a drift needs."""


class TooManyOrdersError(MalformedResponseError):
    """There are more orders since the watermark than one reading may look up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTrades:
    """The trades of a window, and the venue's time before the request."""

    venue_ms: int
    trades: tuple[Trade, ...]


class HistoryReader:
    """Requests history from the venue. Every method raises ExchangeError if an answer is missing or incomplete."""

    def __init__(self, venue: ReadsHistory, store: ReconcileStore) -> None:
        self._venue = venue
        self._store = store

    @property
    def source(self) -> str:
        """Venue and host."""
        return self._venue.source

    def trades_since(self, symbol: str, since_ms: int | None) -> WindowTrades:
        """The account's trades since a time of the venue's clock; None: of the last minute."""
        venue_ms = self._venue.fetch_server_time_ms()
        since_ms = venue_ms - OVERLAP_MS if since_ms is None else since_ms
        trades = self._venue.fetch_trades(symbol, since_ms=since_ms, until_ms=venue_ms + AHEAD_MS)
        return WindowTrades(venue_ms=venue_ms, trades=trades)

    def position(self, symbol: str, leg: Leg) -> Decimal:
        """The venue's position now, signed base units."""
        found = self._venue.fetch_positions([symbol]).positions.get(symbol)
        if found is not None and leg is Leg.BOTH and not found.hedge_mode:
            return found.position_amt
        amount = next((one.position_amt for one in found.legs if one.leg is leg), None) if found is not None else None
        if amount is None or leg is Leg.BOTH:
            raise MalformedResponseError(f"{symbol}: the venue tells no position {leg} any more, or none at all")
        return amount

    def reading(self, state: PositionState, mark: Watermark, window: WindowTrades) -> Reading:
        """Trades and orders since a watermark, and then the position.

        Raises:
            TooManyOrdersError: There are more orders than one drift's request weight can look up.
        """
        symbol, leg = state.symbol, state.leg
        of_leg = (trade for trade in window.trades if trade.leg is leg)
        fresh = by_order(trade for trade in of_leg if trade.trade_id not in mark.counted)
        ids = [order_id for order_id in fresh if order_id is not None]
        if len(ids) > MOST_ORDERS:
            raise TooManyOrdersError(
                f"{len(ids)} orders traded {symbol} since the watermark; {MOST_ORDERS} are looked up"
            )
        orders = self._orders(symbol, ids)
        own = self._store.own_orders(symbol, mark.ts_ms - PLAN_BEFORE_MS)
        others = {
            order_id for order_id, order in orders.items() if order.client_order_id in own or not order.may_be_forced
        }
        # Requested only if such an order is possible: it costs four times the weight of the trades.
        forced = self._forced(symbol, mark, window) if set(fresh) - others else {}
        return Reading(
            leg=leg,
            trades=window.trades,
            whole=self._whole(symbol, orders, mark),
            orders=orders,
            forced=forced,
            own=own,
            exchange_amt=self.position(symbol, leg),  # requested last
        )

    def _orders(self, symbol: str, ids: list[str]) -> dict[str, OrderState]:
        found = {order_id: self._venue.fetch_order_state(symbol, order_id) for order_id in ids}
        return {order_id: order for order_id, order in found.items() if order is not None}

    def _whole(self, symbol: str, orders: Mapping[str, OrderState], mark: Watermark) -> dict[str, tuple[Trade, ...]]:
        old = [order_id for order_id, order in orders.items() if order.created_ms < mark.since_ms]
        if len(old) > MOST_OLD_ORDERS:
            raise TooManyOrdersError(f"{len(old)} orders of {symbol} are older than the watermark")
        return {order_id: self._venue.fetch_order_trades(symbol, order_id) for order_id in old}

    def _forced(self, symbol: str, mark: Watermark, window: WindowTrades) -> dict[str, ForcedOrder]:
        until_ms = window.venue_ms + AHEAD_MS
        found = self._venue.fetch_forced_orders(symbol, since_ms=mark.since_ms, until_ms=until_ms)
        return {order.order_id: order for order in found}
