"""What is asked of a venue, and the request weight that all workers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from p33_tasks.domain.models import MarketRules, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """One bulk answer of the venue, symbol by symbol. A symbol in neither mapping was not asked for."""

    positions: Mapping[str, Position]  # proven, also when flat
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to what is wrong with its rows: unknown
    account: str = ""  # the venue's id of whose they are; empty: the venue has none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReport:
    """The venue's order rules, symbol by symbol."""

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
    """The request weight that all workers share (one account, one address)."""

    def acquire(self, weight: int) -> None:
        """Take ``weight`` from this minute's budget.

        Raises:
            ExchangeBudgetSpentError: This minute's budget has no room.
            ExchangeRateLimitedError: The venue asked for a pause that isn't over.
        """

    def acquire_order(self) -> None:
        """Ask whether an order may be sent; it takes no request weight.

        Raises:
            ExchangeOrderLimitedError: The venue takes no orders for a while.
            ExchangeRateLimitedError: The venue asked for a pause of everything that isn't over.
        """

    def report(self, used_weight: int) -> None:
        """Tell what the venue says was used in this minute."""

    def pause(self, seconds: int) -> None:
        """Stop every worker for this long (``Retry-After``)."""

    def pause_orders(self, seconds: int) -> None:
        """Stop everybody's orders for this long; reading goes on."""
