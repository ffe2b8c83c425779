"""The model's input: numbers computed from a position's snapshots, plans and age.

Statistics in binary floating point. They are used for a forecast's probability only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from p33_tasks.domain.models import Leg
from p33_tasks.domain.statistics import Statistics, with_mark
from p33_tasks.forecaster.hazard import HORIZON_SEC, LEAST_VOLATILITY, Level

MEANS_SEC = (10.0, 60.0, 300.0)
"""Time constants of the mean prices that returns are measured against."""
FINEST = 0.001
"""The grid of returns: its steps are a fifth of this near zero, and a fifth of the return far from it."""
STEP = 0.2
MOST_RETURN = 1.0
MOST_ODDS = 9.0
"""Bound of the log odds: a probability beyond it counts as 0 or 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One observation of a position that isn't flat."""

    position: str  # the position key
    symbol: str
    leg: Leg
    amount: float  # signed, base units
    entry: float  # quote units, above zero
    mark: float  # the same
    ts_ms: int  # Redis TIME of the snapshot
    ordered_ms: int | None = None  # Redis TIME of the last order recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The data kept of a position between observations."""

    opened_ms: int
    is_long: bool
    most_amount: float  # the largest amount since it was opened
    best_return: float  # the highest return since then
    marks: Statistics = field(default_factory=Statistics)  # its volatility
    means: tuple[float, ...] = ()  # means of the logarithmic price, one per MEANS_SEC
    seen_ms: int = 0
    planned_ms: int = 0  # the last closing plan; 0: none yet
    was_denied: bool = False  # the verdict on it


def begin(sight: Sight, opened_ms: int, before: Track | None = None) -> Track:
    """The track of a new position.

    Args:
        sight: The first observation.
        opened_ms: Redis TIME at which it was opened.
        before: The track of an earlier position in the same symbol, whose price history is continued.
    """
    track = Track(
        opened_ms=opened_ms,
        is_long=sight.amount > 0,
        most_amount=abs(sight.amount),
        best_return=return_of(sight),
    )
    return track if before is None else replace(track, marks=before.marks, means=before.means, seen_ms=before.seen_ms)


def follow(known: Track, sight: Sight) -> Track:
    """The track after one more observation. After a change of side it is a new position with the old price history."""
    if known.is_long is not (sight.amount > 0):
        known = begin(sight, sight.ts_ms, known)
    price = math.log(sight.mark)
    elapsed_sec = max(0.0, (sight.ts_ms - known.seen_ms) / 1000)
    means = known.means or (price,) * len(MEANS_SEC)
    return replace(
        known,
        most_amount=max(known.most_amount, abs(sight.amount)),
        best_return=max(known.best_return, return_of(sight)),
        marks=with_mark(known.marks, sight.mark, sight.ts_ms),
        means=tuple(
            mean + (1 - math.exp(-elapsed_sec / window_sec)) * (price - mean)
            for mean, window_sec in zip(means, MEANS_SEC, strict=True)
        ),
        seen_ms=max(known.seen_ms, sight.ts_ms),
    )


def return_of(sight: Sight) -> float:
    """The unrealised return as a fraction, without leverage: above zero is a gain."""
    change = math.log(sight.mark) - math.log(sight.entry)
    return max(-MOST_RETURN, min(MOST_RETURN, change if sight.amount > 0 else -change))


def level_of(track: Track, sight: Sight) -> Level:
    """The hazard level of a position."""
    return Level(gain=return_of(sight), left=abs(sight.amount) / track.most_amount)


def features(track: Track, sight: Sight, now_ms: int, ahead: float) -> dict[str, float]:
    """The model's input: each value between about -3 and 3; absent values, the majority, are 0.

    A value that a strategy may compare with a limit is represented on a grid of hat functions, so that a linear model
    can learn any curve of it.

    Args:
        track: The track after this observation.
        sight: The observation.
        now_ms: Redis TIME.
        ahead: The probability of a plan within the horizon by the hazard at its gain, 0 to 1.
    """
    sign = 1.0 if track.is_long else -1.0
    here = level_of(track, sight)
    gain, left = here.gain, here.left
    swing = volatility_of(track) * math.sqrt(HORIZON_SEC)  # a usual move within the horizon
    drawdown = track.best_return - gain
    since = {
        "age": now_ms - track.opened_ms,
        "plan": now_ms - max(track.planned_ms, track.opened_ms),
        "order": now_ms - max(sight.ordered_ms or 0, track.opened_ms),
    }
    found = {
        "left": left,
        "denied": 1.0 if track.was_denied and track.planned_ms else 0.0,
        "swing": _clipped(math.log(swing / FINEST) / 2),
        "reach": _clipped(gain / swing / 4),
    }
    price = math.log(sight.mark)
    for mean, window_sec in zip(track.means, MEANS_SEC, strict=True):
        usual = swing * math.sqrt(window_sec / HORIZON_SEC)
        found[f"move{window_sec:g}"] = _clipped(sign * (price - mean) / usual)
    share = min(3, int(left * 4))
    for name, value in (("gain", gain), ("high", gain + swing), ("low", gain - swing)):
        for at, weight in _hats(_place(value)):
            found[f"{name}{at}"] = weight
            found[f"{name}{at}/{share}"] = weight
    for at, weight in _hats(_place(drawdown)):
        found[f"drawdown{at}"] = weight
    odds = log_odds(ahead)
    found["odds"] = odds / 3
    for at, weight in _hats(odds):
        found[f"odds{at}"] = weight
    for name, elapsed_ms in since.items():
        for at, weight in _hats(math.log2(1 + max(0, elapsed_ms) / 1000)):
            found[f"{name}{at}"] = weight
    return found


def volatility_of(track: Track) -> float:
    """The volatility per square root of a second, over the last five minutes or all observations."""
    marks = track.marks
    if not marks.fast_weight:
        return LEAST_VOLATILITY
    return max(LEAST_VOLATILITY, math.sqrt(marks.fast / marks.fast_weight))


def log_odds(chance: float) -> float:
    """The log odds of a probability, bounded, so that 0 and 1 are finite."""
    least = math.exp(-MOST_ODDS)
    return math.log((chance + least) / (1 - chance + least))


def _place(value: float) -> float:
    """The place of a return on the grid: linear near zero, logarithmic far from it."""
    return math.asinh(max(-MOST_RETURN, min(MOST_RETURN, value)) / FINEST) / STEP


def _hats(place: float) -> Iterator[tuple[int, float]]:
    """The two grid points around a place, each with its share; the sum is 1."""
    at = math.floor(place)
    above = place - at
    yield at, 1 - above
    yield at + 1, above


def _clipped(value: float) -> float:
    return max(-3.0, min(3.0, value))
