"""Samples, labels, scores and the bounds of the learner's memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.forecaster.evaluation import HALF_LIFE_SEC, Scores
from p33_tasks.forecaster.features import Sight, begin, features, follow
from p33_tasks.forecaster.hazard import Hazard, Level
from p33_tasks.forecaster.issuing import AIMED_HITS, LEAST_PLANS, LIMIT_RATE, Issuer
from p33_tasks.forecaster.learner import HORIZON_MS, MOST_POSITIONS, MOST_REHEARSED, REHEARSED, Learner

NOW_MS = 1_800_000_000_000
HERE = Level(gain=math.log(1.01), left=1.0)


def sight(position: str = "BTCUSDT", *, now_ms: int = NOW_MS, **changes: Any) -> Sight:
    given = {"amount": 2.0, "entry": 100.0, "mark": 101.0, "ts_ms": now_ms, "leg": Leg.BOTH, **changes}
    return Sight(position=position, symbol=position, **given)


class Remembers:
    """A model that says one thing, and keeps what it was taught."""

    def __init__(self, **by_action: float) -> None:
        self.by_action = by_action or {"1": 0.4}
        self.taught: list[str | None] = []
        self.rehearsed = 0

    def predict(self, _given: Mapping[str, float]) -> dict[str, float]:
        return dict(self.by_action)

    def learn(self, _given: Mapping[str, float], came: str | None) -> None:
        self.taught.append(came)

    def rehearse(self, samples: int) -> None:
        self.rehearsed += samples

    def to_numbers(self) -> dict[str, Any]:
        return {}


def learner(model: Remembers | None = None, *, speaks: bool = False) -> Learner:
    scores = Scores()
    if speaks:
        scores = Scores(weight=1_000, brier=10, base_brier=100, plans=2 * LEAST_PLANS, samples=1_000, at_ms=NOW_MS)
    return Learner(model or Remembers(), scores, Issuer(speaks=speaks), hazards={})


def test_a_plan_within_the_horizon_is_what_came_and_a_later_one_is_not() -> None:
    model = Remembers()
    found = learner(model)
    found.look([sight()], NOW_MS)
    found.plan("BTCUSDT", "0.5", NOW_MS + HORIZON_MS)
    assert model.taught == ["0.5"]
    found.look([sight(now_ms=NOW_MS + 40_000)], NOW_MS + 40_000)
    found.plan("BTCUSDT", "0.5", NOW_MS + 40_001 + HORIZON_MS)
    assert model.taught == ["0.5", None]


def test_a_plan_of_before_the_look_or_of_another_position_teaches_nothing() -> None:
    model = Remembers()
    found = learner(model)
    found.look([sight(), sight("ETHUSDT")], NOW_MS)
    found.plan("BTCUSDT", "1", NOW_MS)
    assert model.taught == []
    found.plan("ETHUSDT", "1", NOW_MS + 1)
    assert model.taught == ["1"]


def test_a_horizon_that_ends_without_a_plan_is_learned_too() -> None:
    model = Remembers()
    found = learner(model)
    found.look([sight()], NOW_MS)
    found.look([sight()], NOW_MS + HORIZON_MS)
    assert model.taught == []
    found.look([sight()], NOW_MS + HORIZON_MS + 10_000)
    assert model.taught == [None]


def test_scored_before_learned() -> None:
    found = learner(Remembers(**{"1": 0.25}))
    found.look([sight()], NOW_MS)
    found.plan("BTCUSDT", "1", NOW_MS + 1_000)
    assert found.scores.brier == pytest.approx(0.75**2)
    assert found.scores.base_brier == pytest.approx(1.0)  # nobody knew of such a plan yet
    assert found.scores.log_loss == pytest.approx(-math.log(0.25))
    tenth = found.scores.bins[2]
    assert (tenth.count, tenth.came, tenth.probability) == (1, 1, 0.25)


def test_old_scores_count_less() -> None:
    scores = Scores()
    scores.add({"1": 0.5}, None, NOW_MS)
    scores.add({"1": 0.5}, None, NOW_MS + int(HALF_LIFE_SEC * 1000))
    assert scores.weight == pytest.approx(1.5)
    assert scores.samples == 2
    assert scores.bins[5].count == pytest.approx(1.5)


def test_a_forecast_is_made_once_while_it_lives_and_its_hit_is_counted() -> None:
    found = learner(speaks=True)
    (issue,) = found.look([sight()], NOW_MS).issues
    assert (issue.sight.position, issue.action, issue.probability) == ("BTCUSDT", "1", 0.4)
    assert found.look([sight()], NOW_MS + 5_000).issues == ()
    assert found.plan("BTCUSDT", "0.5", NOW_MS + 6_000) is False  # another action
    assert found.plan("BTCUSDT", "1", NOW_MS + 7_000) is True
    assert (found.scores.foreseen, found.scores.published) == (pytest.approx(1, rel=0.1), pytest.approx(1, rel=0.1))
    assert found.look([sight()], NOW_MS + 10_000).issues  # the next one


def test_a_plan_that_stays_likely_is_forecast_again_before_the_first_forecast_ends() -> None:
    found = learner(speaks=True)
    made = [len(found.look([sight()], NOW_MS + at * 1000).issues) for at in range(0, 60, 5)]
    assert [at * 5 for at, issues in enumerate(made) if issues] == [0, 25, 50]
    assert found.plan("BTCUSDT", "1", NOW_MS + 59_000) is True


@pytest.mark.parametrize("period_ms", [1_000, 5_000, 10_000])
@pytest.mark.parametrize("early_ms", [0, 400])
def test_a_plan_that_stays_likely_stays_prepared(period_ms: int, early_ms: int) -> None:
    """A forecast is prepared behind the refresh after it, and ends after 30 s. Refreshes are not exact."""
    found = learner(speaks=True)
    looks = [NOW_MS + turn * period_ms - (early_ms if turn % 2 else 0) for turn in range(300_000 // period_ms)]
    made = [turn for turn, now_ms in enumerate(looks) if found.look([sight()], now_ms).issues]
    prepared_from = [looks[turn + 1] for turn in made[:-1]]
    gaps_ms = [max(0, later - (looks[turn] + 30_000)) for turn, later in zip(made, prepared_from[1:], strict=False)]
    assert max(gaps_ms) <= 500
    assert len(made) <= 300_000 / (30_000 - 1.5 * period_ms) + 1


def test_of_two_forecasts_of_one_plan_one_is_the_hit_and_both_were_made() -> None:
    found = learner(speaks=True)
    for at in range(0, 30, 5):
        found.look([sight()], NOW_MS + at * 1000)
    before = found.issuer.limit
    assert found.plan("BTCUSDT", "1", NOW_MS + 29_000) is True
    assert (found.scores.foreseen, found.scores.published) == (1, 2)
    assert found.issuer.limit == pytest.approx(before + LIMIT_RATE * (2 * AIMED_HITS - 1))
    found.look([sight()], NOW_MS + 30_000)
    assert found.plan("BTCUSDT", "1", NOW_MS + 31_000) is False  # the next plan was not expected before that look


def test_a_forecast_that_no_refresh_could_prepare_was_in_vain() -> None:
    found = learner(speaks=True)
    found.look([sight()], NOW_MS)
    before = found.issuer.limit
    assert found.plan("BTCUSDT", "1", NOW_MS + 4_000) is False
    assert (found.scores.foreseen, found.scores.published) == (0, 1)
    assert found.issuer.limit > before


def test_the_limit_rises_with_forecasts_in_vain() -> None:
    found = learner(speaks=True)
    found.look([sight()], NOW_MS)
    before = found.issuer.limit
    found.issuer.expire(NOW_MS + HORIZON_MS + 1, found.scores)
    assert found.issuer.limit > before


def test_while_silent_nothing_is_published_and_nothing_counts_as_foreseen() -> None:
    found = learner()
    assert found.look([sight()], NOW_MS).issues == ()
    assert found.plan("BTCUSDT", "1", NOW_MS + 1_000) is False
    assert found.scores.published == 0


@pytest.mark.parametrize(("ratio", "spoke", "speaks"), [(0.9, False, False), (0.9, True, True), (0.96, True, False)])
def test_between_two_limits_it_goes_on_as_it_was(ratio: float, *, spoke: bool, speaks: bool) -> None:
    scores = Scores(weight=1_000, brier=100 * ratio, base_brier=100, plans=LEAST_PLANS)
    issuer = Issuer(speaks=spoke)
    issuer.choose((), NOW_MS, scores)
    assert issuer.speaks is speaks


def test_too_little_lately_is_silence() -> None:
    issuer = Issuer(speaks=True)
    issuer.choose((), NOW_MS, Scores(weight=1_000, brier=1, base_brier=100, plans=LEAST_PLANS - 1))
    assert not issuer.speaks
    assert "too little" in issuer.why


def test_memory_is_bounded_at_2000_positions() -> None:
    found = learner()
    for at in range(0, 120, 5):
        now_ms = NOW_MS + at * 1000
        found.look((sight(f"S{n}", now_ms=now_ms) for n in range(MOST_POSITIONS + 500)), now_ms)
        for n in range(50):
            found.opened(f"OTHER{at}-{n}", now_ms)
    assert len(found.tracks) == MOST_POSITIONS
    assert found.left_out == 500
    assert sum(map(len, found._samples.values())) <= MOST_POSITIONS * 8
    found.look((), NOW_MS + 200_000)
    assert found.tracks == {}
    assert sum(map(len, found._samples.values())) == 0


def test_a_position_that_turned_around_is_another_one() -> None:
    track = follow(begin(sight(), NOW_MS - 60_000), sight())
    turned = follow(track, sight(now_ms=NOW_MS + 5_000, amount=-1.0))
    assert (turned.opened_ms, turned.most_amount, turned.is_long) == (NOW_MS + 5_000, 1.0, False)
    assert turned.marks.mark == 101.0


def test_the_stream_of_changes_says_when_it_was_opened() -> None:
    found = learner()
    found.opened("BTCUSDT", NOW_MS - 3_600_000)
    found.look([sight()], NOW_MS)
    assert found.tracks["BTCUSDT"].opened_ms == NOW_MS - 3_600_000


@pytest.mark.parametrize(
    "changes",
    [
        {"mark": 1e300, "entry": 1e-300},
        {"mark": 1e-300, "entry": 1e300},
        {"amount": -1e300},
        {"ordered_ms": 10**14},
        {"ts_ms": 0},
    ],
)
def test_whatever_was_seen_the_features_are_small_finite_numbers(changes: dict[str, Any]) -> None:
    odd = sight(**changes)
    track = follow(begin(sight(), NOW_MS), odd)
    found = features(track, odd, NOW_MS, 0.5)
    assert all(math.isfinite(value) and abs(value) <= 3 for value in found.values())
    assert len(found) < 40


def test_a_gain_of_a_short_is_a_gain() -> None:
    low, high = (sight(amount=-1.0, mark=mark) for mark in (99.0, 101.0))
    assert features(follow(begin(low, NOW_MS), low), low, NOW_MS, 0.5)["reach"] > 0
    assert features(follow(begin(high, NOW_MS), high), high, NOW_MS, 0.5)["reach"] < 0


def test_with_many_positions_little_is_learned_twice() -> None:
    model = Remembers()
    found = learner(model)
    found.look([sight(f"S{n}") for n in range(300)], NOW_MS)
    found.look([sight("S0", now_ms=NOW_MS + 40_000)], NOW_MS + 40_000)
    assert len(model.taught) == 300
    assert model.rehearsed == MOST_REHEARSED
    found.look([sight("S0", now_ms=NOW_MS + 80_000)], NOW_MS + 80_000)
    assert model.rehearsed == MOST_REHEARSED + REHEARSED


def test_a_plan_and_the_time_before_it_are_counted_where_the_position_was_last_seen() -> None:
    hazard = Hazard(200)
    found = Learner(Remembers(), Scores(), Issuer(), hazards={"long": hazard})
    found.look([sight()], NOW_MS)
    assert hazard.ahead(HERE, 1e-5) == {}
    found.look([sight(now_ms=NOW_MS + 5_000)], NOW_MS + 5_000)
    found.plan("BTCUSDT", "0.5", NOW_MS + 8_000)
    found.plan("ETHUSDT", "1", NOW_MS + 8_000)  # nobody knows where that was
    counted = hazard.to_numbers()
    assert counted["plans"].keys() == {"0.5"}
    assert sum(map(sum, counted["plans"]["0.5"])) == pytest.approx(1)
    assert sum(map(sum, counted["time_sec"])) == pytest.approx(8 * (1 - 1 / 200), rel=1e-3)
    assert hazard.ahead(HERE, 1e-5)["0.5"] > 0.5


def test_of_a_gap_between_two_looks_a_minute_is_counted() -> None:
    hazard = Hazard(200)
    found = Learner(Remembers(), Scores(), Issuer(), hazards={"long": hazard})
    found.look([sight()], NOW_MS)
    found.look([sight(now_ms=NOW_MS + 3_600_000)], NOW_MS + 3_600_000)
    assert sum(map(sum, hazard.to_numbers()["time_sec"])) == pytest.approx(60)


def test_what_was_counted_ages_from_look_to_look() -> None:
    hazard = Hazard(24)
    found = Learner(Remembers(), Scores(), Issuer(), hazards={"short": hazard})
    hazard.stayed(HERE, 1_000)
    found.look([], NOW_MS)
    assert sum(map(sum, hazard.to_numbers()["time_sec"])) == pytest.approx(1_000)
    found.look([], NOW_MS + 3_600_000)
    found.look([], NOW_MS)  # a clock that stepped back ages nothing
    assert sum(map(sum, hazard.to_numbers()["time_sec"])) == pytest.approx(1_000 * (23 / 24) ** 24, rel=1e-4)


def test_what_is_said_is_the_mean_of_hazard_and_model_by_how_good_each_was() -> None:
    model = Remembers(**{"1": 0.9})
    found = Learner(model, Scores(), Issuer(), hazards={"long": Hazard(200)})
    [first] = found.look([sight()], NOW_MS).predictions
    assert first.by_action == pytest.approx({"1": 0.45})
    for at in range(1, 10):
        now_ms = NOW_MS + at * 40_000
        found.look([sight(now_ms=now_ms)], now_ms)
    [last] = found.look([sight(now_ms=NOW_MS + 400_000)], NOW_MS + 400_000).predictions
    assert last.by_action["1"] < 0.1  # no plan came, as the hazard said


def test_a_new_position_in_a_symbol_that_was_flat_knows_its_price() -> None:
    found = learner()
    for at in range(5):
        now_ms = NOW_MS + at * 5_000
        found.look([sight(mark=101 + at % 2, now_ms=now_ms)], now_ms)
    known = found.tracks["BTCUSDT"].marks
    found.look([], NOW_MS + 25_000)
    assert found.tracks == {}
    found.look([sight(mark=102, now_ms=NOW_MS + 30_000)], NOW_MS + 30_000)
    again = found.tracks["BTCUSDT"]
    assert again.opened_ms == NOW_MS + 30_000
    assert again.marks.observed_sec > known.observed_sec > 0
