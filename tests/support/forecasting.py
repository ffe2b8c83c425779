"""What a forecaster has learned, made by hand: sure that whatever it sees is closed soon."""

from __future__ import annotations

from p33_tasks.domain.models import Leg
from p33_tasks.forecaster.features import Sight, begin, features, follow
from p33_tasks.forecaster.state import Learned, beginning


def taught(now_ms: int, *, speaks: bool = True) -> Learned:
    """Expects a full close of every position, and was better than the base rate so far."""
    found = beginning()
    sight = Sight(position="X", symbol="X", leg=Leg.BOTH, amount=0.04, entry=100.0, mark=101.0, ts_ms=now_ms)
    for _ in range(1_000):
        found.learner.model.learn(features(follow(begin(sight, now_ms), sight), sight, now_ms, 0.5), "1")
    for _ in range(100):
        found.learner.mixture.judge({"short": {}, "long": {}, "model": {"1": 0.99}}, "1", now_ms)
    scores = found.learner.scores
    scores.weight, scores.brier, scores.base_brier, scores.plans = 10_000.0, 100.0, 1_000.0, 100.0
    scores.at_ms = now_ms
    found.learner.issuer.speaks = speaks
    return found
