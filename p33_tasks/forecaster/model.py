"""The online model: the probability that a closing plan comes within the horizon, by action.

Whether one comes is learned by two logistic regressions: one whose steps become smaller the more it has seen, and one
that forgets what it has seen, and so follows a change of regime. Each counts as much as it was right lately. Which
action it will be is a regression of its own, learned from the plans alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from river import linear_model, optim, utils

from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.quantities import canonical
from p33_tasks.forecaster.numbers import finite, whole

RATE = 0.1
"""Of AdaGrad: the first step of a weight."""
KEEPS = (1.0, 0.7)
"""Of each regression: how much of its gradients' record is left after ``FORGETS_EVERY`` samples."""
FORGETS_EVERY = 1_000
DECAY = 0.995
"""How much of its record a regression keeps from sample to sample: about the last 200 count."""
LEAST_SHARE = 0.02
"""Of each, so that one that was wrong can come back."""
ACTION_RATE = 0.1
MOST_WEIGHTS = 5_000
"""Of one regression; the features' grid holds fewer."""
INTERCEPT_RATE = 0.02
FIRST_INTERCEPT = -3.0
"""Plans are rare: before anything was learned, one in twenty."""

_ACTIONS = frozenset(map(canonical, CLOSE_FACTORS.values()))

Features = Mapping[str, float]


class PlanModel:
    """Predicts, then learns. All that it knows is numbers by name, so that it can be kept as JSON."""

    def __init__(self) -> None:
        self._regressions = [_regression() for _ in KEEPS]
        self._losses = [0.0] * len(KEEPS)  # logarithmic, decayed
        self._samples = 0
        self._actions: Any = linear_model.SoftmaxRegression(optimizer=optim.SGD(ACTION_RATE))

    def predict(self, given: Features) -> dict[str, float]:
        """The probability of each action that was ever seen; together at most 1."""
        chances = self._chances(given)
        shares = [math.exp(min(self._losses) - loss) + LEAST_SHARE for loss in self._losses]
        total = sum(share * chance for share, chance in zip(shares, chances, strict=True)) / sum(shares)
        return {action: total * float(share) for action, share in self._actions.predict_proba_one(dict(given)).items()}

    def learn(self, given: Features, came: str | None) -> None:
        """From what came within the horizon; None: no plan."""
        x, y = dict(given), came is not None
        for at, chance in enumerate(self._chances(given)):
            likely = chance if y else 1 - chance
            self._losses[at] = DECAY * self._losses[at] - math.log(max(1e-6, likely))
            self._regressions[at].learn_one(x, y)
        if came is not None:
            self._actions.learn_one(x, came)
        self._samples += 1
        if self._samples % FORGETS_EVERY == 0:
            for keep, one in zip(KEEPS, self._regressions, strict=True):
                record = one.optimizer.g2
                record.update({name: keep * square for name, square in record.items()})

    def _chances(self, given: Features) -> list[float]:
        x = dict(given)
        return [float(one.predict_proba_one(x)[True]) for one in self._regressions]

    def to_numbers(self) -> dict[str, Any]:
        """What was learned."""
        return {
            "regressions": [
                {
                    "intercept": float(one.intercept),
                    "weights": _rounded(one.weights),
                    "squares": _rounded(one.optimizer.g2),
                }
                for one in self._regressions
            ],
            "samples": self._samples,
            "losses": self._losses,
            "actions": {action: _rounded(weights) for action, weights in self._actions.weights.items()},
        }

    @classmethod
    def from_numbers(cls, found: Mapping[str, Any]) -> PlanModel:
        """What ``to_numbers`` gave.

        Raises:
            ValueError: It is something else (also ``KeyError``, ``TypeError``, ``AttributeError``).
        """
        model = cls()
        for one, stored in zip(model._regressions, found["regressions"], strict=True):
            one.intercept = finite(stored["intercept"])
            one.optimizer.g2.update(_weights(stored["squares"]))
            one._weights = utils.VectorDict(_weights(stored["weights"]))  # noqa: SLF001 - river has no other way in
        model._losses = [finite(loss) for loss, _ in zip(found["losses"], KEEPS, strict=True)]
        model._samples = whole(found["samples"])
        for action, stored in found["actions"].items():
            if action not in _ACTIONS:
                raise ValueError(f"no action: {action!r:.20}")
            model._actions.weights[action].update(_weights(stored))
        return model


def _regression() -> Any:
    return linear_model.LogisticRegression(
        optimizer=optim.AdaGrad(RATE), intercept_lr=INTERCEPT_RATE, intercept_init=FIRST_INTERCEPT
    )


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Six digits: the seventh is noise of the last sample."""
    return {name: float(f"{weight:.6g}") for name, weight in weights.items()}


def _weights(found: Mapping[str, Any]) -> dict[str, float]:
    if len(found) > MOST_WEIGHTS:
        raise ValueError(f"{len(found)} weights, at most {MOST_WEIGHTS}")
    return {str(name): finite(weight) for name, weight in found.items()}
