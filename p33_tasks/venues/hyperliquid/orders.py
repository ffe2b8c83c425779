"""Reduce-only market orders on Hyperliquid, for the reference executor.

The venue has no market order: an immediate-or-cancel limit order is sent, 5 % beyond the mark price, which is read just
before with the coin's number. The order is signed through ccxt with the wallet's key (the API secret), together with
its expiry time. The answer contains the executed quantity: what isn't filled at once is cancelled.

The nonce is the order's time, made unique among the orders of one millisecond: the venue accepts each nonce once.

Sources: "Place an order", "Asset IDs", "Tick and lot size", "Error responses" of Hyperliquid's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

from p33_tasks.abilities import OrderReport
from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError, OrderRejectedError
from p33_tasks.venues.contracts import Kept
from p33_tasks.venues.hyperliquid.account_rows import coins_of, decimals_of, read_role
from p33_tasks.venues.hyperliquid.coins import dex_of
from p33_tasks.venues.hyperliquid.order_rows import number_of, whole
from p33_tasks.venues.hyperliquid.reader import find_order
from p33_tasks.venues.hyperliquid.spec import DEXES, ORDER, PLACE, PRICES, ROLE, SPEC
from p33_tasks.venues.orders import MarketOrder, OrderClient
from p33_tasks.venues.rows import InvalidRowError, number, shape
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.transport import Stamp, wallet_key

_REJECTIONS: Final = frozenset({"err market", "err order"})
_SLIPPAGE: Final = {OrderSide.SELL: Decimal("0.95"), OrderSide.BUY: Decimal("1.05")}
_DIGITS: Final = 5  # significant digits of a price that isn't a whole number
_PRICE_DECIMALS: Final = 6  # decimals of a price, minus those of the coin's quantities
_FIRST_OF_OTHERS, _PER_DEX = 100_000, 10_000


class HyperliquidOrders(OrderClient):
    """Places and finds orders on Hyperliquid; a client order id is ``0x`` and 32 of ``0-9a-f``."""

    spec = SPEC
    place = PLACE

    def __init__(self, session: VenueSession) -> None:
        super().__init__(session)
        self._role = Kept(lambda: read_role(session.ask(ROLE, {"user": session.account})), period_ms=ROLE.period_ms)

    def request(self, order: MarketOrder) -> tuple[Mapping[str, Any], Stamp]:
        """One reduce-only order, and its signing data.

        Raises:
            InvalidRowError: A leg was named, the coin can't be traded, or the quantity isn't one of its steps.
        """
        if order.leg is not Leg.BOTH:
            raise InvalidRowError(f"the {order.leg} leg was to be closed, and the venue has no hedge mode")
        asset, decimals, mark = self._asset(order.symbol)
        if q.floor_to_step(order.quantity, Decimal(1).scaleb(-decimals)) != order.quantity:
            raise InvalidRowError(f"{order.quantity} has more than {decimals} decimals")
        limit = limit_price(mark, order.side, decimals)
        wanted = {
            "a": asset,
            "b": order.side is OrderSide.BUY,
            "p": q.canonical(limit),
            "s": q.canonical(order.quantity),
            "r": True,
            "t": {"limit": {"tif": "Ioc"}},
            "c": order.client_order_id,
        }
        params = {
            "action": {"type": "order", "orders": [wanted], "grouping": "na"},
            "nonce": order.start_ms + int(order.client_order_id[-2:], 16),
            "expiresAfter": order.start_ms + order.recv_window_ms,
        }
        # A sub-account or vault has no key: its owner signs, and names it in the request.
        if self._role.get().name != "user":
            params["vaultAddress"] = self._session.account
        return params, Stamp(time_ms=order.start_ms, sign=signed)

    def is_certain_rejection(self, code: str) -> bool:
        """Whether the code found from an error's text proves that nothing was executed."""
        return code in _REJECTIONS

    def answered(self, answer: object, order: MarketOrder) -> str | OrderReport:
        """The executed order, or the id of an order that the answer calls resting.

        Raises:
            OrderRejectedError: The order's error proves a rejection.
            MalformedResponseError: Any other answer.
        """
        found = _only_status(answer)
        error, filled, resting = (found.get(name) for name in ("error", "filled", "resting"))
        if isinstance(error, str):
            code = SPEC.errors.code_in(error)
            if code is not None and self.is_certain_rejection(code):
                raise OrderRejectedError(f"{PLACE.shown}: {error:.200}", code=code)
            raise MalformedResponseError(f"the order has the error {error!r:.200}")
        if isinstance(resting, dict):
            return whole(resting, "oid")
        if not isinstance(filled, dict):
            raise MalformedResponseError("the order is neither filled nor resting, and has no error")
        executed = number_of(filled, "totalSz")
        if not 0 < executed <= order.quantity:
            raise MalformedResponseError(f"totalSz {executed} is not within 0 and the quantity {order.quantity}")
        return OrderReport(
            order_id=whole(filled, "oid"),
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            status="filled",
            is_final=True,
            side=order.side,
            quantity=order.quantity,
            executed_qty=executed,
        )

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """Find an order by its client order id; None if the venue doesn't know it (yet). Raises ExchangeError."""
        found = find_order(self._session, symbol, client_order_id)
        if found is not None and found.client_order_id != client_order_id:
            raise MalformedResponseError(f"{ORDER.shown}: another order than {client_order_id} came")
        return None if found is None else found.report(symbol)

    def _asset(self, symbol: str) -> tuple[int, int, Decimal]:
        """A coin's number, the decimals of its quantities, and its mark price. Raises InvalidRowError."""
        dex = dex_of(symbol)
        answer = self._session.ask(PRICES, {"dex": dex})
        if not isinstance(answer, list) or len(answer) != len(("meta", "prices")) or not isinstance(answer[1], list):
            raise MalformedResponseError(f"{PRICES.shown}: coins and their prices were expected, {shape(answer)} came")
        coins = coins_of(answer[0], PRICES.shown)
        if len(coins) != len(answer[1]):
            raise MalformedResponseError(f"{PRICES.shown}: {len(coins)} coins have {len(answer[1])} prices")
        own = [number for number, coin in enumerate(coins) if coin["symbol"] == symbol]
        decimals = decimals_of([coins[number] for number in own])
        prices = answer[1][own[0]]
        mark = number(prices if isinstance(prices, dict) else {}, "markPx")
        if mark <= 0:
            raise InvalidRowError(f"markPx is {mark}, not above 0")
        return _first_of(self._session, dex) + own[0], decimals, mark


