"""The gains at which plans came lately: a rule on the gain shows itself in a few of them.

Statistics: binary floating point is right for them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

KEPT = 48
"""So many plans are remembered: few enough that another rule has soon replaced this one."""
SHARPNESS = 4.0
"""How much less a plan counts where the position was reduced more, or less, than this one: a rule may have rungs."""
LEAST_LIKENESS = 0.05
"""A rule may have none."""
LEAST_LEFT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where a position was when a plan for it came."""

    gain: float  # unrealised return
    left: float  # amount over the largest amount


class Levels:
    """The latest plans of all positions."""

    def __init__(self, known: Iterable[Level] = ()) -> None:
        self._kept: deque[Level] = deque(known, maxlen=KEPT)

    def __iter__(self) -> Iterator[Level]:
        return iter(self._kept)

    def add(self, level: Level) -> None:
        """One more plan; the oldest one is forgotten."""
        self._kept.append(level)

    def nearness(self, here: Level, swing: float) -> tuple[float | None, float | None]:
        """How likely a price that wanders reaches the level of a plan that was lately, above and below.

        Args:
            here: Where the position is now.
            swing: The standard deviation of its return within the horizon, above zero.

        Returns:
            The mean over the remembered plans of gains, and that over those of losses, each 0 to 1; None: no such plan.
        """
        sums = {True: (0.0, 0.0), False: (0.0, 0.0)}
        for level in self._kept:
            is_gain = level.gain > 0
            apart = math.log2(max(level.left, LEAST_LEFT) / max(here.left, LEAST_LEFT))
            weight = math.exp(-SHARPNESS * apart * apart) + LEAST_LIKENESS
            way = level.gain - here.gain if is_gain else here.gain - level.gain
            reached = 1.0 if way <= 0 else math.erfc(way / (swing * math.sqrt(2)))
            total, weights = sums[is_gain]
            sums[is_gain] = total + weight * reached, weights + weight
        above, below = (total / weights if weights else None for total, weights in (sums[True], sums[False]))
        return above, below
