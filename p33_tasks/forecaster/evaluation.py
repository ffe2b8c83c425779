"""Scores of the forecasts: each sample is scored before the model learns from it; old samples lose weight.

A sample is a position at one time, the probability of each action within the horizon, and the action that came.
The base rate predicts each action with its recent frequency.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

HALF_LIFE_SEC = 900.0
BINS = 10
LEAST_PROBABILITY = 1e-4
"""Lower bound: the logarithm of a smaller value would show rounding more than the forecast's quality."""


@dataclass(slots=True, kw_only=True)
class Bin:
    """Forecasts with a probability in one tenth of 0 to 1."""

    count: float = 0.0
    probability: float = 0.0  # sum of their probabilities
    came: float = 0.0  # number that came true


@dataclass(slots=True, kw_only=True)
class Scores:
    """Exponentially weighted sums; ``weight`` is their effective number of samples."""

    at_ms: int = 0  # Redis TIME of the last sample
    samples: int = 0  # ever
    weight: float = 0.0
    brier: float = 0.0
    base_brier: float = 0.0
    log_loss: float = 0.0
    base_log_loss: float = 0.0
    came: dict[str, float] = field(default_factory=dict)  # by action
    bins: list[Bin] = field(default_factory=lambda: [Bin() for _ in range(BINS)])
    published: float = 0.0  # finished forecasts: their plan came, or the horizon ended
    plans: float = 0.0  # closing plans
    foreseen: float = 0.0  # of them, those forecast early enough to be prepared

    def add(self, probabilities: Mapping[str, float], came: str | None, at_ms: int) -> None:
        """Score one sample.

        Args:
            probabilities: The forecast by action; 0 for a missing action.
            came: The action that came within the horizon; None: none did.
            at_ms: Redis TIME of the sample.
        """
        self._age(at_ms)
        base = {action: count / self.weight for action, count in self.came.items()} if self.weight else {}
        actions = {*probabilities, *base, *([came] if came else [])}
        self.brier += _brier(probabilities, actions, came)
        self.base_brier += _brier(base, actions, came)
        self.log_loss += _log_loss(probabilities, came)
        self.base_log_loss += _log_loss(base, came)
        self.weight += 1
        self.samples += 1
        if came:
            self.came[came] = self.came.get(came, 0.0) + 1
        for action, probability in probabilities.items():
            bin_ = self.bins[min(BINS - 1, int(probability * BINS))]
            bin_.count += 1
            bin_.probability += probability
            bin_.came += action == came

    def add_plan(self, *, foreseen: bool, at_ms: int) -> None:
        """Count a closing plan, and whether it was forecast early enough."""
        self._age(at_ms)
        self.plans += 1
        self.foreseen += foreseen

    def add_published(self, at_ms: int) -> None:
        """Count a finished published forecast."""
        self._age(at_ms)
        self.published += 1

    @property
    def ratio(self) -> float | None:
        """Brier score divided by the base rate's; below 1 is better; None: the base rate has no score."""
        return self.brier / self.base_brier if self.base_brier > 0 else None

    @property
    def cost(self) -> float | None:
        """Forecasts published per plan that was forecast; None: no plan was."""
        return self.published / self.foreseen if self.foreseen > 0 else None

    @property
    def hit_rate(self) -> float | None:
        """The share of plans that were forecast early enough to be prepared; None: no plan came."""
        return self.foreseen / self.plans if self.plans > 0 else None

    def _age(self, at_ms: int) -> None:
        elapsed_sec = (at_ms - self.at_ms) / 1000
        if elapsed_sec <= 0:
            return
        if self.at_ms:
            keep = 0.5 ** (elapsed_sec / HALF_LIFE_SEC)
            for name in _SUMS:
                setattr(self, name, getattr(self, name) * keep)
            self.came = {action: count * keep for action, count in self.came.items()}
            for bin_ in self.bins:
                bin_.count *= keep
                bin_.probability *= keep
                bin_.came *= keep
        self.at_ms = at_ms


_SUMS = (
    *("weight", "brier", "base_brier", "log_loss", "base_log_loss"),
    *("published", "plans", "foreseen"),
)


def _brier(probabilities: Mapping[str, float], actions: set[str], came: str | None) -> float:
    return sum((probabilities.get(action, 0.0) - (action == came)) ** 2 for action in actions)


def _log_loss(probabilities: Mapping[str, float], came: str | None) -> float:
    likely = probabilities.get(came, 0.0) if came else 1 - sum(probabilities.values())
    return -math.log(max(LEAST_PROBABILITY, min(1.0, likely)))
