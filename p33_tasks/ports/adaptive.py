"""Port: statistics of positions, and the cooldowns computed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from p33_tasks.domain.models import Leg, SymbolLimits
from p33_tasks.domain.statistics import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """One position's stored statistics and current values. None: unknown."""

    symbol: str
    now_ms: int  # Redis TIME
    mark: float | None  # quote units
    position_amt: Decimal | None  # signed base quantity
    ts_ms: int | None  # the snapshot's time, Redis TIME
    source: str
    ledger_amt: Decimal | None
    ordered_ms: int | None  # Redis TIME at which the last order was recorded
    limits: SymbolLimits | None  # an operator's; None: they can't be read
    statistics: Statistics
    legs: tuple[Leg, ...]  # the symbol's positions in its mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """The new statistics, and the cooldown they give."""

    symbol: str
    statistics: Statistics
    cooldown_ms: int | None  # longer than the one in force; None: that one is long enough
    by: str  # volatility, settlement
    base_ms: int  # the cooldown in force
    measured: Decimal  # the measured ratio, or settlement time in seconds
    legs: tuple[Leg, ...]  # the positions it applies to


class AdaptiveStore(Protocol):
    """Stores statistics, and the cooldowns computed from them."""

    def observe(self, symbols: Sequence[str]) -> tuple[Observed, ...]:
        """Read all symbols in one round trip. Raises StoreUnavailableError."""

    def save(self, adapted: Sequence[Adapted]) -> None:
        """Write all in one round trip. Raises StoreUnavailableError."""