def limit_price(mark: Decimal, side: OrderSide, decimals: int) -> Decimal:
    """5 % beyond the mark price, rounded outwards to a valid price. Raises InvalidRowError."""
    wanted = q.multiply(mark, _SLIPPAGE[side])
    places = min(max(_DIGITS - 1 - wanted.adjusted(), 0), _PRICE_DECIMALS - decimals)
    outwards = ROUND_CEILING if side is OrderSide.BUY else ROUND_FLOOR
    limit = wanted.quantize(Decimal(1).scaleb(-places), rounding=outwards)
    if limit <= 0:
        raise InvalidRowError(f"no price of {places} decimals is below the mark price {mark}")
    return limit


def signed(client: Any, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters with the wallet's signature. Raises ValueError: the secret isn't a wallet's key."""
    wallet_key(client)
    vault = params.get("vaultAddress")
    signature = client.sign_l1_action(
        params["action"], params["nonce"], vault.removeprefix("0x") if vault else None, params["expiresAfter"]
    )
    return {**params, "signature": signature}


def _only_status(answer: object) -> Mapping[str, Any]:
    found = answer
    for name in ("response", "data", "statuses"):
        found = found.get(name) if isinstance(found, dict) else None
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict):
        raise MalformedResponseError(f"the status of one order was expected, {shape(found)} came")
    return found[0]


def _first_of(session: VenueSession, dex: str) -> int:
    """The number of a dex's first coin. Raises InvalidRowError, ExchangeError."""
    if not dex:
        return 0
    answer = session.ask(DEXES)
    names = (
        [each.get("name") if isinstance(each, dict) else None for each in answer] if isinstance(answer, list) else []
    )
    if names.count(dex) != 1:
        raise InvalidRowError(f"the venue lists the dex {dex!r:.20} {names.count(dex)} times")
    return _FIRST_OF_OTHERS + _PER_DEX * names.index(dex)
