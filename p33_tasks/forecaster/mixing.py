"""Combines several predictions of the same plan, weighted by their recent accuracy.

Statistics: binary floating point is right for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

HALF_LIFE_SEC = 600.0
"""Of the losses: after a change of rule another source may predict better."""
SHARPNESS = 0.15
"""The weight of a sample's logarithmic loss: about six samples of a position have the same plan as outcome."""
LEAST_PROBABILITY = 1e-3
"""Lower bound, so that no single sample decides."""

Opinions = Mapping[str, Mapping[str, float]]
"""By its source: the probability of each action within the horizon, together at most 1."""


class Mixture:
    """A weighted mean; a source's weight falls exponentially with the sum of its recent losses."""

    def __init__(self, losses: Mapping[str, float] | None = None, at_ms: int = 0) -> None:
        """Continue from the stored state.

        Args:
            losses: By source, weighted sums of at least 0; 0 for a missing source.
            at_ms: Redis TIME of the last sample.
        """
        self.losses = dict(losses or {})
        self.at_ms = at_ms

    def of(self, opinions: Opinions) -> dict[str, float]:
        """The weighted mean of these predictions, by action."""
        least = min((self.losses.get(name, 0.0) for name in opinions), default=0.0)
        weights = {name: math.exp(-SHARPNESS * (self.losses.get(name, 0.0) - least)) for name in opinions}
        total = sum(weights.values())
        mixed: dict[str, float] = {}
        for name, by_action in opinions.items():
            for action, probability in by_action.items():
                mixed[action] = mixed.get(action, 0.0) + weights[name] / total * probability
        return mixed

    def judge(self, opinions: Opinions, came: str | None, at_ms: int) -> None:
        """Update the losses with one sample's outcome.

        Args:
            opinions: The predictions before it.
            came: The action that came within the horizon; None: none did.
            at_ms: Redis TIME of the sample.
        """
        keep = 0.5 ** (max(0, at_ms - self.at_ms) / 1000 / HALF_LIFE_SEC)
        self.at_ms = max(self.at_ms, at_ms)
        for name, by_action in opinions.items():
            likely = by_action.get(came, 0.0) if came else 1 - sum(by_action.values())
            loss = -math.log(max(LEAST_PROBABILITY, min(1.0, likely)))
            self.losses[name] = self.losses.get(name, 0.0) * keep + loss
