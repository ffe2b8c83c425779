"""The signed trading endpoints: orders."""

from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.codes import refusal
from p33_tasks.demo.exchange.orders import Order, Params, parse_order, required
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import fixed, plain

DAY_MS: Final = 86_400_000
_RESPONSE_TYPES: Final = ("ACK", "RESULT")


def place_order(sim: Simulation, params: Params) -> Any:
    """``POST /fapi/v1/order``.

    Without ``newOrderRespType=RESULT`` the answer is an acknowledgement: NEW, nothing executed, although a market
    order is filled by then. So it is at the venue.
    """
    sim.limiter.count_order(sim.now_ms)
    if sim.faults.order_error:
        raise refusal(sim.faults.order_error)
    response_type = params.get("newOrderRespType", "ACK")
    if response_type not in _RESPONSE_TYPES:
        raise refusal(-1130, name="newOrderRespType")
    request = parse_order(params, hedged=sim.venue.hedged)
    if request.symbol in sim.faults.delisted:
        raise refusal(-1121)
    if sim.faults.order == "timeout_lost":
        raise refusal(-1007)
    order = sim.venue.place(request, now_ms=sim.now_ms, conditions=sim.conditions)
    if sim.faults.order == "timeout_executed":
        raise refusal(-1007)
    return _acknowledgement(sim, order) if response_type == "ACK" else _row(sim, order) | {"cumQty": _qty(sim, order)}


def get_order(sim: Simulation, params: Params) -> Any:
    """An order by ``orderId`` or ``origClientOrderId``, `order_delay_ms` after it was placed. Raises -2013."""
    order = _find(sim, params)
    if order is None or not is_kept(order, sim.now_ms):
        raise refusal(-2013)
    if sim.now_ms < order.time_ms + sim.faults.order_delay_ms:
        raise refusal(-2013)
    return _row(sim, order) | {"time": order.time_ms}


def cancel_order(sim: Simulation, params: Params) -> Any:
    """Takes an open order back. Raises -2011."""
    order = _find(sim, params)
    if order is None:
        raise refusal(-2011)
    return _row(sim, sim.venue.cancel(order, now_ms=sim.now_ms))


def open_orders(sim: Simulation, params: Params) -> Any:
    """Open orders of one symbol or of all."""
    symbol = params.get("symbol")
    if symbol is not None:
        sim.venue.listing(symbol)
    return [
        _row(sim, order) | {"time": order.time_ms}
        for order in sim.venue.orders.open()
        if symbol is None or order.symbol == symbol
    ]


def is_kept(order: Order, now_ms: int) -> bool:
    """Whether the venue still finds an order: 90 days, and 3 days one that ended without a fill."""
    days = 3 if not order.is_open and not order.executed_qty else 90
    return now_ms - order.time_ms <= days * DAY_MS


def order_json(sim: Simulation, order: Order) -> dict[str, Any]:
    """An order for ``GET /sim/orders``: the wire row and its times."""
    return _row(sim, order) | {"time": order.time_ms}


def _find(sim: Simulation, params: Params) -> Order | None:
    symbol = sim.venue.listing(required(params, "symbol")).symbol
    order_id, client_id = _order_id(params), params.get("origClientOrderId")
    if order_id is None and client_id is None:
        raise refusal(-1102, name="orderId' or 'origClientOrderId")
    if order_id is None:
        return sim.venue.orders.by_client_id(symbol, client_id or "")
    order = sim.venue.orders.by_id(order_id)
    return order if order is not None and order.symbol == symbol else None


def _order_id(params: Params) -> int | None:
    text = params.get("orderId")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise refusal(-1102, name="orderId")
    return int(text)


def _qty(sim: Simulation, order: Order) -> str:
    return fixed(order.executed_qty, sim.venue.listings[order.symbol].quantity_precision) if order.executed_qty else "0"


def _row(sim: Simulation, order: Order) -> dict[str, Any]:
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
        "executedQty": _qty(sim, order),
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


def _acknowledgement(sim: Simulation, order: Order) -> dict[str, Any]:
    nothing_yet = {"status": "NEW", "avgPrice": "0.00", "executedQty": "0", "cumQty": "0", "cumQuote": "0"}
    return _row(sim, order) | nothing_yet
