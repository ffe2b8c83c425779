"""Reduce-only market orders on Gate, for the reference executor.

A market order has price 0 and ends at once; its size's sign is the side. In dual mode a reduce-only sell closes the
long leg; the position mode is read just before, since an order names no leg. The answer is the complete order, with
the quantity left. ``X-Gate-Exptime`` is its time limit.

The venue finds an order by ``text`` while it is open and for 60 s after; later the last 100 finished orders of its
contract are searched. An order without a fill is deleted after 10 minutes. Whether a duplicate ``text`` is refused is
not verified, so the refusal of a parameter's value is not a certain rejection.

Sources: "create_futures_order" and "get_futures_order" of gateapi-python's documentation; labels of ccxt 4.5.90.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.contracts import Kept, in_contracts
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.gate.account_rows import Contracts, read_contracts, read_hedge_mode
from p33_tasks.venues.gate.order_rows import FINISHED, read_order
from p33_tasks.venues.gate.pages import rows_of
from p33_tasks.venues.gate.spec import ACCOUNT, CONTRACTS, ORDER, ORDERS, PLACE, SPEC
from p33_tasks.venues.order_rows import OrderRow
from p33_tasks.venues.orders import MarketOrder, OrderClient
from p33_tasks.venues.rows import InvalidRowError
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.transport import Stamp

NOT_FOUND: Final = frozenset({"CLIENT_ID_NOT_FOUND", "ORDER_NOT_FOUND"})
_REJECTIONS: Final = frozenset(
    {"BALANCE_NOT_ENOUGH", "CONTRACT_IN_DELISTING", "CONTRACT_NOT_FOUND", "CONTRACT_NO_COUNTER", "INCREASE_POSITION"}
    | {"INSUFFICIENT_AVAILABLE", "LIQUIDATE_IMMEDIATELY", "MISSING_REQUIRED_PARAM", "POSITION_EMPTY"}
    | {"POSITION_IN_CLOSE", "POSITION_IN_LIQUIDATION", "PRICE_TOO_DEVIATED", "RISK_LIMIT_EXCEEDED"}
    | {"SIZE_TOO_LARGE", "SIZE_TOO_SMALL", "TOO_MANY_ORDERS"}
)
_CLOSED_BY: Final = {OrderSide.SELL: Leg.LONG, OrderSide.BUY: Leg.SHORT}


class GateOrders(OrderClient):
    """Places and finds orders on Gate; a ``text`` is ``t-`` and 1 to 28 of ``0-9A-Za-z_.-``."""

    spec = SPEC
    place = PLACE

    def __init__(self, session: VenueSession) -> None:
        super().__init__(session)
        self._contracts = kept_contracts(session)

    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """The order, with a signed size in contracts; the account's position mode is read just before.

        Raises:
            InvalidRowError: No exact number of contracts, or this side doesn't close that leg in that position mode.
        """
        in_hedge_mode = read_hedge_mode(self._session.ask(ACCOUNT))
        if order.leg is not (_CLOSED_BY[order.side] if in_hedge_mode else Leg.BOTH):
            mode = "dual" if in_hedge_mode else "single"
            raise InvalidRowError(f"{order.side} doesn't close the {order.leg} leg in {mode} mode")
        contracts = in_contracts(order.quantity, self._contracts.get().size(order.symbol))
        signed = contracts if order.side is OrderSide.BUY else q.negated(contracts)
        params = {
            "contract": order.symbol,
            "size": int(signed) if signed == signed.to_integral_value() else q.canonical(signed),
            "price": "0",
            "tif": "ioc",
            "reduce_only": True,
            "text": order.client_order_id,
        }
        end_ms = order.start_ms + order.recv_window_ms
        return params, Stamp(time_ms=order.start_ms, headers={"X-Gate-Exptime": str(end_ms)})

    def is_certain_rejection(self, code: str) -> bool:
        """Whether a label proves that nothing was executed."""
        return code in _REJECTIONS

    def answered(self, answer: object, order: MarketOrder) -> OrderReport:
        """The complete order from the answer. Raises MalformedResponseError."""
        found = self._read(answer, order.symbol)
        if found.client_order_id != order.client_order_id or found.side is not order.side:
            raise MalformedResponseError("an order of our text and side was expected, another came")
        return found.report(order.symbol)

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id, also among the last finished orders. Raises ExchangeError."""
        reply = self._session.send(ORDER, {"order_id": client_order_id})
        if reply.refused is not None and reply.refused.code in NOT_FOUND:
            params = {"contract": symbol, "status": FINISHED}
            rows = rows_of(self._session.ask(ORDERS, params), ORDERS.shown)
            own = [row for row in rows if isinstance(row, dict) and row.get("text") == client_order_id]
            if len(own) > 1:
                raise MalformedResponseError(f"{ORDERS.shown}: {len(own)} orders of one text")
            return self._read(own[0], symbol).report(symbol) if own else None
        if reply.failure is not None:
            raise reply.failure
        found = self._read(loads_exact(reply.answer.text), symbol)
        if found.client_order_id != client_order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {client_order_id} came")
        return found.report(symbol)

    def _read(self, row: object, symbol: str) -> OrderRow:
        return read_order(row, symbol, size_of(self._contracts, symbol), hedge_mode=False)


def kept_contracts(session: VenueSession) -> Kept[Contracts]:
    """The contracts of the last request."""
    return Kept(lambda: read_contracts(session.ask(CONTRACTS)), period_ms=SPEC.markets_period_ms)


def size_of(contracts: Kept[Contracts], symbol: str) -> Decimal:
    """Base units of one contract. Raises ExchangeError."""
    try:
        return contracts.get().size(symbol)
    except InvalidRowError as error:
        raise MalformedResponseError(f"{symbol}: {error}") from error
