"""Searches for an order whose answer was lost and that isn't found by its client order id.

A venue with a partial outage may not find an order that it executed. Its trades and positions come from other
endpoints and may show it. A trade has the venue's order id, and the order with that id has the client order id. Only an
order with our client order id is ours. Everything else is information for an operator; no result of this search proves
that nothing was executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from p33_tasks.abilities import OrderReport, Orders, ReadsOrderTrades, ReadsTrades
from p33_tasks.demo.executor.journal import Permitted
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import add, canonical
from p33_tasks.domain.trades import Trade
from p33_tasks.errors import ExchangeError
from p33_tasks.ports import Venue

CLOCK_SLACK_MS = 10_000
"""The tolerance between the venue's clock (trades) and the clock of Redis (sending)."""
LONGEST_WINDOW_MS = 600_000
"""A market order that was sent is matched long before this, or never."""
MOST_ORDERS = 5
"""The maximum number of orders queried in one search; each is a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostOrder:
    """An order that was sent, as far as it is known."""

    symbol: str
    client_order_id: str
    permitted: Permitted
    sent_ago_ms: int  # it was sent at most this long ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of one search."""

    order: OrderReport | None = None  # our order
    kind: str = ""  # "trades": there are other trades of this side; "nothing"; "unseen": the venue gave no answer
    text: str = ""  # for the result's error


class LostOrders:
    """Searches the account's trades and position. Thread-safe if the venue is."""

    def __init__(self, orders: Orders, venue: Venue | None) -> None:
        self._orders = orders
        self._venue = venue

    def look(self, lost: LostOrder) -> Found:
        """Search once (Binance: weight 10, and 1 for each order that traded). Raises no ExchangeError."""
        try:
            trades = self._trades(lost)
            for order_id in _order_ids(trades):
                order = self._ours(lost, order_id, trades)
                if order is not None:
                    return Found(order=order)
            position = self._position(lost.symbol, lost.permitted.leg)
        except ExchangeError as error:
            return Found(kind="unseen", text=f"trades and position weren't seen: {error}")
        if trades is None:
            return Found(kind="unseen", text=f"this venue tells no trades; {position}")
        if not trades:
            return Found(kind="nothing", text=f"no trade of its side since it was sent; {position}")
        summed = canonical(_sum(trades))
        ids = ", ".join(_order_ids(trades))
        return Found(
            kind="trades",
            text=f"{lost.permitted.side} {summed} was traded since it was sent, by order {ids}; {position}",
        )

    def _trades(self, lost: LostOrder) -> tuple[Trade, ...] | None:
        """The trades of its side since it was sent; None: they can't be read."""
        if not isinstance(self._venue, ReadsTrades):
            return None
        now_ms = self._orders.clock_ms()
        since_ms = now_ms - lost.sent_ago_ms - CLOCK_SLACK_MS
        until_ms = min(now_ms, since_ms + LONGEST_WINDOW_MS)
        trades = self._venue.fetch_trades(lost.symbol, since_ms=since_ms, until_ms=until_ms)
        ours = (lost.permitted.side, lost.permitted.leg)
        return tuple(trade for trade in trades if (trade.side, trade.leg) == ours and trade.order_id is not None)

    def _ours(self, lost: LostOrder, order_id: str, trades: tuple[Trade, ...] | None) -> OrderReport | None:
        if not isinstance(self._venue, ReadsOrderTrades):
            return None
        state = self._venue.fetch_order_state(lost.symbol, order_id)
        if state is None or state.client_order_id != lost.client_order_id or state.side is not lost.permitted.side:
            return None
        traded = _sum(trade for trade in trades or () if trade.order_id == order_id)
        executed = max(state.executed_qty, traded)
        wanted = lost.permitted.quantity
        ended = "FILLED" if executed >= wanted else "EXPIRED"
        return OrderReport(
            order_id=order_id,
            client_order_id=state.client_order_id,
            symbol=lost.symbol,
            status=ended if state.is_final else "PARTIALLY_FILLED",
            side=state.side,
            leg=lost.permitted.leg,
            quantity=max(wanted, executed),
            executed_qty=executed,
        )

    def _position(self, symbol: str, leg: Leg) -> str:
        if self._venue is None:
            return "the position wasn't read"
        position = self._venue.fetch_positions([symbol]).positions.get(symbol)
        held = None if position is None else position.amount_of(leg)
        return "the position is unknown" if held is None else f"the position is {canonical(held)}"


def _order_ids(trades: tuple[Trade, ...] | None) -> tuple[str, ...]:
    """The order ids of the trades, latest first."""
    found = [trade.order_id for trade in reversed(trades or ()) if trade.order_id is not None]
    return tuple(dict.fromkeys(found))[:MOST_ORDERS]


def _sum(trades: Iterable[Trade]) -> Decimal:
    return reduce(add, (trade.quantity for trade in trades), Decimal(0))
