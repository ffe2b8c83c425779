"""Orders and trades, and the reading of an order request.

Only the shape is judged here (names, characters, combinations); :mod:`p33_tasks.demo.exchange.core.matching` judges the
values.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.core.positions import PositionSide

Params = Mapping[str, str]

OPEN_STATUSES: Final = ("NEW", "PARTIALLY_FILLED")
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_SIDES: Final = ("BUY", "SELL")
_TYPES: Final = ("MARKET", "LIMIT")
_CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
_TRIGGERED_BY_PRICE: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET")
_TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX")
_POSITION_SIDES: Final[dict[str, PositionSide]] = {"BOTH": "BOTH", "LONG": "LONG", "SHORT": "SHORT"}

# The client order ids by which the venue marks its own orders; {number} makes one of them unique.
FORCED_IDS: Final = {
    "liquidation": "autoclose-{number}",
    "adl": "adl_autoclose",
    "settlement": "settlement_autoclose-{number}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """A well formed request for an order; quantities in the base asset, price in USDT."""

    symbol: str
    side: str
    type: str
    quantity: Decimal
    price: Decimal | None
    time_in_force: str
    reduce_only: bool
    position_side: PositionSide
    client_order_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An accepted order. ``orig_qty`` of a reduce-only order is what was left of it after the cut."""

    order_id: int
    client_order_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str
    orig_qty: Decimal
    price: Decimal
    reduce_only: bool
    position_side: PositionSide
    time_ms: int
    update_ms: int
    status: str = "NEW"
    executed_qty: Decimal = Decimal(0)
    cum_quote: Decimal = Decimal(0)
    # A market order that a fault switch left unfilled completes at this time; None: only by ``fill``.
    completes_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether more of it can be executed."""
        return self.status in OPEN_STATUSES

    @property
    def open_qty(self) -> Decimal:
        """The quantity not executed yet, base units."""
        return self.orig_qty - self.executed_qty


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution."""

    trade_id: int
    order: Order
    qty: Decimal
    price: Decimal
    realized_pnl: Decimal
    time_ms: int


def required(params: Params, name: str) -> str:
    """A required parameter. Raises -1102."""
    value = params.get(name, "")
    if not value:
        raise refusal(-1102, name=name)
    return value


def number(name: str, text: str) -> Decimal:
    """A plain decimal. Raises -1100 for anything else, also for exponents and NaN."""
    if not _NUMBER.fullmatch(text):
        raise refusal(-1100, name=name, pattern=rf"^{_NUMBER.pattern}$")
    return Decimal(text)


def flag(params: Params, name: str) -> bool:
    """An optional ``true``/``false`` in any case, false when absent. Raises -1130."""
    text = params.get(name, "false").lower()
    if text not in ("true", "false"):
        raise refusal(-1130, name=name)
    return text == "true"


def parse_order(params: Params, *, hedged: bool) -> OrderRequest:
    """Reads the parameters of ``POST /fapi/v1/order``. Raises the venue's error for the first problem."""
    symbol, side, order_type = (required(params, name) for name in ("symbol", "side", "type"))
    if side not in _SIDES:
        raise refusal(-1117)
    if order_type in _CONDITIONAL:
        raise refusal(-4120)
    if order_type not in _TYPES:
        raise refusal(-1116)
    quantity = number("quantity", required(params, "quantity"))
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        quantity=quantity,
        price=_price(params, order_type),
        time_in_force=_time_in_force(params, order_type),
        reduce_only=_reduce_only(params, hedged=hedged),
        position_side=_position_side(params, hedged=hedged),
        client_order_id=_client_order_id(params),
    )


def parse_algo(params: Params, *, hedged: bool, closes_position: bool) -> tuple[str, OrderRequest]:
    """Reads the parameters of ``POST /fapi/v1/algoOrder``: its type, and the order that it becomes."""
    symbol, side, kind = (required(params, name) for name in ("symbol", "side", "type"))
    if side not in _SIDES:
        raise refusal(-1117)
    if kind not in _TRIGGERED_BY_PRICE:
        raise refusal(-1116)
    if closes_position and ("quantity" in params or "reduceOnly" in params):
        raise refusal(-1106, name="quantity" if "quantity" in params else "reduceonly")
    order_type = "MARKET" if kind.endswith("_MARKET") else "LIMIT"
    return kind, OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        quantity=Decimal(0) if closes_position else number("quantity", required(params, "quantity")),
        price=_price(params, order_type),
        time_in_force=_time_in_force(params, order_type),
        reduce_only=closes_position or _reduce_only(params, hedged=hedged),
        position_side=_position_side(params, hedged=hedged),
        client_order_id=None,
    )


def _price(params: Params, order_type: str) -> Decimal | None:
    if order_type == "LIMIT":
        return number("price", required(params, "price"))
    if "price" in params:
        raise refusal(-1106, name="price")
    return None


def _time_in_force(params: Params, order_type: str) -> str:
    if order_type == "MARKET":
        if "timeInForce" in params:
            raise refusal(-1106, name="timeinforce")
        return "GTC"
    text = required(params, "timeInForce")
    if text not in _TIMES_IN_FORCE:
        raise refusal(-1115)
    return text


def _reduce_only(params: Params, *, hedged: bool) -> bool:
    if hedged and "reduceOnly" in params:
        raise refusal(-1106, name="reduceonly")
    return flag(params, "reduceOnly")


def _position_side(params: Params, *, hedged: bool) -> PositionSide:
    side = _POSITION_SIDES.get(params.get("positionSide", "BOTH"))
    if side is None:
        raise refusal(-1130, name="positionSide")
    if hedged != (side != "BOTH"):
        raise refusal(-4061)
    return side


def _client_order_id(params: Params) -> str | None:
    text = params.get("newClientOrderId")
    if text is not None and not _CLIENT_ID.fullmatch(text):
        raise refusal(-4015)
    return text
