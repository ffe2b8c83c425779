"""Checks of every venue's history: the window's length, and the sum of an order's trades."""

from __future__ import annotations

from collections.abc import Iterable

from p33_tasks.domain.trades import Trade, merged, total
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.marked_trades import MarkedTrade
from p33_tasks.venues.order_rows import OrderRow

LONGEST_SPAN_MS = 7 * 86_400_000


def check_window(since_ms: int, until_ms: int) -> None:
    """Check a window. Raises ValueError: it is empty, or longer than 7 days."""
    if not 0 < until_ms - since_ms <= LONGEST_SPAN_MS:
        raise ValueError(f"a window of {until_ms - since_ms} ms: use 1 to {LONGEST_SPAN_MS}")


def within(trades: Iterable[MarkedTrade], since_ms: int, until_ms: int) -> list[MarkedTrade]:
    """The trades inside a window; a venue's answer may contain others."""
    return [each for each in trades if since_ms <= each.trade.time_ms <= until_ms]


def trades_of_order(
    trades: Iterable[MarkedTrade], order: OrderRow | None, order_id: str, what: str
) -> tuple[Trade, ...]:
    """Every trade of one order, oldest first. Raises MalformedResponseError: their sum isn't its executed quantity."""
    found = merged([[each.trade for each in trades]])
    if any(trade.order_id != order_id for trade in found):
        raise MalformedResponseError(f"{what}: trades of another order than {order_id} came")
    if order is None or order.executed_qty != total(found):
        state = "is not known" if order is None else f"executed {order.executed_qty}"
        raise MalformedResponseError(
            f"{what}: order {order_id} {state}, its trades sum up to {total(found)}: they may be cut"
        )
    return found
