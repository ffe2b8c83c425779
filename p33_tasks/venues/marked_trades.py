"""Pure: trades marked by the venue as liquidation, ADL or settlement, and the orders that they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from p33_tasks.domain import quantities as q
from p33_tasks.domain.trades import ForcedKind, ForcedOrder, Trade
from p33_tasks.errors import MalformedResponseError


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedTrade:
    """One trade, and the venue's mark; None: the trade is of the account's own order."""

    trade: Trade
    forced: ForcedKind | None


def forced_orders(trades: Iterable[MarkedTrade]) -> tuple[ForcedOrder, ...]:
    """The venue's own orders, each with its executed quantity, oldest first.

    Raises:
        MalformedResponseError: One order has trades of two kinds or legs.
    """
    found: dict[str, ForcedOrder] = {}
    for marked in trades:
        trade, kind = marked.trade, marked.forced
        if kind is None:
            continue
        order_id = trade.order_id or trade.trade_id
        known = found.get(order_id)
        if known is not None and (known.kind, known.leg) != (kind, trade.leg):
            raise MalformedResponseError(f"trades: order {order_id:.60} is of two kinds or legs")
        found[order_id] = ForcedOrder(
            order_id=order_id,
            symbol=trade.symbol,
            leg=trade.leg,
            kind=kind,
            executed_qty=q.add(trade.quantity, known.executed_qty if known else q.ZERO),
            time_ms=max(trade.time_ms, known.time_ms if known else 0),
        )
    return tuple(sorted(found.values(), key=lambda order: (order.time_ms, order.order_id)))
