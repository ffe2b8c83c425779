"""The signed trading endpoints: orders."""

from typing import Any, Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Order, Params, parse_order, required
from p33_tasks.demo.exchange.order_rows import executed_qty, order_json, order_row
from p33_tasks.demo.exchange.simulation import Simulation

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
    return (
        _acknowledgement(sim, order)
        if response_type == "ACK"
        else order_row(sim, order) | {"cumQty": executed_qty(sim, order)}
    )


def get_order(sim: Simulation, params: Params) -> Any:
    """An order by ``orderId`` or ``origClientOrderId``, `order_delay_ms` after it was placed. Raises -2013."""
    order = _find(sim, params)
    if order is None or not is_kept(order, sim.now_ms):
        raise refusal(-2013)
    if sim.now_ms < order.time_ms + sim.faults.order_delay_ms:
        raise refusal(-2013)
    return order_json(sim, order)


def cancel_order(sim: Simulation, params: Params) -> Any:
    """Takes an open order back. Raises -2011."""
    order = _find(sim, params)
    if order is None:
        raise refusal(-2011)
    return order_row(sim, sim.venue.cancel(order, now_ms=sim.now_ms))


def open_orders(sim: Simulation, params: Params) -> Any:
    """Open orders of one symbol or of all."""
    symbol = params.get("symbol")
    if symbol is not None:
        sim.venue.listing(symbol)
    return [order_json(sim, order) for order in sim.venue.orders.open() if symbol is None or order.symbol == symbol]


def is_kept(order: Order, now_ms: int) -> bool:
    """Whether the venue still finds an order: 90 days, and 3 days one that ended without a fill."""
    days = 3 if not order.is_open and not order.executed_qty else 90
    return now_ms - order.time_ms <= days * DAY_MS


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


def _acknowledgement(sim: Simulation, order: Order) -> dict[str, Any]:
    nothing_yet = {"status": "NEW", "avgPrice": "0.00", "executedQty": "0", "cumQty": "0", "cumQuote": "0"}
    return order_row(sim, order) | nothing_yet
