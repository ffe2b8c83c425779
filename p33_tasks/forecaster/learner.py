"""Learning: at each observation predict, wait for the outcome, score the prediction, and learn from it.

The caller passes the time, so that simulations and a live account use the same code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from p33_tasks.forecaster.evaluation import Scores
from p33_tasks.forecaster.features import Sight, Track, begin, features, follow, level_of, volatility_of
from p33_tasks.forecaster.hazard import HORIZON_SEC, Hazard, Level
from p33_tasks.forecaster.issuing import Issue, Issuer, Prediction
from p33_tasks.forecaster.mixing import Mixture, Opinions

HORIZON_MS = HORIZON_SEC * 1000
SAMPLE_MS = 5_000
"""Minimum time between two samples of one position: closer samples add no information."""
GRACE_MS = 2_000
"""A plan's entry may be read this long after it was added."""
MOST_COUNTED_MS = 60_000
"""Maximum time counted between two observations: in a longer gap the position's level is unknown."""
MOST_POSITIONS = 2_000
KEPT_PLANS = {"short": 24.0, "long": 200.0}
"""Two hazards, by the number of plans they remember: one adapts soon to a new rule, one is more exact."""
MODEL = "model"
"""The name of the model's prediction beside the hazards'."""
REHEARSED = 2
"""Older samples learned again with each new one, so that a rule is learned from fewer plans."""
MOST_REHEARSED = 200
"""Maximum per observation: with many positions there are enough new samples."""


def fresh_hazards() -> dict[str, Hazard]:
    """Hazards without any count."""
    return {name: Hazard(kept) for name, kept in KEPT_PLANS.items()}


class Model(Protocol):
    """A prediction model."""

    def predict(self, given: Mapping[str, float]) -> dict[str, float]:
        """The probability of each action within the horizon; their sum is at most 1."""

    def learn(self, given: Mapping[str, float], came: str | None) -> None:
        """Learn from the action that came within the horizon; None: none came."""

    def rehearse(self, samples: int) -> None:
        """Learn again from some recent samples."""

    def to_numbers(self) -> dict[str, Any]:
        """The learned state, as numbers by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The result of one observation of all positions."""

    predictions: tuple[Prediction, ...]
    issues: tuple[Issue, ...]  # forecasts to publish; none while the model is silent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at_ms: int
    given: Mapping[str, float]
    opinions: Opinions
    by_action: Mapping[str, float]  # the final prediction


