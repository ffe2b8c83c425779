"""What is expected to be asked: forecasts of plans, and which of them are prepared (CONTRACT section 12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain.models import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Somebody expects a plan."""

    symbol: str
    leg: Leg  # BOTH: one-way mode
    close_factor: Decimal
    probability: Decimal  # 0 to 1, a ranking and nothing more: it never reaches a verdict
    added_ms: int  # Redis TIME, by the entry's id
    horizon_ms: int

    def lives_at(self, now_ms: int) -> bool:
        """Whether the plan is still expected."""
        return now_ms < self.added_ms + self.horizon_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One verdict worth preparing: of a position, for a close factor."""

    symbol: str
    leg: Leg
    close_factor: Decimal


def most_likely(forecasts: Iterable[Forecast], *, now_ms: int, most: int) -> tuple[Expected, ...]:
    """The verdicts to prepare, the most likely first; of several forecasts for one, the most confident counts.

    Args:
        forecasts: In any order; those that ended count for nothing.
        now_ms: Redis TIME.
        most: How many at most.
    """
    ranked: dict[Expected, Decimal] = {}
    for one in forecasts:
        if one.lives_at(now_ms):
            expected = Expected(symbol=one.symbol, leg=one.leg, close_factor=one.close_factor)
            ranked[expected] = max(one.probability, ranked.get(expected, one.probability))
    return tuple(sorted(ranked, key=lambda e: (-ranked[e], e.symbol, e.leg, -e.close_factor))[:most])
