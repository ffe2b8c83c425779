"""Conditional orders, and the orders that they become when their price is reached. No HTTP, and no clock."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.orders import OrderRequest
from p33_tasks.demo.exchange.core.venue import Conditions, Venue

_STOPS: Final = ("STOP", "STOP_MARKET")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoOrder:
    """One conditional order; ``request`` is what it becomes."""

    algo_id: int
    client_algo_id: str
    kind: str
    request: OrderRequest
    trigger_price: Decimal
    closes_position: bool
    time_ms: int
    status: str = "NEW"
    order_id: int | None = None

    def is_triggered_at(self, mark: Decimal) -> bool:
        """A stop sells when the price falls to it, a take-profit when it rises to it; a BUY the other way round."""
        falls = (self.kind in _STOPS) == (self.request.side == "SELL")
        return mark <= self.trigger_price if falls else mark >= self.trigger_price


def trigger_due(orders: dict[int, AlgoOrder], venue: Venue, *, now_ms: int, conditions: Conditions) -> None:
    """Place the orders whose price is reached; one without anything to reduce is rejected, as at the venue."""
    for order in [order for order in orders.values() if order.status == "NEW"]:
        if not order.is_triggered_at(venue.mark(order.request.symbol, now_ms)):
            continue
        request = order.request
        if order.closes_position:
            held = venue.positions.true(request.symbol, request.position_side).amt
            request = replace(request, quantity=abs(held))
        try:
            placed = venue.place(request, now_ms=now_ms, conditions=conditions)
        except VenueError:
            orders[order.algo_id] = replace(order, status="REJECTED")
        else:
            orders[order.algo_id] = replace(order, status="TRIGGERED", order_id=placed.order_id)
