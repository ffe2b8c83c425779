"""The online model: the probability that a closing plan comes within the horizon, by action.

Whether one comes is learned by a logistic regression over everything that is known of a position. It forgets, and so
follows a change of regime. Which action it will be is a regression of its own, learned from the plans alone.
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
"""How much of the gradients' record is left after so many steps."""
REMEMBERED = 1_500
"""Samples that may be learned from once more: as many as a dozen positions give in ten minutes."""
STRIDE = 611
"""From one of them to the next, so that a position's neighbouring samples don't follow each other; prime to that."""
ACTION_RATE = 0.1
MOST_WEIGHTS = 5_000
"""Of one regression; the features' grid holds fewer."""
INTERCEPT_RATE = 0.05
FIRST_INTERCEPT = -3.0
"""Plans are rare: before anything was learned, one in twenty."""

Features = Mapping[str, float]


class PlanModel:
    """Predicts, then learns. All that it knows is numbers by name, so that it can be kept as JSON."""

    def __init__(self) -> None:
        self._regression: Any = linear_model.LogisticRegression(
            optimizer=optim.AdaGrad(RATE), intercept_lr=INTERCEPT_RATE, intercept_init=FIRST_INTERCEPT
        )
        self._steps = 0
        self._remembered: deque[tuple[dict[str, float], str | None]] = deque(maxlen=REMEMBERED)
        self._at = 0
        self._actions: Any = linear_model.SoftmaxRegression(optimizer=optim.SGD(ACTION_RATE))

    def predict(self, given: Features) -> dict[str, float]:
        """The probability of each action that was ever seen; together at most 1."""
        x = dict(given)
        total = float(self._regression.predict_proba_one(x)[True])
        return {action: total * float(share) for action, share in self._actions.predict_proba_one(x).items()}

    def learn(self, given: Features, came: str | None) -> None:
        """From what came within the horizon; None: no plan."""
        x = dict(given)
        self._remembered.append((x, came))
        self._step(x, came)

    def rehearse(self, samples: int) -> None:
        """Learn once more from so many of the samples that were learned from lately."""
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
        """What was learned."""
        return {
            "intercept": float(self._regression.intercept),
            "weights": _rounded(self._regression.weights),
            "squares": _rounded(self._regression.optimizer.g2),
            "steps": self._steps,
            "actions": {action: _rounded(weights) for action, weights in self._actions.weights.items()},
        }

    @classmethod
    def from_numbers(cls, found: Mapping[str, Any]) -> PlanModel:
        """What ``to_numbers`` gave.

        Raises:
            ValueError: It is something else (also ``KeyError``, ``TypeError``, ``AttributeError``).
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
    """Six digits: the seventh is noise of the last sample."""
    return {name: float(f"{weight:.6g}") for name, weight in weights.items()}


def _weights(found: Mapping[str, Any]) -> dict[str, float]:
    if len(found) > MOST_WEIGHTS:
        raise ValueError(f"{len(found)} weights, at most {MOST_WEIGHTS}")
    return {str(name): finite(weight) for name, weight in found.items()}
