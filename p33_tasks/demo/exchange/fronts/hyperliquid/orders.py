"""Hyperliquid's orders, over the core.

There is no market order: an immediate-or-cancel order whose price the mark has reached is executed like one.
An order's own error is in its status, inside an answer with ``ok``. An order of less than 10 USD is refused
unless it closes the whole position.

Sources: "Exchange endpoint", "Tick and lot size" and "Error responses" of Hyperliquid's documentation. That the minimum
holds for closes of a part: published tries at the venue.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.core.orders import Order, OrderRequest, Params, number
from p33_tasks.demo.exchange.fronts.common import average_price, place
from p33_tasks.demo.exchange.fronts.hyperliquid.coins import by_number, check_price, mark_of
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import plain

CLIENT_ID: Final = re.compile(r"0x[0-9a-f]{32}")
_LEAST_VALUE_USDC: Final = Decimal(10)
_TIMES_IN_FORCE: Final = {"Gtc": "GTC", "Ioc": "IOC", "Alo": "GTX"}
_INVALID_SIZE: Final = "Order has invalid size."
_TOO_FAR: Final = "Order price cannot be more than 80% away from the reference price."
# The core's errors that are an order's own; every other is the request's.
_ERRORS: Final[Mapping[int, str]] = {
    -1111: _INVALID_SIZE,
    -2019: "Insufficient margin to place order.",
    -2022: "Reduce only order would increase position.",
    -4003: "Order has zero size.",
    -4004: _INVALID_SIZE,
    -4005: _INVALID_SIZE,
    -4014: "Price must be divisible by tick size.",
    -4016: _TOO_FAR,
    -4023: _INVALID_SIZE,
    -4024: _TOO_FAR,
    -4116: "Order has a client order id that was used before.",  # the venue's behaviour isn't documented
    -4164: "Order must have minimum value of $10.",
    -5021: "Order could not immediately match against any resting orders.",
    -5022: "Post only order would have immediately matched.",
}


def order_params(action: Any) -> dict[str, str]:
    """The one order of an action. Raises -1102: it isn't one."""
    try:
        (sent,) = action["orders"]
        fields = {name: sent[name] for name in ("a", "b", "p", "s", "r")}
        fields |= {"c": sent.get("c") or "", "tif": sent["t"]["limit"]["tif"]}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise refusal(-1102, name="orders") from error
    return {name: str(value) for name, value in fields.items()}


def create(sim: Simulation, params: Params) -> Any:
    """The status of one order: filled, resting, or its error."""
    try:
        status = _status(sim, place(sim, lambda: _request(sim, params)))
    except VenueError as error:
        if error.code not in _ERRORS:
            raise
        status = {"error": f"{_ERRORS[error.code]} asset={params['a']}"}
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": [status]}}}


def _request(sim: Simulation, params: Params) -> OrderRequest:
    if not params["a"].isdecimal() or params["tif"] not in _TIMES_IN_FORCE:
        raise refusal(-1102, name="a or tif")
    if params["c"] and not CLIENT_ID.fullmatch(params["c"]):
        raise refusal(-1102, name="c")
    listing = by_number(sim, int(params["a"]))
    side, reduces = "BUY" if params["b"] == "True" else "SELL", params["r"] == "True"
    quantity, price = number("s", params["s"]), number("p", params["p"])
    check_price(listing, price)
    held = abs(sim.venue.positions.true(listing.symbol, "BOTH").amt)
    if quantity * mark_of(sim, listing) < _LEAST_VALUE_USDC and not (reduces and quantity >= held):
        raise refusal(-4164)
    is_immediate = params["tif"] == "Ioc"
    if is_immediate and not matching.crosses(side, price, sim.venue.mark(listing.symbol, sim.now_ms)):
        raise refusal(-5021)
    return OrderRequest(
        symbol=listing.symbol,
        side=side,
        type="MARKET" if is_immediate else "LIMIT",
        quantity=quantity,
        price=None if is_immediate else price,
        time_in_force=_TIMES_IN_FORCE[params["tif"]],
        reduce_only=reduces,
        position_side="BOTH",
        client_order_id=params["c"] or None,
    )


def _status(sim: Simulation, order: Order) -> dict[str, Any]:
    if order.is_open:
        return {"resting": {"oid": order.order_id}}
    if not order.executed_qty:
        raise refusal(-2022)
    average = plain(average_price(sim, order))
    return {"filled": {"totalSz": plain(order.executed_qty), "avgPx": average, "oid": order.order_id}}
