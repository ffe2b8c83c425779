"""Reduce-only market orders on Bybit, for the reference executor.

The answer to an order is an acknowledgement: it isn't a fill, and the order may still be rejected. What became of it is
asked for. An ``orderLinkId`` is a look-up key: a duplicate is refused (110072), and that says nothing about the first.

Sources: "Place Order", "Get Open & Closed Orders" (the last 500 closed; lost when the venue restarts), "Get Order
History" (2 years; rejected and cancelled ones 24 h) and the error codes of Bybit's v5 documentation.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.bybit.envelope import result_of
from p33_tasks.venues.bybit.order_rows import LEGS, SIDES, OrderRow, read_orders
from p33_tasks.venues.bybit.spec import CATEGORY, ORDER_HISTORY, ORDERS, PLACE, SPEC
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.orders import check_order
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint
from p33_tasks.venues.transport import Stamp

ACKNOWLEDGED: Final = "Acknowledged"
"""Our word for an order that was accepted and not found yet."""
NOT_FOUND: Final = "110001"
PARAMETER_ERROR: Final = "10001"
_REJECTIONS: Final = range(110_003, 111_000)
_NOT_CERTAIN: Final = frozenset({"110072", "110079"})  # the id was used before; the order is being processed

_INDEX: Final = {leg: index for index, leg in LEGS.items()}
_WORD: Final = {side: word for word, side in SIDES.items()}


def is_certain_rejection(code: str) -> bool:
    """Whether a code proves that nothing was executed."""
    return code == PARAMETER_ERROR or (code not in _NOT_CERTAIN and int(code) in _REJECTIONS)


class BybitOrders:
    """Places and finds orders on Bybit."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session

    def clock_ms(self) -> int:
        """The venue's clock as well as this process knows it: the ``window_start_ms`` of an order."""
        return self._session.clock_ms()

    def place_reduce_only_market(
        self,
        *,
        symbol: str,
        side: OrderSide,
        quantity: Decimal,
        client_order_id: str,
        recv_window_ms: int,
        window_start_ms: int | None = None,
        leg: Leg = Leg.BOTH,
    ) -> OrderReport:
        """Send one reduce-only market order, once; see ``abilities.Orders``.

        Args:
            symbol: The venue's id, e.g. ``BTCUSDT``.
            side: ``SELL`` reduces a long, ``BUY`` a short.
            quantity: Base units, above zero.
            client_order_id: 1 to 36 of ``0-9A-Za-z_-``.
            recv_window_ms: The venue refuses the order when it arrives later than this after ``window_start_ms``.
            window_start_ms: By ``clock_ms()``; None: now.
            leg: In hedge mode the leg that is closed; its ``positionIdx`` is the position's, also for the closing side.
        """
        check_order(SPEC, quantity=quantity, client_order_id=client_order_id, recv_window_ms=recv_window_ms)
        start_ms = self.clock_ms() if window_start_ms is None else window_start_ms
        params = {
            "category": CATEGORY,
            "symbol": symbol,
            "side": _WORD[side],
            "orderType": "Market",
            "qty": q.canonical(quantity),
            "reduceOnly": True,
            "positionIdx": _INDEX[leg],
            "orderLinkId": client_order_id,
        }
        stamp = Stamp(time_ms=start_ms, options={"recvWindow": recv_window_ms})
        find = f"it may have been executed, find it by orderLinkId {client_order_id}"
        try:
            reply = self._session.send(PLACE, params, stamp=stamp)
        except ExchangeUnavailableError as error:
            raise OrderOutcomeUnknownError(f"{error}; {find}") from error
        failure, refused = reply.failure, reply.refused
        if isinstance(failure, ExchangeClockError | ExchangeCredentialsError | ExchangeRateLimitedError):
            raise failure
        if failure is not None and refused is not None and is_certain_rejection(refused.code):
            raise OrderRejectedError(str(failure), code=refused.code)
        if failure is not None:
            raise OrderOutcomeUnknownError(f"{failure}; {find}")
        try:
            order_id = _acknowledged(loads_exact(reply.answer.text), client_order_id)
        except MalformedResponseError as error:
            raise OrderOutcomeUnknownError(f"{PLACE.shown}: {error}; {find}") from error
        return self._what_became(symbol, client_order_id) or OrderReport(
            order_id=order_id,
            client_order_id=client_order_id,
            symbol=symbol,
            status=ACKNOWLEDGED,
            is_final=False,
            side=side,
            quantity=quantity,
            executed_qty=q.ZERO,
        )

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None when the venue knows it neither as recent nor in its history.

        Raises:
            ExchangeError: One of its kinds.
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

    def _what_became(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """What is known already; the acknowledgement stands when nothing is, or it can't be asked."""
        try:
            return self.fetch_order(symbol, client_order_id)
        except ExchangeError:
            return None


def _acknowledged(answer: object, client_order_id: str) -> str:
    result = result_of(answer, PLACE.shown)
    order_id = result.get("orderId")
    if not isinstance(order_id, str) or not order_id or result.get("orderLinkId") != client_order_id:
        raise MalformedResponseError("an acknowledgement with orderId and our orderLinkId was expected")
    return order_id
