"""An order as the core writes it: Binance's fields, for its own front and for the control API."""

from decimal import Decimal
from typing import Any

from p33_tasks.demo.exchange.core.orders import Order
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import fixed, plain


def executed_qty(sim: Simulation, order: Order) -> str:
    """An order's executed quantity, in base units."""
    return fixed(order.executed_qty, sim.venue.listings[order.symbol].quantity_precision) if order.executed_qty else "0"


def order_row(sim: Simulation, order: Order) -> dict[str, Any]:
    """One order, as the core writes it."""
    listing = sim.venue.listings[order.symbol]
    average = order.cum_quote / order.executed_qty if order.executed_qty else Decimal(0)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_order_id,
        "price": fixed(order.price, listing.price_precision),
        "avgPrice": format(average, f".{listing.price_precision + 3}f"),
        "origQty": fixed(order.orig_qty, listing.quantity_precision),
        "executedQty": executed_qty(sim, order),
        "cumQuote": plain(order.cum_quote),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "updateTime": order.update_ms,
    }


def order_json(sim: Simulation, order: Order) -> dict[str, Any]:
    """One order with the time it was placed, as in lists."""
    return order_row(sim, order) | {"time": order.time_ms}
