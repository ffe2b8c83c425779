"""What a venue may be able to do besides telling positions and market rules: one protocol for each ability.

A caller asks ``isinstance(venue, ReadsPositionMode)``. A venue that hasn't the method hasn't the ability.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, runtime_checkable

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPermissions:
    """What an API key may do; this service needs reading only, the executor needs futures."""

    reading: bool
    futures: bool
    withdrawals: bool
    ip_restricted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """What kind of account a key belongs to."""

    kind: str  # in the venue's own words
    problem: str | None = None  # why this service can't judge or trade it, with what to do; None: it can


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """One order as the venue reports it."""

    order_id: str
    client_order_id: str
    symbol: str
    status: str  # the venue's own word: NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, ...
    side: OrderSide
    quantity: Decimal  # base units, as accepted; a reduce-only order may be cut to the position
    executed_qty: Decimal  # base units, cumulative
    leg: Leg = Leg.BOTH  # that it is about, in hedge mode
    is_final: bool | None = None  # nothing more of it will be executed; None: its status says so, in the venue's words


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingOrder:
    """An open order."""

    order_id: str
    client_order_id: str
    symbol: str
    leg: Leg
    side: OrderSide
    open_qty: Decimal  # base units, not yet executed
    reduce_only: bool
    is_conditional: bool  # untriggered: it isn't in the book


@runtime_checkable
class ReadsTime(Protocol):
    """The venue tells its clock."""

    def fetch_server_time_ms(self) -> int:
        """Milliseconds. Raises ExchangeError."""


@runtime_checkable
class ReadsPositionMode(Protocol):
    """The venue tells whether an account keeps two legs per symbol."""

    def is_hedge_mode(self) -> bool:
        """Whether long and short are separate positions. Raises ExchangeError."""


@runtime_checkable
class ReadsMarginModes(Protocol):
    """The venue reports the margin mode of each position."""

    def fetch_margin_modes(self, symbols: Iterable[str]) -> Mapping[str, str]:
        """By symbol, of open positions, in the venue's own words. Raises ExchangeError."""


@runtime_checkable
class ReadsKeyPermissions(Protocol):
    """The venue tells what an API key may do."""

    def fetch_key_permissions(self) -> KeyPermissions | None:
        """None where the environment in use doesn't tell. Raises ExchangeError."""


@runtime_checkable
class ReadsAccount(Protocol):
    """The venue tells what kind of account a key belongs to."""

    def fetch_account(self) -> AccountReport:
        """Raises ExchangeError."""


@runtime_checkable
class ReadsTrades(Protocol):
    """The venue tells the account's executions."""

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        """Every trade of a window by the venue's clock, oldest first; complete, or ExchangeError."""


@runtime_checkable
class ReadsForcedOrders(Protocol):
    """The venue tells its own orders: liquidations, ADLs, settlements."""

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        """As ``ReadsTrades.fetch_trades``."""


@runtime_checkable
class ReadsOrderTrades(Protocol):
    """The venue tells what one order did, by the venue's own order id."""

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        """None when the venue doesn't know it (any more). Raises ExchangeError."""

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        """Every trade of an order, whenever it was; complete, or ExchangeError."""


@runtime_checkable
class ReadsOrders(Protocol):
    """The venue finds an order by its client order id."""

    def fetch_order(self, symbol: str, client_order_id: str) -> OrderReport | None:
        """None when the venue doesn't know it (now). Raises ExchangeError."""


@runtime_checkable
class ReadsRestingOrders(Protocol):
    """The venue tells open orders."""

    def fetch_resting_orders(self, symbol: str) -> tuple[RestingOrder, ...]:
        """Every open order of a symbol; complete, or ExchangeError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingReport:
    """The account's open orders, symbol by symbol: every symbol that was asked for is in one of both."""

    orders: Mapping[str, tuple[RestingOrder, ...]]  # all of them, also none
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to what is wrong with its rows: unknown


@runtime_checkable
class ReadsAllRestingOrders(Protocol):
    """The venue tells the open orders of the whole account at once (``VenueSpec.resting``)."""

    def fetch_all_resting_orders(self, symbols: Iterable[str]) -> RestingReport:
        """Every open order, conditional ones too; complete, or ExchangeError."""


class Orders(ReadsOrders, Protocol):
    """What the reference executor needs of a venue. The brain itself never trades."""

    def clock_ms(self) -> int:
        """The venue's clock as well as this process knows it."""

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
        """Send one market order that only reduces, once. In hedge mode ``leg`` says of which leg; else it is BOTH.

        An order whose ``leg`` isn't of the account's mode is a rejection, by the venue or before it is sent.

        Raises:
            OrderRejectedError: Refused for certain.
            OrderOutcomeUnknownError: It may have been executed.
            ExchangeError: Another kind; nothing was executed.
            StoreError: The shared budget can't be reached; nothing was sent.
        """
