"""Reduce-only market orders on OKX, for the reference executor.

An order is sent in contracts, and its ``tdMode`` must be the margin mode of the position that it closes, so the
position is read just before. In long/short mode ``posSide`` is the position's and ``reduceOnly`` is ignored: closing is
what that side does to that leg. The answer is an acknowledgement per row (``sCode``): it isn't a fill.

A client order id is refused as a duplicate (51016) only while the first order is pending: it is a look-up key. 51149
says that the request timed out, which says nothing about the order.

Sources: "Place order", "Get order" (a cancelled order without a fill is gone after 2 h) and the error codes of OKX's v5
documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, Inexact
from typing import Any, Final

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
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.okx.envelope import only_row_of, rows_of
from p33_tasks.venues.okx.instruments import KeptInstruments
from p33_tasks.venues.okx.order_rows import LEGS, SIDES, OrderRow, read_order
from p33_tasks.venues.okx.spec import INST_TYPE, ORDER, PLACE, POSITIONS, SPEC
from p33_tasks.venues.orders import check_order
from p33_tasks.venues.rows import InvalidRowError, Row, number
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.transport import Stamp

ACKNOWLEDGED: Final = "acknowledged"
"""Our word for an order that was accepted and not found yet."""
NOT_FOUND: Final = "51603"
_REJECTIONS: Final = range(51_000, 52_000)
_NOT_CERTAIN: Final = frozenset({"51016", "51149"})  # the id is in use; the request timed out

_WORD: Final = {side: word for word, side in SIDES.items()}
_POS_SIDE: Final = {leg: word for word, leg in LEGS.items()}


def is_certain_rejection(code: str) -> bool:
    """Whether a code proves that nothing was executed."""
    return code not in _NOT_CERTAIN and int(code) in _REJECTIONS


class OkxOrders:
    """Places and finds orders on OKX."""

    def __init__(self, session: VenueSession) -> None:
        self._session = session
        self._instruments = KeptInstruments(session)

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
        """Send one order that only reduces, once; see ``abilities.Orders``.

        Args:
            symbol: The venue's id, e.g. ``BTC-USDT-SWAP``.
            side: ``SELL`` reduces a long, ``BUY`` a short.
            quantity: Base units, above zero; a whole number of the symbol's contract steps.
            client_order_id: 1 to 32 of ``0-9A-Za-z``.
            recv_window_ms: The venue refuses the order (``expTime``) later than this after ``window_start_ms``.
            window_start_ms: By ``clock_ms()``; None: now.
            leg: In long/short mode the leg that is closed.

        Raises:
            OrderRejectedError: Refused for certain; also when what is needed for the order couldn't be read, or there
                is no position of that side: nothing was sent then.
        """
        check_order(SPEC, quantity=quantity, client_order_id=client_order_id, recv_window_ms=recv_window_ms)
        start_ms = self.clock_ms() if window_start_ms is None else window_start_ms
        try:
            params = self._params(symbol, side, quantity, client_order_id, leg)
        except (ExchangeError, InvalidRowError) as error:
            raise OrderRejectedError(f"nothing was sent: {error}") from error
        stamp = Stamp(time_ms=start_ms, headers={"expTime": str(start_ms + recv_window_ms)})
        find = f"it may have been executed, find it by clOrdId {client_order_id}"
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
        """Find an order by its client order id; None when the venue doesn't know it (now). Raises ExchangeError."""
        reply = self._session.send(ORDER, {"instId": symbol, "clOrdId": client_order_id})
        if reply.refused is not None and reply.refused.code == NOT_FOUND:
            return None
        if reply.failure is not None:
            raise reply.failure
        found = self._read(loads_exact(reply.answer.text), symbol)
        if found.client_order_id != client_order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {client_order_id} came")
        return found.report(symbol)

    def _params(
        self, symbol: str, side: OrderSide, quantity: Decimal, client_order_id: str, leg: Leg
    ) -> Mapping[str, Any]:
        row = position_to_close(
            rows_of(self._session.ask(POSITIONS, {"instId": symbol}), POSITIONS.shown), symbol, side
        )
        closed = LEGS[row["posSide"]]
        if leg not in {Leg.BOTH, closed}:
            raise InvalidRowError(f"the {leg} leg was to be closed, the open position is {row['posSide']}")
        in_net_mode = closed is Leg.BOTH
        return {
            "instId": symbol,
            "tdMode": row["mgnMode"],
            "side": _WORD[side],
            "ordType": "market",
            "sz": q.canonical(in_contracts(quantity, self._instruments.get().contract_size(symbol))),
            "clOrdId": client_order_id,
            **({"reduceOnly": True} if in_net_mode else {"posSide": _POS_SIDE[closed]}),
        }

    def _read(self, answer: object, symbol: str) -> OrderRow:
        try:
            size = self._instruments.get().contract_size(symbol)
        except InvalidRowError as error:
            raise MalformedResponseError(f"{symbol}: {error}") from error
        return read_order(answer, symbol, size, ORDER.shown)

    def _what_became(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """What is known already; the acknowledgement stands when nothing is, or it can't be asked."""
        try:
            return self.fetch_order(symbol, client_order_id)
        except ExchangeError:
            return None


def position_to_close(rows: list[Any], symbol: str, side: OrderSide) -> Row:
    """The one open position that an order of this side reduces. Raises InvalidRowError: there is none, or several."""
    is_long = side is OrderSide.SELL
    found: list[Row] = []
    for row in rows:
        if not isinstance(row, dict) or row.get("instId") != symbol or row.get("instType") != INST_TYPE:
            raise InvalidRowError(f"a row of another instrument than {symbol} came")
        contracts, pos_side = number(row, "pos"), row.get("posSide")
        if pos_side not in LEGS or row.get("mgnMode") not in {"cross", "isolated"}:
            raise InvalidRowError(f"posSide {pos_side!r:.20} or mgnMode {row.get('mgnMode')!r:.20} is not documented")
        is_this_side = (contracts > 0) is is_long if pos_side == "net" else (pos_side == "long") is is_long
        if contracts != 0 and is_this_side:
            found.append(row)
    if len(found) != 1:
        raise InvalidRowError(f"{len(found)} open positions that {side} would reduce, not one")
    return found[0]


def in_contracts(quantity: Decimal, size: Decimal) -> Decimal:
    """Base units as contracts, exactly. Raises InvalidRowError."""
    try:
        return q.parse_quantity(q.EXACT.divide(quantity, size))
    except (Inexact, ValueError) as error:
        raise InvalidRowError(f"{quantity} is no exact number of contracts of {size}") from error


def _acknowledged(answer: object, client_order_id: str) -> str:
    row = only_row_of(answer, PLACE.shown)
    order_id = row.get("ordId")
    if row.get("sCode") != "0" or not isinstance(order_id, str) or not order_id:
        raise MalformedResponseError("an acknowledgement with sCode 0 and ordId was expected")
    if row.get("clOrdId") != client_order_id:
        raise MalformedResponseError("an acknowledgement of another clOrdId came")
    return order_id
