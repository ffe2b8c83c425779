"""Base class of the venues' clients for reduce-only market orders: an order is checked and sent once.

A refusal is a rejection only if the venue's code proves that nothing was executed. After any other answer that isn't
the documented one the outcome is unknown, and the order is queried by its client order id.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

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
    StoreError,
)
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.rows import InvalidRowError
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint, VenueSpec
from p33_tasks.venues.transport import Stamp

_LONGEST_WINDOW_MS = 60_000
_ENLARGES = {Leg.LONG: OrderSide.BUY, Leg.SHORT: OrderSide.SELL}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrder:
    """A reduce-only market order to send."""

    symbol: str
    side: OrderSide
    quantity: Decimal  # base units
    client_order_id: str
    start_ms: int  # by the venue's clock, taken before the permit was consumed
    recv_window_ms: int
    leg: Leg


class OrderClient(ABC):
    """Sends an order and judges the answer; a subclass per venue builds the request and reads the answers."""

    spec: ClassVar[VenueSpec]
    place: ClassVar[Endpoint]
    acknowledged: ClassVar[str] = "acknowledged"  # the status of an order that was accepted but not found yet

    def __init__(self, session: VenueSession) -> None:
        self._session = session

    @abstractmethod
    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """The request of an order. Raises InvalidRowError or ExchangeError: it can't be built; nothing was sent."""

    @abstractmethod
    def is_certain_rejection(self, code: str) -> bool:
        """Whether an error code proves that nothing was executed."""

    @abstractmethod
    def answered(self, answer: object, order: MarketOrder) -> str | OrderReport:
        """The venue's id of an acknowledged order, or the order itself if the answer contains it.

        Raises:
            MalformedResponseError: It isn't the documented answer about this order.
        """

    @abstractmethod
    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None if the venue doesn't know it (yet). Raises ExchangeError."""

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
        """Send one reduce-only order, once; see ``abilities.Orders``.

        Args:
            symbol: The venue's own id.
            side: ``SELL`` reduces a long, ``BUY`` a short.
            quantity: Base units, above zero.
            client_order_id: In the venue's alphabet.
            recv_window_ms: The venue refuses the order later than this after ``window_start_ms``, where it can.
            window_start_ms: By ``clock_ms()``; None: now.
            leg: In hedge mode the leg that is closed.

        Raises:
            OrderRejectedError: Refused for certain; also if the data needed for the order couldn't be read: nothing
                was sent then.
            StoreError: The shared budget can't be reached; nothing was sent.
        """
        check_order(
            self.spec,
            side=side,
            leg=leg,
            quantity=quantity,
            client_order_id=client_order_id,
            recv_window_ms=recv_window_ms,
        )
        order = MarketOrder(
            symbol=symbol,
            side=side,
            quantity=quantity,
            client_order_id=client_order_id,
            start_ms=self.clock_ms() if window_start_ms is None else window_start_ms,
            recv_window_ms=recv_window_ms,
            leg=leg,
        )
        try:
            params, stamp = self.request(order)
        except (ExchangeError, InvalidRowError) as error:
            raise OrderRejectedError(f"nothing was sent: {error}") from error
        answer = self._send(params, stamp, client_order_id)
        try:
            found = self.answered(loads_exact(answer), order)
        except MalformedResponseError as error:
            raise OrderOutcomeUnknownError(f"{self.place.shown}: {error}; {_find(client_order_id)}") from error
        if isinstance(found, OrderReport):
            return found
        return self._what_became(order) or OrderReport(
            order_id=found,
            client_order_id=client_order_id,
            symbol=symbol,
            status=self.acknowledged,
            is_final=False,
            side=side,
            leg=leg,
            quantity=quantity,
            executed_qty=q.ZERO,
        )

    def _send(self, params: Mapping[str, Any], stamp: Stamp, client_order_id: str) -> str:
        """The text of a success answer. Raises the error that any other answer means."""
        try:
            reply = self._session.send(self.place, params, stamp=stamp)
        except ExchangeUnavailableError as error:
            raise OrderOutcomeUnknownError(f"{error}; {_find(client_order_id)}") from error
        failure, refused = reply.failure, reply.refused
        if isinstance(failure, ExchangeClockError | ExchangeCredentialsError | ExchangeRateLimitedError):
            raise failure
        if failure is not None and refused is not None and self.is_certain_rejection(refused.code):
            raise OrderRejectedError(str(failure), code=refused.code)
        if failure is not None:
            raise OrderOutcomeUnknownError(f"{failure}; {_find(client_order_id)}")
        return reply.answer.text

    def _what_became(self, order: MarketOrder) -> OrderReport | None:
        """The order after its acknowledgement; the acknowledgement alone if the order isn't found or can't be queried.

        A StoreError of the budget must not be raised here: it would mean that nothing was sent.
        """
        try:
            return self.fetch_order(order.symbol, order.client_order_id)
        except (ExchangeError, StoreError):
            return None


def check_order(
    spec: VenueSpec, *, side: OrderSide, leg: Leg, quantity: Decimal, client_order_id: str, recv_window_ms: int
) -> None:
    """Check an order. Raises ValueError: a parameter is not usable; nothing was sent."""
    if q.parse_quantity(quantity) <= 0:
        raise ValueError(f"an order's quantity is above zero, not {quantity}")
    # In hedge mode there is no reduce-only flag: the side alone decides whether a leg is reduced or enlarged.
    if side is _ENLARGES.get(leg):
        raise ValueError(f"{side} enlarges the {leg} leg")
    ids = spec.client_order_ids
    if not ids.pattern.fullmatch(client_order_id):
        raise ValueError(f"client order id {client_order_id!r:.60}: use 1 to {ids.max_chars} of {ids.shown}")
    longest = spec.request_window_ms or _LONGEST_WINDOW_MS
    if not 1 <= recv_window_ms <= longest:
        raise ValueError(f"recv_window_ms={recv_window_ms}: use 1 to {longest}")


def _find(client_order_id: str) -> str:
    return f"it may have been executed, find it by client order id {client_order_id}"
