"""The online model: the probability that a closing plan comes within the horizon, by action.

A logistic regression over all data of a position learns whether a plan comes. Old samples lose weight, so it follows a
change of regime. A second regression, learned from the plans only, predicts the action.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from river import linear_model, optim, utils

from p33_tasks.forecaster.hazard import ACTIONS
from p33_tasks.forecaster.numbers import finite, whole

RATE = 0.02
"""Of AdaGrad: the first step of a weight."""
KEEPS, FORGETS_EVERY = 0.7, 1_000
"""The part of the gradients' sums that is kept, after each ``FORGETS_EVERY`` steps."""
REMEMBERED = 1_500
"""Samples kept for learning again: as many as twelve positions produce in ten minutes."""
STRIDE = 611
"""Step between two samples that are learned from again: they aren't adjacent. Coprime to ``REMEMBERED``."""
ACTION_RATE = 0.1
MOST_WEIGHTS = 5_000
"""Of one regression; there are fewer features."""
INTERCEPT_RATE = 0.05
FIRST_INTERCEPT = -3.0
"""Plans are rare: the initial probability is one in twenty."""

Features = Mapping[str, float]


class PlanModel:
    """Predicts, then learns. Its state is numbers by name, so that it can be stored as JSON."""

    def __init__(self) -> None:
        self._regression: Any = linear_model.LogisticRegression(
            optimizer=optim.AdaGrad(RATE), intercept_lr=INTERCEPT_RATE, intercept_init=FIRST_INTERCEPT
        )
        self._steps = 0
        self._remembered: deque[tuple[dict[str, float], str | None]] = deque(maxlen=REMEMBERED)
        self._at = 0
        self._actions: Any = linear_model.SoftmaxRegression(optimizer=optim.SGD(ACTION_RATE))

    def predict(self, given: Features) -> dict[str, float]:
        """The probability of each action seen so far; their sum is at most 1."""
        x = dict(given)
        total = float(self._regression.predict_proba_one(x)[True])
        return {action: total * float(share) for action, share in self._actions.predict_proba_one(x).items()}

    def learn(self, given: Features, came: str | None) -> None:
        """Learn from the action that came within the horizon; None: no plan came."""
        x = dict(given)
        self._remembered.append((x, came))
        self._step(x, came)

    def rehearse(self, samples: int) -> None:
        """Learn again from this number of recent samples."""
        for _ in range(samples if self._remembered else 0):
            self._at = (self._at + STRIDE) % len(self._remembered)
            self._step(*self._remembered[self._at])

    def _step(self, x: dict[str, float], came: str | None) -> None:
        self._regression.learn_one(x, came is not None)
        if came is not None:
            self._actions.learn_one(x, came)
        self._steps += 1
        if self._steps % FORGETS_EVERY == 0:
            record = self._regression.optimizer.g2
            record.update({name: KEEPS * square for name, square in record.items()})

    def to_numbers(self) -> dict[str, Any]:
        """The learned state, as numbers by name."""
        return {
            "intercept": float(self._regression.intercept),
            "weights": _rounded(self._regression.weights),
            "squares": _rounded(self._regression.optimizer.g2),
            "steps": self._steps,
            "actions": {action: _rounded(weights) for action, weights in self._actions.weights.items()},
        }

    @classmethod
    def from_numbers(cls, found: Mapping[str, Any]) -> PlanModel:
        """The model of a state from ``to_numbers``.

        Raises:
            ValueError: It isn't such a state (also ``KeyError``, ``TypeError``, ``AttributeError``).
        """
        model = cls()
        model._regression.intercept = finite(found["intercept"])
        model._regression.optimizer.g2.update(_weights(found["squares"]))
        model._regression._weights = utils.VectorDict(_weights(found["weights"]))  # noqa: SLF001 - river has no other way in
        model._steps = whole(found["steps"])
        for action, stored in found["actions"].items():
            if action not in ACTIONS:
                raise ValueError(f"no action: {action!r:.20}")
            model._actions.weights[action].update(_weights(stored))
        return model


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """The value rounded to six digits; the seventh is noise of the last sample."""
    return {name: float(f"{weight:.6g}") for name, weight in weights.items()}


def _weights(found: Mapping[str, Any]) -> dict[str, float]:
    if len(found) > MOST_WEIGHTS:
        raise ValueError(f"{len(found)} weights, at most {MOST_WEIGHTS}")
    return {str(name): finite(weight) for name, weight in found.items()}
