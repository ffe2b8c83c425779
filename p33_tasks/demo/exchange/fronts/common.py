"""Shared functions of the fronts: placing an order in the core, and listing its orders, trades and legs.

Times are Unix ms. Lists are newest first.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, Trade
from p33_tasks.demo.exchange.core.positions import FLAT, Position, PositionSide
from p33_tasks.demo.exchange.core.symbols import Listing
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.simulation import Simulation

STATES: Final = {
    "NEW": "live",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "canceled",
}
"""An order's status, in the words of several venues."""

TIMED_OUT: Final = -1007
TOO_MANY_ORDERS: Final = -1015
_CLOSES: Final = {("LONG", "SELL"), ("SHORT", "BUY")}


def signed(handler: Any, *, is_order: bool = False, weight: int = 1) -> Route:
    """An endpoint that requires a signature."""
    return Route(handler=handler, security="signed", is_order=is_order, weight=weight)


def nothing(_sim: Simulation, _params: Params) -> Any:
    """An empty list: there is no wallet and no other kind of contract; ccxt requests them when it loads the markets."""
    return []


def contract_size(listing: Listing) -> Decimal:
    """Base units of one contract, where quantities are contracts: ten steps, so that a tenth of one can be traded."""
    return listing.step_size * 10


def place(sim: Simulation, read: Callable[[], OrderRequest]) -> Order:
    """Count, read and execute an order by the order switches. Raises the venue's error."""
    sim.limiter.count_order(sim.now_ms)
    if sim.faults.order_error:
        raise refusal(sim.faults.order_error)
    request = read()
    if request.symbol in sim.faults.delisted:
        raise refusal(-1121)
    if sim.faults.order == "timeout_lost":
        raise refusal(TIMED_OUT)
    order = sim.venue.place(request, now_ms=sim.now_ms, conditions=sim.conditions)
    if sim.faults.order == "timeout_executed":
        raise refusal(TIMED_OUT)
    return order


def orders_of(
    sim: Simulation, *, symbol: str | None = None, order_id: str | None = None, client_id: str | None = None
) -> list[Order]:
    """The orders of a symbol; None or the empty text: of all."""
    return [
        order
        for order in reversed(sim.venue.orders.all())
        if (not symbol or symbol == order.symbol)
        and (not order_id or order_id == str(order.order_id))
        and (not client_id or client_id == order.client_order_id)
    ]


def trades_of(
    sim: Simulation, *, since_ms: int, until_ms: int, symbol: str | None = None, order_id: str | None = None
) -> list[Trade]:
    """Trades of a window, without those that the switches withhold."""
    latest_ms = min(until_ms, sim.now_ms - sim.faults.trade_delay_ms)
    return [
        trade
        for trade in reversed(sim.venue.trades)
        if (not symbol or symbol == trade.order.symbol)
        and (not order_id or order_id == str(trade.order.order_id))
        and since_ms <= trade.time_ms <= latest_ms
        and trade.trade_id not in sim.faults.trades_missing
    ]


def week_until(params: Params, now_ms: int) -> tuple[int, int]:
    """``startTime`` and ``endTime`` of at most seven days. Raises -1127."""
    longest_ms = 7 * 86_400_000
    end_ms = int(params.get("endTime", now_ms))
    start_ms = int(params.get("startTime", end_ms - longest_ms))
    if end_ms - start_ms > longest_ms:
        raise refusal(-1127)
    return start_ms, end_ms


def shown_legs(sim: Simulation, symbol: str) -> list[tuple[PositionSide, Position]]:
    """A symbol's legs as the account endpoints show them, a row per side; two rows if its row switch requires it."""
    shown = [(side, sim.venue.positions.shown(symbol, side, sim.now_ms)) for side in sim.venue.sides]
    if not shows_legs_alone(sim, symbol):
        return shown
    ((_, held),) = shown
    return [("LONG", held if held.amt >= 0 else FLAT), ("SHORT", held if held.amt < 0 else FLAT)]


def shows_legs_alone(sim: Simulation, symbol: str) -> bool:
    """Whether the row switch shows two legs of a symbol while the account is in one-way mode."""
    return sim.row_fault(symbol) == "hedged" and not sim.venue.hedged


def average_price(sim: Simulation, order: Order) -> Decimal:
    """The average price, on the tick grid; 0 if nothing was executed."""
    if not order.executed_qty:
        return Decimal(0)
    return (order.cum_quote / order.executed_qty).quantize(sim.venue.listings[order.symbol].tick_size)


def closes(order: Order) -> bool:
    """Whether an order only reduces: by its flag, or in hedge mode by leg and side."""
    return order.reduce_only or (order.position_side, order.side) in _CLOSES
