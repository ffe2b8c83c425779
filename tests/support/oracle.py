"""Somebody who knows the simulated rule and where each position is: only its noise is unknown to him.

The chance of a plan is calculated backwards over the looks of the rule, and the walk of the price between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from p33_tasks.forecaster.features import Sight
from p33_tasks.forecaster.hazard import HORIZON_SEC
from p33_tasks.forecaster.issuing import Issuer, Prediction
from p33_tasks.forecaster.learner import Learner
from tests.support.harvest import Account, Judge, Regime

STEP, HALF = 0.0001, 400
GAINS = (np.arange(2 * HALF + 1) - HALF) * STEP
_normal = np.vectorize(lambda value: 0.5 * (1 + math.erf(value / math.sqrt(2))))


class Oracle:
    """In the place of a model."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._places = {position: at for at, position in enumerate(account._held)}
        self.sight: Sight | None = None

    def predict(self, _given: Mapping[str, float]) -> dict[str, float]:
        account, regime = self._account, self._account.regime
        if regime.random_every_sec:
            chance = (1 - math.exp(-HORIZON_SEC / regime.random_every_sec)) / 2
            return {"0.5": chance, "1": chance}
        position, every = self.sight.position, regime.looks_every_sec
        held = account._held[position]
        until = every - (account.second + self._places[position]) % every
        gain = account._gain(held)
        return {action: float(np.interp(gain, GAINS, chances)) for action, chances in _ahead(regime, held.rung, until)}

    def learn(self, _given: Mapping[str, float], came: str | None) -> None:
        """It knows."""

    def rehearse(self, samples: int) -> None:
        """It knows."""

    def to_numbers(self) -> dict[str, Any]:
        return {}


class _Knowing(Learner):
    def _predict(self, sight: Sight, now_ms: int) -> Prediction | None:
        self.model.sight = sight
        return super()._predict(sight, now_ms)


def judge_of_an_oracle(account: Account) -> Judge:
    """The same scores, and the same choice of what to publish."""
    judge = Judge(account)
    judge.learner = _Knowing(Oracle(account), judge.scores, Issuer(), hazards={})
    return judge


@lru_cache(maxsize=256)
def _ahead(regime: Regime, rung: int, until_sec: int) -> tuple[tuple[str, Any], ...]:
    """By action: the chance at each gain, where the rule looks next in so many seconds."""

    def seen_from(gain: float) -> Any:
        return _normal((GAINS - gain) / regime.noise)

    all_of_it = np.clip(seen_from(2 * regime.target) + 1 - seen_from(-regime.stop), 0, 1)
    half = np.clip(seen_from(regime.target * (1 + rung / 3)) - seen_from(2 * regime.target), 0, 1)
    now = np.stack([half, all_of_it]) * regime.acts
    found = np.zeros_like(now)
    for at in reversed(range(until_sec, HORIZON_SEC + 1, regime.looks_every_sec)):
        found = now + (1 - now.sum(axis=0)) * found
        found = np.stack([_walked(chances, regime.volatility, min(at, regime.looks_every_sec)) for chances in found])
    return ("0.5", found[0]), ("1", found[1])


def _walked(chances: Any, volatility: float, elapsed_sec: int) -> Any:
    """Their mean over where the price may go meanwhile."""
    deviation = volatility * math.sqrt(elapsed_sec)
    reach = int(5 * deviation / STEP) + 1
    weights = np.exp(-((np.arange(-reach, reach + 1) * STEP) ** 2) / (2 * deviation**2))
    return np.convolve(np.pad(chances, reach, mode="edge"), weights / weights.sum(), "valid")
