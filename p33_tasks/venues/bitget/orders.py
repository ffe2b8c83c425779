"""Reduce-only market orders on Bitget, for the reference executor.

An order names the margin mode of the position that it closes, so the position is read just before. In one-way mode it
is ``reduceOnly``; the venue then cancels older resting reduce-only orders that would close more than the position
together with it. In hedge mode it is ``tradeSide`` close with the *position's* side: buy closes a long.

The answer is an acknowledgement, at times without an ``orderId``: the order's outcome is read by its ``clientOid``. A
duplicate ``clientOid`` is refused, which doesn't show the outcome of the first order. An order has no time limit field;
it is signed with its own time, and the venue refuses one that is 30 s old.

Sources: "Place order", "Get order detail" and the error codes of Bitget's contract documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bitget.envelope import object_of, rows_of
from p33_tasks.venues.bitget.order_rows import SIDES, read_order
from p33_tasks.venues.bitget.position_rows import MODES, amount_of, rows_by_side
from p33_tasks.venues.bitget.spec import ORDER, PLACE, POSITION, SPEC
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.orders import MarketOrder, OrderClient
from p33_tasks.venues.rows import InvalidRowError, Row
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.transport import Stamp

NOT_FOUND: Final = frozenset({"25204", "40109", "40768", "43001"})
# No position or not enough of it, the position mode, balance, quantity, parameters, the contract's state. A duplicate
# clientOid (40786 and similar), a time-out and every other code leave doubt.
_REJECTIONS: Final = frozenset(
    {"22002", "25227", "40017", "40019", "40020", "40102", "40108", "40305", "40308", "40309", "40757", "40762"}
    | {"40774", "40808", "41103", "41114", "43012", "43115", "45006", "45110", "45113"}
)
_WORD: Final = {side: word for word, side in SIDES.items()}
_CLOSED_BY: Final = {OrderSide.SELL: Leg.LONG, OrderSide.BUY: Leg.SHORT}
_POSITIONS_SIDE: Final = {Leg.LONG: "buy", Leg.SHORT: "sell"}


class BitgetOrders(OrderClient):
    """Places and finds orders on Bitget; a ``clientOid`` is 1 to 36 of ``0-9A-Za-z_-``."""

    spec = SPEC
    place = PLACE

    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """The order, with margin mode and position mode of the position that it closes.

        Raises:
            InvalidRowError: This side doesn't reduce exactly one position.
        """
        rows = rows_of(self._session.ask(POSITION, {"symbol": order.symbol}), POSITION.shown)
        closed = _CLOSED_BY[order.side]
        row = position_to_close(rows, order.symbol, closed)
        in_hedge_mode = MODES[row["posMode"]]
        if order.leg is not (closed if in_hedge_mode else Leg.BOTH):
            raise InvalidRowError(f"the {order.leg} leg was to be closed by {order.side} in {row['posMode']}")
        params = {
            "symbol": order.symbol,
            "marginMode": row["marginMode"],
            "size": q.canonical(order.quantity),
            "orderType": "market",
            "clientOid": order.client_order_id,
            **(
                {"side": _POSITIONS_SIDE[closed], "tradeSide": "close"}
                if in_hedge_mode
                else {"side": _WORD[order.side], "reduceOnly": "YES"}
            ),
        }
        return params, Stamp(time_ms=order.start_ms)

    def is_certain_rejection(self, code: str) -> bool:
        """Whether an error code proves that nothing was executed."""
        return code in _REJECTIONS

    def answered(self, answer: object, order: MarketOrder) -> str:
        """The order id of an acknowledgement. Raises MalformedResponseError: also for one without an id."""
        found = object_of(answer, PLACE.shown)
        order_id = found.get("orderId")
        if not isinstance(order_id, str) or not order_id or found.get("clientOid") != order.client_order_id:
            raise MalformedResponseError("an acknowledgement with orderId and our clientOid was expected")
        return order_id

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None if the venue doesn't know it (yet). Raises ExchangeError."""
        found = find_order(self._session, symbol, {"clientOid": client_order_id})
        if found is not None and found.client_order_id != client_order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {client_order_id} came")
        return None if found is None else found.report(symbol)


def find_order(session: VenueSession, symbol: str, by: Mapping[str, str]) -> OrderRow | None:
    """One order; None when the venue doesn't know it. Raises ExchangeError."""
    reply = session.send(ORDER, {"symbol": symbol, **by})
    if reply.refused is not None and reply.refused.code in NOT_FOUND:
        return None
    if reply.failure is not None:
        raise reply.failure
    return read_order(object_of(loads_exact(reply.answer.text), ORDER.shown), symbol)


def position_to_close(rows: list[Any], symbol: str, leg: Leg) -> Row:
    """The only open position of a side. Raises InvalidRowError: there is none, or a row is invalid."""
    if any(not isinstance(row, dict) or row.get("symbol") != symbol for row in rows):
        raise InvalidRowError(f"a row of another symbol than {symbol} came")
    mode = rows[0].get("posMode") if rows else None
    hedge_mode = MODES.get(mode) if isinstance(mode, str) else None
    if hedge_mode is None:
        raise InvalidRowError(f"no position of {symbol}, or posMode {mode!r:.20} is not documented")
    found = rows_by_side(rows, hedge_mode=hedge_mode).get(leg)
    if found is None or amount_of(found) == 0:
        raise InvalidRowError(f"no open {leg} position of {symbol}")
    return found
