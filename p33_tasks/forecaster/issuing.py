"""Selects the predictions to publish: those above a limit, none while the model is no better than the base rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from p33_tasks.forecaster.evaluation import Scores
from p33_tasks.forecaster.features import Sight
from p33_tasks.forecaster.hazard import HORIZON_SEC

HORIZON_MS = HORIZON_SEC * 1000
LONGEST_PERIOD_MS = 10_000
"""Between two cycles, for the renewal of forecasts."""
AIMED_HITS = 0.36
"""The share of forecasts that should come true: 2.8 forecasts per plan; preparing more than 3 isn't worthwhile."""
FIRST_LIMIT, LEAST_LIMIT, MOST_LIMIT = 0.3, 0.05, 0.9
LIMIT_RATE = 0.005
"""The change of the limit per outcome. With twice this value it was often too high, where few outcomes lower it."""
SPEAKS_BELOW, SILENT_ABOVE = 0.85, 0.95
"""Bounds of the Brier score divided by the base rate's: between them publishing stays on or off as before."""
LEAST_SAMPLES, LEAST_PLANS = 100.0, 10.0
"""The minimum of recent samples and plans for a usable ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The prediction for one position."""

    sight: Sight
    by_action: Mapping[str, float]

    @property
    def total(self) -> float:
        """The probability of any closing plan within the horizon."""
        return min(1.0, sum(self.by_action.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """A forecast to publish."""

    sight: Sight
    action: str  # close factor as text
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Living:
    at_ms: int
    published: bool


@dataclass(slots=True, kw_only=True)
class Issuer:
    """Selects by a limit that rises with each forecast without a plan, and falls with each hit."""

    limit: float = FIRST_LIMIT  # minimum probability of a forecast
    speaks: bool = False
    why: str = "nothing was learned yet"
    _living: dict[tuple[str, str], list[_Living]] = field(default_factory=dict)  # in order of time
    _looked_ms: int = 0

    def choose(self, predictions: Iterable[Prediction], now_ms: int, scores: Scores) -> tuple[Issue, ...]:
        """The forecasts to publish now, the most likely first; one that is valid beyond the next cycle is not repeated.

        So the preparation of a plan that stays likely has no gap.

        While the model is silent there are none, but the limit still follows the outcomes.
        """
        self._judge(scores)
        # Half a period more: cycles follow refreshes, whose times vary.
        renew_ms = min(max(now_ms - self._looked_ms, 0), LONGEST_PERIOD_MS) * 3 // 2
        self._looked_ms = now_ms
        issues = []
        for prediction in predictions:
            for action, probability in prediction.by_action.items():
                if probability < self.limit:
                    continue
                living = self._living.setdefault((prediction.sight.position, action), [])
                if not living or living[-1].at_ms + HORIZON_MS - now_ms < renew_ms:
                    living.append(_Living(at_ms=now_ms, published=self.speaks))
                    issues.append(Issue(sight=prediction.sight, action=action, probability=probability))
        return tuple(sorted(issues, key=lambda issue: -issue.probability)) if self.speaks else ()

    def came(self, position: str, action: str, at_ms: int, scores: Scores) -> bool:
        """Note a closing plan, which ends the position's forecasts.

        Returns:
            Whether it was forecast before the last refresh, since verdicts are prepared after a refresh.
        """
        key = (position, action)
        living = self._living.get(key, [])
        expected = [found for found in living if found.at_ms < at_ms <= found.at_ms + HORIZON_MS]
        early = next((found for found in expected if found.at_ms < self._looked_ms), None)
        self._keep(key, [found for found in living if found not in expected])
        for found in expected:
            self._end(found, at_ms, scores, hit=found is early)
        return early is not None and early.published

    def expire(self, now_ms: int, scores: Scores) -> None:
        """Count forecasts whose horizon ended without a plan."""
        for key, living in list(self._living.items()):
            over = [found for found in living if now_ms > found.at_ms + HORIZON_MS]
            for found in over:
                self._end(found, now_ms, scores, hit=False)
            self._keep(key, living[len(over) :])

    def _keep(self, key: tuple[str, str], living: list[_Living]) -> None:
        if living:
            self._living[key] = living
        else:
            self._living.pop(key, None)

    def _end(self, found: _Living, at_ms: int, scores: Scores, *, hit: bool) -> None:
        self.limit = min(MOST_LIMIT, max(LEAST_LIMIT, self.limit + LIMIT_RATE * (AIMED_HITS - hit)))
        if found.published:
            scores.add_published(at_ms)

    def _judge(self, scores: Scores) -> None:
        ratio = scores.ratio
        if scores.weight < LEAST_SAMPLES or scores.plans < LEAST_PLANS or ratio is None:
            self.speaks = False
            self.why = f"too little was seen lately: {scores.plans:.0f} plans in {scores.weight:.0f} looks"
        elif ratio <= SPEAKS_BELOW or (self.speaks and ratio <= SILENT_ABOVE):
            self.speaks = True
            self.why = f"the Brier score is {ratio:.2f} of the base rate's"
        else:
            self.speaks = False
            self.why = f"no better than the base rate: the Brier score is {ratio:.2f} of its"
