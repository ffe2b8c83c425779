"""The hazard of a plan: the number of plans at a gain, per second that positions spent at it.

A rule on the gain is learned from few plans, since the time without a plan counts as well. The probability within the
horizon is computed over the paths of a price without drift.

Statistics in binary floating point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.quantities import canonical
from p33_tasks.forecaster.numbers import positive

HORIZON_SEC = 30
"""The horizon of a prediction."""
STEP_SEC = 5.0
"""The step of the price path; the hazard is constant within a step."""
FINEST, CELL, HALF = 0.001, 0.15, 50
"""The grid of gains: its steps are ``CELL x FINEST`` near zero, and ``CELL`` times the gain far from it."""
CELLS = 2 * HALF + 1
SHARES = 4
"""A rule may close in parts: there is one hazard per quarter of the largest amount that is left."""
PRIOR_SEC, SHARE_SEC = 30.0, 5.0
"""A gain observed for a shorter time takes the hazard of the next gain towards zero, a share that of all."""
PLAN_SEC = 150.0
"""The time that reduces old counts as much as a plan does: else a day without plans would outweigh the next plans."""
FIRST_RATE = 1e-3
"""Per second, until a minute was counted."""
LEAST_VOLATILITY, MOST_VOLATILITY = 1e-6, 0.1
"""Per square root of a second; the minimum is a move of about 5 ppm in 30 s."""
CLASSES = 4
"""Classes of volatility per factor of two."""

ACTIONS = frozenset(map(canonical, CLOSE_FACTORS.values()))

_GAINS = np.sinh((np.arange(CELLS) - HALF) * CELL) * FINEST
_EDGES = np.sinh((np.arange(CELLS - 1) - HALF + 0.5) * CELL) * FINEST
_FROM_ZERO = (range(HALF, CELLS), range(HALF, -1, -1))

Array = Any
"""A numpy array, whose types don't express shapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The level of a position."""

    gain: float  # unrealised return
    left: float  # amount over the largest amount, 0 to 1

    @property
    def share(self) -> int:
        """The quarter of ``amount over the largest amount``."""
        return max(0, min(SHARES - 1, int(self.left * SHARES)))


class Hazard:
    """Plans and time by level, of all positions together.

    Args:
        kept_plans: The number of plans over which older counts lose their weight: with fewer, a new rule is
            learned sooner, but a constant rule is known less exactly.
    """

    def __init__(self, kept_plans: float) -> None:
        self._keep = 1 - 1 / kept_plans
        self._time_sec: Array = np.zeros((SHARES, CELLS))
        self._plans: dict[str, Array] = {}
        self._ahead: dict[tuple[int, int], Array] = {}  # until the first count

    def stayed(self, level: Level, elapsed_sec: float) -> None:
        """Count the time that a position spent at a level."""
        _count(self._time_sec, level, elapsed_sec)
        self._ahead.clear()

    def came(self, level: Level, action: str) -> None:
        """Count a plan for a position, at its level of the last observation."""
        for earlier in (self._time_sec, *self._plans.values()):
            np.multiply(earlier, self._keep, out=earlier)
        _count(self._plans.setdefault(action, np.zeros((SHARES, CELLS))), level, 1.0)
        self._ahead.clear()

    def aged(self, elapsed_sec: float) -> None:
        """Reduce the weight of old counts; the rates don't change."""
        for earlier in (self._time_sec, *self._plans.values()):
            np.multiply(earlier, self._keep ** (elapsed_sec / PLAN_SEC), out=earlier)
        self._ahead.clear()

    def ahead(self, level: Level, volatility: float) -> dict[str, float]:
        """The probability of each action within the horizon; none before the first plan.

        Args:
            level: The position's current level.
            volatility: Of its price, per square root of a second.
        """
        if not self._plans:
            return {}
        bounded = max(LEAST_VOLATILITY, min(MOST_VOLATILITY, volatility))
        key = (level.share, round(CLASSES * math.log2(bounded)))
        if key not in self._ahead:
            self._ahead[key] = self._carried(*key)
        at, above = _place(level.gain)
        chances = self._ahead[key][:, at] * (1 - above) + self._ahead[key][:, at + 1] * above
        return dict(zip(self._plans, chances.tolist(), strict=True))

    def _carried(self, share: int, volatility_class: int) -> Array:
        """The probability within the horizon by action and gain, computed backwards from its end."""
        rates = np.stack([self._rates(plans, share) for plans in self._plans.values()])
        any_rate = rates.sum(axis=0)
        in_a_step = -np.expm1(-any_rate * STEP_SEC)
        now = rates / any_rate * in_a_step
        moves, found = _moves(volatility_class), now
        for _ in range(round(HORIZON_SEC / STEP_SEC) - 1):
            found = now + (1 - in_a_step) * (found @ moves)
        return found

    def _rates(self, plans: Array, share: int) -> Array:
        """The rates per second, by gain: a cell with little data takes the rate of the next cell towards zero."""
        of_all, time_sec = plans.sum(axis=0), self._time_sec.sum(axis=0)
        first = (of_all.sum() + FIRST_RATE * 60) / (time_sec.sum() + 60)
        pooled = np.empty(CELLS)
        for way in _FROM_ZERO:
            rate = first
            for at in way:
                rate = (of_all[at] + PRIOR_SEC * rate) / (time_sec[at] + PRIOR_SEC)
                pooled[at] = rate
        return (plans[share] + SHARE_SEC * pooled) / (self._time_sec[share] + SHARE_SEC)

    def to_numbers(self) -> dict[str, Any]:
        """The counts, as numbers by name."""
        return {
            "time_sec": _rounded(self._time_sec),
            "plans": {action: _rounded(plans) for action, plans in self._plans.items()},
        }

    @classmethod
    def from_numbers(cls, found: Mapping[str, Any], kept_plans: float) -> Hazard:
        """The hazard of a state from ``to_numbers``.

        Raises:
            ValueError: It isn't such a state (also ``KeyError``, ``TypeError``, ``AttributeError``).
        """
        hazard = cls(kept_plans)
        hazard._time_sec = _counted(found["time_sec"])
        for action, plans in found["plans"].items():
            if action not in ACTIONS:
                raise ValueError(f"no action: {action!r:.20}")
            hazard._plans[action] = _counted(plans)
        return hazard


@lru_cache(maxsize=128)
def _moves(volatility_class: int) -> Array:
    """The probability of each gain after a step, by the gain before it (the second axis)."""
    deviation = 2.0 ** (volatility_class / CLASSES) * math.sqrt(STEP_SEC)
    below = [[0.5 * (1 + math.erf((edge - gain) / deviation / math.sqrt(2))) for edge in _EDGES] for gain in _GAINS]
    return np.diff(np.array(below), axis=1, prepend=0.0, append=1.0).T


def _place(gain: float) -> tuple[int, float]:
    """The cell at or below a gain, and the gain's distance above it, 0 to 1."""
    place = max(0.0, min(CELLS - 1.0, math.asinh(gain / FINEST) / CELL + HALF))
    at = min(CELLS - 2, int(place))
    return at, place - at


def _count(counted: Array, level: Level, amount: float) -> None:
    at, above = _place(level.gain)
    counted[level.share, at] += amount * (1 - above)
    counted[level.share, at + 1] += amount * above


def _rounded(counted: Array) -> list[list[float]]:
    return [[float(f"{value:.6g}") for value in row] for row in counted.tolist()]


def _counted(found: Any) -> Array:
    if len(found) != SHARES or any(len(row) != CELLS for row in found):
        raise ValueError("not what was counted by gain")
    return np.array([[positive(value) for value in row] for row in found])
