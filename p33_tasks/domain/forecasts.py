"""Forecasts of plans, and which verdicts to prepare for them (CONTRACT section 12)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain.models import Leg


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A plan that a producer of forecasts expects."""

    symbol: str
    leg: Leg  # BOTH: one-way mode
    close_factor: Decimal
    probability: Decimal  # 0 to 1, used only for ranking: it never reaches a verdict
    added_ms: int  # Redis TIME, from the entry's id
    horizon_ms: int

    def lives_at(self, now_ms: int) -> bool:
        """Whether the plan is still expected."""
        return now_ms < self.added_ms + self.horizon_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One verdict to prepare: for a position and a close factor."""

    symbol: str
    leg: Leg
    close_factor: Decimal


def most_likely(forecasts: Iterable[Forecast], *, now_ms: int, most: int) -> tuple[Expected, ...]:
    """The verdicts to prepare, the most likely first; of several forecasts for one, the highest probability counts.

    Args:
        forecasts: In any order; expired ones are ignored.
        now_ms: Redis TIME.
        most: Maximum number of verdicts.
    """
    ranked: dict[Expected, Decimal] = {}
    for one in forecasts:
        if one.lives_at(now_ms):
            expected = Expected(symbol=one.symbol, leg=one.leg, close_factor=one.close_factor)
            ranked[expected] = max(one.probability, ranked.get(expected, one.probability))
    return tuple(sorted(ranked, key=lambda e: (-ranked[e], e.symbol, e.leg, -e.close_factor))[:most])
