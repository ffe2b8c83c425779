"""The online model: the probability that a closing plan comes within the horizon, by action.

Whether one comes is learned by two logistic regressions, and their mean is the forecast: one that knows only how near
the levels are at which plans came lately, and so learns a rule on the gain from few plans, and one that knows
everything. Both forget, and so follow a change of regime. Which action it will be is a regression of its own, learned
from the plans alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from river import linear_model, optim, utils

from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.quantities import canonical
from p33_tasks.forecaster.features import NEAR
from p33_tasks.forecaster.numbers import finite, whole

RATES = {"near": 0.05, "all": 0.02}
"""Of AdaGrad, by regression: the first step of a weight."""
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

_ACTIONS = frozenset(map(canonical, CLOSE_FACTORS.values()))

Features = Mapping[str, float]
Inputs = Mapping[str, dict[str, float]]
"""By regression."""


class PlanModel:
    """Predicts, then learns. All that it knows is numbers by name, so that it can be kept as JSON."""

    def __init__(self) -> None:
        self._regressions = {name: _regression(rate) for name, rate in RATES.items()}
        self._steps = 0
        self._remembered: deque[tuple[Inputs, str | None]] = deque(maxlen=REMEMBERED)
        self._at = 0
        self._actions: Any = linear_model.SoftmaxRegression(optimizer=optim.SGD(ACTION_RATE))

    def predict(self, given: Features) -> dict[str, float]:
        """The probability of each action that was ever seen; together at most 1."""
        inputs = _inputs(given)
        chances = [float(self._regressions[name].predict_proba_one(x)[True]) for name, x in inputs.items()]
        total = sum(chances) / len(chances)
        return {
            action: total * float(share) for action, share in self._actions.predict_proba_one(inputs["all"]).items()
        }

    def learn(self, given: Features, came: str | None) -> None:
        """From what came within the horizon; None: no plan."""
        self._remembered.append((_inputs(given), came))
        self._step(*self._remembered[-1])

    def rehearse(self, samples: int) -> None:
        """Learn once more from so many of the samples that were learned from lately."""
        for _ in range(samples if self._remembered else 0):
            self._at = (self._at + STRIDE) % len(self._remembered)
            self._step(*self._remembered[self._at])

    def _step(self, inputs: Inputs, came: str | None) -> None:
        for name, x in inputs.items():
            self._regressions[name].learn_one(x, came is not None)
        if came is not None:
            self._actions.learn_one(inputs["all"], came)
        self._steps += 1
        if self._steps % FORGETS_EVERY == 0:
            for one in self._regressions.values():
                record = one.optimizer.g2
                record.update({name: KEEPS * square for name, square in record.items()})

    def to_numbers(self) -> dict[str, Any]:
        """What was learned."""
        return {
            "regressions": {
                name: {
                    "intercept": float(one.intercept),
                    "weights": _rounded(one.weights),
                    "squares": _rounded(one.optimizer.g2),
                }
                for name, one in self._regressions.items()
            },
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
        for name, one in model._regressions.items():
            stored = found["regressions"][name]
            one.intercept = finite(stored["intercept"])
            one.optimizer.g2.update(_weights(stored["squares"]))
            one._weights = utils.VectorDict(_weights(stored["weights"]))  # noqa: SLF001 - river has no other way in
        model._steps = whole(found["steps"])
        for action, stored in found["actions"].items():
            if action not in _ACTIONS:
                raise ValueError(f"no action: {action!r:.20}")
            model._actions.weights[action].update(_weights(stored))
        return model


def _inputs(given: Features) -> Inputs:
    """What each regression sees."""
    return {"near": {name: given[name] for name in given if name.startswith(NEAR)}, "all": dict(given)}


def _regression(rate: float) -> Any:
    return linear_model.LogisticRegression(
        optimizer=optim.AdaGrad(rate), intercept_lr=INTERCEPT_RATE, intercept_init=FIRST_INTERCEPT
    )


def _rounded(weights: Mapping[str, float]) -> dict[str, float]:
    """Six digits: the seventh is noise of the last sample."""
    return {name: float(f"{weight:.6g}") for name, weight in weights.items()}


def _weights(found: Mapping[str, Any]) -> dict[str, float]:
    if len(found) > MOST_WEIGHTS:
        raise ValueError(f"{len(found)} weights, at most {MOST_WEIGHTS}")
    return {str(name): finite(weight) for name, weight in found.items()}
