"""Quantities executed by the account's orders up to a snapshot, so that a late result isn't booked a second time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from p33_tasks.abilities import ReadsTime, ReadsTrades
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reconciling import MAX_WINDOW_MS
from p33_tasks.domain.trades import by_order, total
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import Venue

AHEAD_MS = 10_000
"""A window ends this long after the venue's time, to include trades during the request."""


@runtime_checkable
class ReadsOwnTrades(ReadsTime, ReadsTrades, Venue, Protocol):
    """A venue from which the account's trades can be read."""


class TradedLatelyError(MalformedResponseError):
    """A trade is too recent for the position to show it for certain, or the position moved; try again in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedOrders:
    """The orders that traded one position, within a window of the venue's clock."""

    since_ms: int
    last_trade_ms: int | None  # None: no trade
    orders: Mapping[str, Decimal]  # order id to cumulative quantity, base units


def executed_orders(
    venue: ReadsOwnTrades, symbol: str, leg: Leg, *, position_amt: Decimal, snapshot_age_ms: int, lag_ms: int
) -> ExecutedOrders:
    """Every order of the last 7 days less an hour that traded a position; ``position_amt`` includes all of them.

    Args:
        venue: Its time, the trades and then the position are requested.
        symbol: The venue's id.
        leg: The position's leg.
        position_amt: The amount in the snapshot to adopt, signed base units.
        snapshot_age_ms: The snapshot's age, from before its request.
        lag_ms: The last trade must be at least this much older than the snapshot, so that the snapshot shows it.

    Raises:
        TradedLatelyError: It is uncertain whether the snapshot shows the last trade.
        ExchangeError: A request failed or an answer is incomplete.
    """
    venue_ms = venue.fetch_server_time_ms()
    since_ms = venue_ms - MAX_WINDOW_MS
    all_legs = venue.fetch_trades(symbol, since_ms=since_ms, until_ms=venue_ms + AHEAD_MS)
    trades = tuple(trade for trade in all_legs if trade.leg is leg)
    last_ms = max((trade.time_ms for trade in trades), default=None)
    if last_ms is not None and venue_ms - last_ms < snapshot_age_ms + lag_ms:
        raise TradedLatelyError(
            f"{symbol} was traded {(venue_ms - last_ms) / 1000:.1f} s ago; try again in some seconds"
        )
    if _position(venue, symbol, leg) != position_amt:
        raise TradedLatelyError(f"the position of {symbol} moved while its trades were read; try again soon")
    sums = {order_id: total(group) for order_id, group in by_order(trades).items() if order_id is not None}
    return ExecutedOrders(since_ms=since_ms, last_trade_ms=last_ms, orders=sums)


def _position(venue: Venue, symbol: str, leg: Leg) -> Decimal:
    found = venue.fetch_positions([symbol]).positions.get(symbol)
    if found is None:
        raise MalformedResponseError(f"the position of {symbol} was not told")
    if leg is Leg.BOTH and not found.hedge_mode:
        return found.position_amt
    amount = next((of.position_amt for of in found.legs if of.leg is leg), None)
    if amount is None:
        raise MalformedResponseError(f"{symbol} is in {found.position_mode} mode now")
    return amount