class Learner:
    """The model and its training data. Memory is bounded by ``MOST_POSITIONS``."""

    def __init__(
        self,
        model: Model,
        scores: Scores,
        issuer: Issuer,
        *,
        tracks: Mapping[str, Track] | None = None,
        hazards: Mapping[str, Hazard] | None = None,
        mixture: Mixture | None = None,
    ) -> None:
        self.model = model
        self.scores = scores
        self.issuer = issuer
        self.tracks: dict[str, Track] = dict(tracks or {})
        self.left_out = 0  # positions beyond the bound at the last observation
        self._samples: dict[str, deque[_Sample]] = {}
        self._opened: dict[str, int] = {}
        self.hazards = fresh_hazards() if hazards is None else dict(hazards)
        self.mixture = mixture or Mixture()
        self._seen: dict[str, tuple[Level, int]] = {}  # last level, and the time up to which it was counted
        self._by_symbol: dict[str, Track] = {}  # price history, also while flat
        self._to_rehearse = 0
        self._looked_ms = 0

    def look(self, sights: Iterable[Sight], now_ms: int) -> Outlook:
        """Observe every position that isn't flat, and predict.

        Args:
            sights: All of them: a missing position is flat, and is dropped.
            now_ms: Redis TIME.
        """
        seen = {sight.position: sight for sight in sights}
        self._to_rehearse = MOST_REHEARSED
        self._settle(now_ms)
        self.issuer.expire(now_ms, self.scores)
        for position in self.tracks.keys() - seen.keys():
            del self.tracks[position]
            self._seen.pop(position, None)
        if self._looked_ms:
            for hazard in self.hazards.values():
                hazard.aged(max(0, now_ms - self._looked_ms) / 1000)
        self._looked_ms = now_ms
        for position in self._seen:
            self._count_time(position, now_ms)
        self.left_out = 0
        predictions = [found for sight in seen.values() if (found := self._predict(sight, now_ms)) is not None]
        issues = self.issuer.choose(predictions, now_ms, self.scores)
        return Outlook(predictions=tuple(predictions), issues=issues)

    def plan(self, position: str, action: str, at_ms: int) -> bool:
        """Note a closing plan; returns whether it was forecast.

        Args:
            position: The position key.
            action: Its close factor as text.
            at_ms: Redis TIME of its entry.
        """
        foreseen = self.issuer.came(position, action, at_ms, self.scores)
        self.scores.add_plan(foreseen=foreseen, at_ms=at_ms)
        waiting = self._samples.get(position)
        while waiting and waiting[0].at_ms < at_ms:
            sample = waiting.popleft()
            self._learn(sample, action if at_ms - sample.at_ms <= HORIZON_MS else None)
        if position in self._seen:
            self._count_time(position, at_ms)
            for hazard in self.hazards.values():
                hazard.came(self._seen[position][0], action)
        track = self.tracks.get(position)
        if track is not None and at_ms > track.planned_ms:
            self.tracks[position] = replace(track, planned_ms=at_ms, was_denied=False)
        return foreseen

    def denied(self, position: str) -> None:
        """Note that the last plan of a position was denied."""
        track = self.tracks.get(position)
        if track is not None and track.planned_ms:
            self.tracks[position] = replace(track, was_denied=True)

    def opened(self, position: str, at_ms: int) -> None:
        """Note that a position was opened at this time; called before or after its first observation."""
        self._opened[position] = at_ms
        while len(self._opened) > MOST_POSITIONS:
            del self._opened[next(iter(self._opened))]

    def _predict(self, sight: Sight, now_ms: int) -> Prediction | None:
        known = self.tracks.get(sight.position)
        if known is None and len(self.tracks) >= MOST_POSITIONS:
            self.left_out += 1
            return None
        opened_ms = self._opened.pop(sight.position, sight.ts_ms)
        first = known or begin(sight, min(opened_ms, sight.ts_ms), self._by_symbol.get(sight.symbol))
        track = self.tracks[sight.position] = self._by_symbol[sight.symbol] = follow(first, sight)
        level = level_of(track, sight)
        self._seen[sight.position] = level, now_ms
        while len(self._by_symbol) > MOST_POSITIONS:
            del self._by_symbol[next(iter(self._by_symbol))]
        volatility = volatility_of(track)
        opinions = {name: hazard.ahead(level, volatility) for name, hazard in self.hazards.items()}
        given = features(track, sight, now_ms, sum(self.mixture.of(opinions).values()))
        opinions[MODEL] = self.model.predict(given)
        by_action = self.mixture.of(opinions)
        waiting = self._samples.setdefault(sight.position, deque())
        if not waiting or now_ms - waiting[-1].at_ms >= SAMPLE_MS:
            waiting.append(_Sample(at_ms=now_ms, given=given, opinions=opinions, by_action=by_action))
        return Prediction(sight=sight, by_action=by_action)

    def _count_time(self, position: str, until_ms: int) -> None:
        level, counted_ms = self._seen[position]
        elapsed_ms = max(0, until_ms - counted_ms)
        for hazard in self.hazards.values():
            hazard.stayed(level, min(elapsed_ms, MOST_COUNTED_MS) / 1000)
        self._seen[position] = level, counted_ms + elapsed_ms

    def _settle(self, now_ms: int) -> None:
        """Learn from samples whose horizon ended without a plan."""
        for position, waiting in list(self._samples.items()):
            while waiting and now_ms - waiting[0].at_ms > HORIZON_MS + GRACE_MS:
                self._learn(waiting.popleft(), None)
            if not waiting and position not in self.tracks:
                del self._samples[position]

    def _learn(self, sample: _Sample, came: str | None) -> None:
        self.scores.add(sample.by_action, came, sample.at_ms)
        self.mixture.judge(sample.opinions, came, sample.at_ms)
        self.model.learn(sample.given, came)
        if self._to_rehearse > 0:
            self._to_rehearse -= REHEARSED
            self.model.rehearse(REHEARSED)
