"""The hazard of a plan: how many came at a gain, per second that positions spent at it, and what that means ahead.

A rule on the gain shows itself in a few plans, since the time that passed without one counts as much. The chance
within the horizon is that of meeting the hazard on the ways that a price without drift may take.

Statistics: binary floating point is right for them.
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
"""How far ahead the model looks."""
STEP_SEC = 5.0
"""The hazard is taken as constant for so long, and the way as a walk of such steps."""
FINEST, CELL, HALF = 0.001, 0.15, 50
"""The grid of gains: its steps are ``CELL x FINEST`` near zero, and ``CELL`` times the gain far from it."""
CELLS = 2 * HALF + 1
SHARES = 4
"""A rule may close in parts: each quarter of a position's largest amount that is left has a hazard of its own."""
PRIOR_SEC, SHARE_SEC = 30.0, 5.0
"""A gain seen for a shorter time has the hazard of the one before it on the way from zero, a share that of all."""
PLAN_SEC = 150.0
"""As much is forgotten in this time as with a plan: else a day without any would outweigh the first plans after it."""
FIRST_RATE = 1e-3
"""Per second, before anything was counted for a minute."""
LEAST_VOLATILITY, MOST_VOLATILITY = 1e-6, 0.1
"""Per root second: a price that has not been seen to move moves 0.5 ppm in 30 s."""
CLASSES = 4
"""Of volatility, in a factor of two."""

ACTIONS = frozenset(map(canonical, CLOSE_FACTORS.values()))

_GAINS = np.sinh((np.arange(CELLS) - HALF) * CELL) * FINEST
_EDGES = np.sinh((np.arange(CELLS - 1) - HALF + 0.5) * CELL) * FINEST
_FROM_ZERO = (range(HALF, CELLS), range(HALF, -1, -1))

Array = Any
"""Of numpy: its own types say nothing of shapes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where a position is."""

    gain: float  # unrealised return
    left: float  # amount over the largest amount, 0 to 1

    @property
    def share(self) -> int:
        """The quarter."""
        return max(0, min(SHARES - 1, int(self.left * SHARES)))


class Hazard:
    """Plans and time by level, of all positions together.

    Args:
        kept_plans: Each plan takes this part of what was counted before: the fewer, the sooner another rule has
            replaced this one, and the less exactly a rule that stays is known.
    """

    def __init__(self, kept_plans: float) -> None:
        self._keep = 1 - 1 / kept_plans
        self._time_sec: Array = np.zeros((SHARES, CELLS))
        self._plans: dict[str, Array] = {}
        self._ahead: dict[tuple[int, int], Array] = {}  # until something is counted

    def stayed(self, level: Level, elapsed_sec: float) -> None:
        """A position was there for so long."""
        _count(self._time_sec, level, elapsed_sec)
        self._ahead.clear()

    def came(self, level: Level, action: str) -> None:
        """A plan came for a position that was there when it was last seen."""
        for earlier in (self._time_sec, *self._plans.values()):
            np.multiply(earlier, self._keep, out=earlier)
        _count(self._plans.setdefault(action, np.zeros((SHARES, CELLS))), level, 1.0)
        self._ahead.clear()

    def aged(self, elapsed_sec: float) -> None:
        """Time passed: rates stay what they are, and weigh less against what comes."""
        for earlier in (self._time_sec, *self._plans.values()):
            np.multiply(earlier, self._keep ** (elapsed_sec / PLAN_SEC), out=earlier)
        self._ahead.clear()

    def ahead(self, level: Level, volatility: float) -> dict[str, float]:
        """The probability of each action within the horizon; none before the first plan.

        Args:
            level: Where the position is now.
            volatility: Of its price, per root second.
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
        """By action and gain: the probability within the horizon, from its end backwards."""
        rates = np.stack([self._rates(plans, share) for plans in self._plans.values()])
        any_rate = rates.sum(axis=0)
        in_a_step = -np.expm1(-any_rate * STEP_SEC)
        now = rates / any_rate * in_a_step
        moves, found = _moves(volatility_class), now
        for _ in range(round(HORIZON_SEC / STEP_SEC) - 1):
            found = now + (1 - in_a_step) * (found @ moves)
        return found

    def _rates(self, plans: Array, share: int) -> Array:
        """Per second, by gain: a cell that was seldom visited is like the one before it on the way from zero."""
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
        """What was counted."""
        return {
            "time_sec": _rounded(self._time_sec),
            "plans": {action: _rounded(plans) for action, plans in self._plans.items()},
        }

    @classmethod
    def from_numbers(cls, found: Mapping[str, Any], kept_plans: float) -> Hazard:
        """What ``to_numbers`` gave.

        Raises:
            ValueError: It is something else (also ``KeyError``, ``TypeError``, ``AttributeError``).
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
    """The cell at or below a gain, and how far above it the gain lies, 0 to 1."""
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
