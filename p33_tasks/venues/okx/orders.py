"""Reduce-only market orders on OKX, for the reference executor.

An order is sent in contracts, and its ``tdMode`` must be the margin mode of the position that it closes, so the
position is read just before. In long/short mode ``posSide`` is the position's and ``reduceOnly`` is ignored: side and
leg together make it a close. The answer is an acknowledgement per row (``sCode``), not a fill.

A client order id is refused as a duplicate (51016) only while the first order is pending, so it finds an order but
doesn't prevent a second one. 51149 means that the request timed out; the order's outcome is then unknown.

Sources: "Place order", "Get order" (a cancelled order without a fill is deleted after 2 h) and the error codes of OKX's
v5 documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.contracts import in_contracts
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.okx.envelope import only_row_of, rows_of
from p33_tasks.venues.okx.instruments import kept_instruments
from p33_tasks.venues.okx.order_rows import LEGS, SIDES, read_order
from p33_tasks.venues.okx.spec import INST_TYPE, ORDER, PLACE, POSITIONS, SPEC
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.orders import MarketOrder, OrderClient
from p33_tasks.venues.rows import InvalidRowError, Row, number
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.transport import Stamp

NOT_FOUND: Final = "51603"
_REJECTIONS: Final = range(51_000, 52_000)
_NOT_CERTAIN: Final = frozenset({"51016", "51149"})  # the id is in use; the request timed out

_WORD: Final = {side: word for word, side in SIDES.items()}
_POS_SIDE: Final = {leg: word for word, leg in LEGS.items()}


class OkxOrders(OrderClient):
    """Places and finds orders on OKX; a ``clOrdId`` is 1 to 32 of ``0-9A-Za-z``."""

    spec = SPEC
    place = PLACE

    def __init__(self, session: VenueSession) -> None:
        super().__init__(session)
        self._instruments = kept_instruments(session)

    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """The order, with the margin mode of the position that it closes, and ``expTime``.

        Raises:
            InvalidRowError: This side doesn't reduce exactly one position, or no exact number of contracts.
        """
        symbol = order.symbol
        rows = rows_of(self._session.ask(POSITIONS, {"instId": symbol}), POSITIONS.shown)
        row = position_to_close(rows, symbol, order.side)
        closed = LEGS[row["posSide"]]
        if order.leg is not closed:
            raise InvalidRowError(f"the order is for {order.leg}, the open position is posSide {row['posSide']}")
        in_net_mode = closed is Leg.BOTH
        params = {
            "instId": symbol,
            "tdMode": row["mgnMode"],
            "side": _WORD[order.side],
            "ordType": "market",
            "sz": q.canonical(in_contracts(order.quantity, self._instruments.get().contract_size(symbol))),
            "clOrdId": order.client_order_id,
            **({"reduceOnly": True} if in_net_mode else {"posSide": _POS_SIDE[closed]}),
        }
        end_ms = order.start_ms + order.recv_window_ms
        return params, Stamp(time_ms=order.start_ms, headers={"expTime": str(end_ms)})

    def is_certain_rejection(self, code: str) -> bool:
        """Whether an error code proves that nothing was executed."""
        return code not in _NOT_CERTAIN and int(code) in _REJECTIONS

    def answered(self, answer: object, order: MarketOrder) -> str:
        """The order id of an acknowledgement. Raises MalformedResponseError."""
        row = only_row_of(answer, PLACE.shown)
        order_id = row.get("ordId")
        if row.get("sCode") != "0" or not isinstance(order_id, str) or not order_id:
            raise MalformedResponseError("an acknowledgement with sCode 0 and ordId was expected")
        if row.get("clOrdId") != order.client_order_id:
            raise MalformedResponseError("an acknowledgement of another clOrdId came")
        return order_id

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None if the venue doesn't know it (yet). Raises ExchangeError."""
        reply = self._session.send(ORDER, {"instId": symbol, "clOrdId": client_order_id})
        if reply.refused is not None and reply.refused.code == NOT_FOUND:
            return None
        if reply.failure is not None:
            raise reply.failure
        found = self._read(loads_exact(reply.answer.text), symbol)
        if found.client_order_id != client_order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {client_order_id} came")
        return found.report(symbol)

    def _read(self, answer: object, symbol: str) -> OrderRow:
        try:
            size = self._instruments.get().contract_size(symbol)
        except InvalidRowError as error:
            raise MalformedResponseError(f"{symbol}: {error}") from error
        return read_order(answer, symbol, size, ORDER.shown)


def position_to_close(rows: list[Any], symbol: str, side: OrderSide) -> Row:
    """The only open position that an order of this side reduces. Raises InvalidRowError: there is none, or several."""
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
