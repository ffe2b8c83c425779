"""Reduce-only market orders on Bybit, for the reference executor.

The answer to an order is an acknowledgement, not a fill, and the order may still be rejected, so its outcome is read
afterwards. A duplicate ``orderLinkId`` is refused (110072), which doesn't show the outcome of the first order.

Sources: "Place Order", "Get Open & Closed Orders" (the last 500 closed; lost when the venue restarts), "Get Order
History" (2 years; rejected and cancelled ones 24 h) and the error codes of Bybit's v5 documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.envelope import result_of
from p33_tasks.venues.bybit.order_rows import LEGS, SIDES, read_orders
from p33_tasks.venues.bybit.spec import CATEGORY, ORDER_HISTORY, ORDERS, PLACE, SPEC
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.orders import MarketOrder, OrderClient
from p33_tasks.venues.spec import Endpoint
from p33_tasks.venues.transport import Stamp

NOT_FOUND: Final = "110001"
PARAMETER_ERROR: Final = "10001"
_REJECTIONS: Final = range(110_003, 111_000)
_NOT_CERTAIN: Final = frozenset({"110072", "110079"})  # the id was used before; the order is being processed

_INDEX: Final = {leg: index for index, leg in LEGS.items()}
_WORD: Final = {side: word for word, side in SIDES.items()}


class BybitOrders(OrderClient):
    """Places and finds orders on Bybit; an ``orderLinkId`` is 1 to 36 of ``0-9A-Za-z_-``."""

    spec = SPEC
    place = PLACE
    acknowledged = "Acknowledged"

    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """The order. In hedge mode ``positionIdx`` is that of the leg that is closed."""
        params = {
            "category": CATEGORY,
            "symbol": order.symbol,
            "side": _WORD[order.side],
            "orderType": "Market",
            "qty": q.canonical(order.quantity),
            "reduceOnly": True,
            "positionIdx": _INDEX[order.leg],
            "orderLinkId": order.client_order_id,
        }
        return params, Stamp(time_ms=order.start_ms, options={"recvWindow": order.recv_window_ms})

    def is_certain_rejection(self, code: str) -> bool:
        """Whether an error code proves that nothing was executed."""
        return code == PARAMETER_ERROR or (code not in _NOT_CERTAIN and int(code) in _REJECTIONS)

    def answered(self, answer: object, order: MarketOrder) -> str:
        """The order id of an acknowledgement. Raises MalformedResponseError."""
        result = result_of(answer, PLACE.shown)
        order_id = result.get("orderId")
        if not isinstance(order_id, str) or not order_id or result.get("orderLinkId") != order.client_order_id:
            raise MalformedResponseError("an acknowledgement with orderId and our orderLinkId was expected")
        return order_id

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None if neither the recent orders nor the history contain it.

        Raises:
            ExchangeError: Any subclass.
        """
        for endpoint in (ORDERS, ORDER_HISTORY):
            found = self._find(endpoint, symbol, client_order_id)
            if found is not None:
                return found.report(symbol)
        return None

    def _find(self, endpoint: Endpoint, symbol: str, client_order_id: str) -> OrderRow | None:
        reply = self._session.send(endpoint, {"symbol": symbol, "orderLinkId": client_order_id})
        if reply.refused is not None and reply.refused.code == NOT_FOUND:
            return None
        if reply.failure is not None:
            raise reply.failure
        found = read_orders(loads_exact(reply.answer.text), symbol, endpoint.shown)
        if any(order.client_order_id != client_order_id for order in found):
            raise MalformedResponseError(f"{endpoint.shown}: another order than {client_order_id} came")
        if len({order.order_id for order in found}) > 1:
            raise MalformedResponseError(f"{endpoint.shown}: {len(found)} orders of one orderLinkId")
        return found[0] if found else None
