"""Pure functions that read one Binance USD-M order, as "New Order" and "Query Order" return it."""

from __future__ import annotations

from p33_tasks.abilities import OrderReport
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.rows import InvalidRowError, number, shape


def read_order(body: object, symbol: str, client_order_id: str) -> OrderReport:
    """Read one order. Raises MalformedResponseError: it is incomplete or another order."""
    if not isinstance(body, dict):
        raise MalformedResponseError(f"order: an object was expected, {shape(body)} came")
    if body.get("symbol") != symbol or body.get("clientOrderId") != client_order_id:
        raise MalformedResponseError(f"order: another order than {client_order_id} of {symbol} came")
    order_id, status, side = body.get("orderId"), body.get("status"), body.get("side")
    if not isinstance(order_id, int | str) or isinstance(order_id, bool) or not str(order_id):
        raise MalformedResponseError("order: orderId is missing")
    if not isinstance(status, str) or not isinstance(side, str) or side not in set(OrderSide):
        raise MalformedResponseError("order: status or side is missing")
    leg = body.get("positionSide")
    if not isinstance(leg, str) or leg not in set(Leg):
        raise MalformedResponseError(f"order: positionSide {leg!r:.20} is not documented")
    try:
        quantity, executed = number(body, "origQty"), number(body, "executedQty")
    except InvalidRowError as error:
        raise MalformedResponseError(f"order: {error}") from error
    if not 0 <= executed <= quantity:
        raise MalformedResponseError(f"order: executedQty {executed} is not within 0 and origQty {quantity}")
    return OrderReport(
        order_id=str(order_id),
        client_order_id=client_order_id,
        symbol=symbol,
        status=status,
        side=OrderSide(side),
        leg=Leg(leg),
        quantity=quantity,
        executed_qty=executed,
    )
