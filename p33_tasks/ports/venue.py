"""Port: requests to a venue, and the request weight that all workers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from p33_tasks.domain.models import MarketRules, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """One bulk answer of the venue, by symbol. A symbol in neither mapping was not requested."""

    positions: Mapping[str, Position]  # proven, also when flat
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to the error in its rows: position unknown
    account: str = ""  # the account's id at the venue; empty: the venue has none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReport:
    """The venue's market rules, by symbol."""

    markets: Mapping[str, MarketRules]
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to why its rules are unknown


class Venue(Protocol):
    """A venue that can be read. Every method is one request, or raises an ``ExchangeError``."""

    @property
    def source(self) -> str:
        """Venue and host, its ccxt id first; part of every snapshot."""

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions in one bulk request; ``symbols`` are the venue's own ids, e.g. ``BTCUSDT``."""

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """Step sizes, minimum and maximum of market orders, in one request."""


class RequestBudget(Protocol):
    """The request weight that all workers of an account share (one IP address)."""

    def acquire(self, weight: int) -> None:
        """Take ``weight`` from this minute's budget.

        Raises:
            ExchangeBudgetSpentError: This minute's budget has no room.
            ExchangeRateLimitedError: A pause by the venue isn't over.
        """

    def acquire_order(self) -> None:
        """Return if an order may be sent, else raise; uses no request weight.

        Raises:
            ExchangeOrderLimitedError: A pause of orders by the venue isn't over.
            ExchangeRateLimitedError: A pause of all requests by the venue isn't over.
        """

    def report(self, used_weight: int) -> None:
        """Store the weight used in this minute, as the venue reports it."""

    def pause(self, seconds: int) -> None:
        """Stop all workers' requests for this long (``Retry-After``)."""

    def pause_orders(self, seconds: int) -> None:
        """Stop all orders for this long; reading goes on."""
