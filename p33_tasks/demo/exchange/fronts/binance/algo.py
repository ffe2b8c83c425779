"""Conditional orders, as Binance has them since 2025-12-09: not in the book until their price is reached.

Sources: "New Algo Order", "Cancel Algo Order" and "Current All Algo Open Orders" of the USD-M futures documentation.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.algo_orders import AlgoOrder
from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.orders import Params, flag, number, parse_algo, required
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import fixed, plain

FIRST_ALGO_ID: Final = 2_146_760_001


def place_algo(sim: Simulation, params: Params) -> Any:
    """``POST /fapi/v1/algoOrder``. Raises -2021: its price is already reached."""
    sim.limiter.count_order(sim.now_ms)
    if required(params, "algoType") != "CONDITIONAL":
        raise refusal(-1130, name="algoType")
    closes_position = flag(params, "closePosition")
    kind, request = parse_algo(params, hedged=sim.venue.hedged, closes_position=closes_position)
    listing = sim.venue.listing(request.symbol)
    if not closes_position:
        matching.check_quantity(listing, request.quantity, market=request.type == "MARKET")
    algo_id = FIRST_ALGO_ID + len(sim.algo_orders)
    order = AlgoOrder(
        algo_id=algo_id,
        client_algo_id=params.get("clientAlgoId", f"sim-{algo_id}"),
        kind=kind,
        request=request,
        trigger_price=number("triggerPrice", required(params, "triggerPrice")),
        closes_position=closes_position,
        time_ms=sim.now_ms,
    )
    if order.is_triggered_at(sim.venue.mark(request.symbol, sim.now_ms)):
        raise refusal(-2021)
    sim.algo_orders[algo_id] = order
    return _row(sim, order)


def cancel_algo(sim: Simulation, params: Params) -> Any:
    """``DELETE /fapi/v1/algoOrder`` by ``algoId``. Raises -2011."""
    text = required(params, "algoId")
    order = sim.algo_orders.get(int(text)) if text.isascii() and text.isdigit() else None
    if order is None or order.status != "NEW":
        raise refusal(-2011)
    sim.algo_orders[order.algo_id] = replace(order, status="CANCELED")
    return {"algoId": order.algo_id, "clientAlgoId": order.client_algo_id, "code": "200", "msg": "success"}


def open_algo_orders(sim: Simulation, params: Params) -> Any:
    """``GET /fapi/v1/openAlgoOrders``: of one symbol or of all."""
    symbol = params.get("symbol")
    return [
        _row(sim, order)
        for order in sim.algo_orders.values()
        if order.status == "NEW" and symbol in {None, order.request.symbol}
    ]


def _row(sim: Simulation, order: AlgoOrder) -> dict[str, Any]:
    request, listing = order.request, sim.venue.listings[order.request.symbol]
    return {
        "algoId": order.algo_id,
        "clientAlgoId": order.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": order.kind,
        "symbol": request.symbol,
        "side": request.side,
        "positionSide": request.position_side,
        "timeInForce": request.time_in_force,
        "quantity": fixed(request.quantity, listing.quantity_precision),
        "algoStatus": order.status,
        "actualOrderId": "" if order.order_id is None else str(order.order_id),
        "triggerPrice": plain(order.trigger_price),
        "price": plain(request.price or Decimal(0)),
        "workingType": "CONTRACT_PRICE",
        "closePosition": order.closes_position,
        "priceProtect": False,
        "reduceOnly": request.reduce_only,
        "createTime": order.time_ms,
        "updateTime": order.time_ms,
    }
