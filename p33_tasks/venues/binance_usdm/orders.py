"""Reduce-only market orders on Binance USD-M, for the reference executor.

In one-way mode ``reduceOnly`` is set. In hedge mode the venue refuses that flag (-1106); side and ``positionSide``
make it a close: SELL of LONG, BUY of SHORT. The venue refuses a leg that the account's mode doesn't have (-4061).

The brain itself never trades: only ``build_order_client`` uses this module.

``OrderRejectedError`` is raised only if the venue's code proves that the order was refused; then a reservation may be
released. Every doubt is ``OrderOutcomeUnknownError``: call ``fetch_order`` with the client order id. Sources:
"New Order", "Query Order" and the error codes of Binance's USD-M futures documentation, which calls the execution
status of a -1006, a -1007 and of other 5xx unknown.
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
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.binance_usdm.order_rows import read_order
from p33_tasks.venues.binance_usdm.spec import PLACE, QUERY, SPEC
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, venue_code
from p33_tasks.venues.orders import check_order
from p33_tasks.venues.session import Reply, VenueSession

ORDER_DOES_NOT_EXIST: Final = "-2013"
DUPLICATE_CLIENT_ORDER_ID: Final = "-4116"

# Refused for certain: parameters (-11xx), the order itself (-20xx), its symbol's filters and modes (-40xx to -4999),
# the matching engine (-50xx). Without the code of a duplicate client order id: its first order may have been executed.
_REJECTIONS: Final = (range(-1199, -1099), range(-2029, -2009), range(-4999, -3999), range(-5099, -4999))
_SINGLE_REJECTIONS: Final = frozenset({"-1013", "-1014", "-1020"})
_CLIENT_ERRORS: Final = range(400, 500)
_TIMEOUT_STATUS: Final = 408


def is_certain_rejection(answer: Answer) -> bool:
    """Whether an answer proves that the order was refused and nothing was executed."""
    refused = venue_code(answer, SPEC.errors)
    if refused is None or refused.code == DUPLICATE_CLIENT_ORDER_ID:
        return False
    if answer.status not in _CLIENT_ERRORS or answer.status == _TIMEOUT_STATUS:
        return False
    return refused.code in _SINGLE_REJECTIONS or any(int(refused.code) in codes for codes in _REJECTIONS)


class BinanceOrders:
    """Places and finds orders on Binance USD-M."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session

    def clock_ms(self) -> int:
        """The venue's clock in ms, estimated: for the ``window_start_ms`` of an order."""
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
        """Send one reduce-only market order, once.

        Args:
            symbol: The venue's id, e.g. ``BTCUSDT``.
            side: ``SELL`` reduces a long, ``BUY`` a short.
            quantity: Base units, above zero; sent as its canonical decimal string.
            client_order_id: 1 to 36 of ``.A-Z:/a-z0-9_-``, the same for every attempt of one plan.
            recv_window_ms: The venue refuses the order when it arrives later than this after ``window_start_ms``.
            window_start_ms: By ``clock_ms()``, taken before the permit was consumed, so that a process that froze
                since then can't send; None: now.
            leg: In hedge mode the leg that is closed; BOTH in one-way mode.

        Raises:
            OrderRejectedError: Refused for certain; ``code`` is the venue's.
            OrderOutcomeUnknownError: It may have been executed; also for a client order id that was used before.
            ExchangeClockError: It came too late, or this host's clock is wrong; nothing was executed.
            ExchangeCredentialsError: The key was refused or is missing; nothing was executed.
            ExchangeRateLimitedError: The venue asked for a pause; nothing was executed.
            ExchangeBudgetSpentError: The shared budget has no room; nothing was sent.
            ExchangeError: Another kind: the clock had to be measured first and couldn't be; nothing was sent.
            StoreError: The shared budget can't be reached; nothing was sent.
            ValueError: A parameter is not usable; nothing was sent.
        """
        check_order(
            SPEC,
            side=side,
            leg=leg,
            quantity=quantity,
            client_order_id=client_order_id,
            recv_window_ms=recv_window_ms,
        )
        now_ms = self.clock_ms()
        params = {
            "symbol": symbol,
            "side": side.value,
            "type": "MARKET",
            "quantity": q.canonical(quantity),
            **({"reduceOnly": "true"} if leg is Leg.BOTH else {"positionSide": leg.value}),
            "newOrderRespType": "RESULT",
            "newClientOrderId": client_order_id,
            "recvWindow": recv_window_ms,
            "timestamp": now_ms if window_start_ms is None else window_start_ms,
        }
        try:
            reply = self._session.send(PLACE, params)
        except ExchangeUnavailableError as error:
            raise OrderOutcomeUnknownError(f"{error}; {_find(client_order_id)}") from error
        return _placed(reply, symbol, client_order_id)

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id.

        Returns:
            None if the venue doesn't know it. Right after a time-out that can still change: query again.

        Raises:
            ExchangeError: Any subclass.
        """
        reply = self._session.send(QUERY, {"symbol": symbol, "origClientOrderId": client_order_id})
        refused = reply.refused
        if refused is not None and refused.code == ORDER_DOES_NOT_EXIST:
            return None
        if reply.failure is not None:
            raise reply.failure
        return read_order(loads_exact(reply.answer.text), symbol, client_order_id)


def _placed(reply: Reply, symbol: str, client_order_id: str) -> OrderReport:
    failure, refused = reply.failure, reply.refused
    if failure is None:
        try:
            return read_order(loads_exact(reply.answer.text), symbol, client_order_id)
        except MalformedResponseError as error:
            raise OrderOutcomeUnknownError(f"{PLACE.shown}: {error}; {_find(client_order_id)}") from error
    if isinstance(failure, ExchangeClockError | ExchangeCredentialsError | ExchangeRateLimitedError):
        raise failure
    if refused is not None and is_certain_rejection(reply.answer):
        raise OrderRejectedError(str(failure), code=refused.code)
    raise OrderOutcomeUnknownError(f"{failure}; {_find(client_order_id)}")


def _find(client_order_id: str) -> str:
    return f"it may have been executed, find it by client order id {client_order_id}"
