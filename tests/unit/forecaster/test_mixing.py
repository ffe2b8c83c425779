"""Several opinions, each counted by how good it was lately."""

from __future__ import annotations

import pytest

from p33_tasks.forecaster.mixing import HALF_LIFE_SEC, LEAST_PROBABILITY, Mixture

NOW_MS = 1_800_000_000_000
GOOD, BAD = {"1": 0.9}, {"1": 0.1}
BOTH = {"good": GOOD, "bad": BAD}


def test_before_anything_came_all_count_alike() -> None:
    assert Mixture().of({**BOTH, "silent": {}}) == pytest.approx({"1": 1 / 3})


def test_without_an_opinion_there_is_none() -> None:
    assert Mixture().of({}) == {}


def test_who_was_right_counts_more() -> None:
    mixture = Mixture()
    for _ in range(20):
        mixture.judge(BOTH, "1", NOW_MS)
    assert mixture.of(BOTH)["1"] > 0.89
    for _ in range(100):
        mixture.judge(BOTH, None, NOW_MS)
    assert mixture.of(BOTH)["1"] < 0.11


def test_another_action_than_the_expected_one_is_an_error_too() -> None:
    mixture = Mixture()
    mixture.judge({"good": {"0.5": 0.5}, "bad": {"1": 0.5}}, "0.5", NOW_MS)
    assert mixture.losses["good"] < mixture.losses["bad"]


def test_no_single_sample_decides() -> None:
    mixture = Mixture()
    mixture.judge({"sure": {}, "good": GOOD}, "1", NOW_MS)
    assert 0.2 < mixture.of({"sure": {"1": 1.0}, "good": {}})["1"] < 0.5
    assert mixture.losses["sure"] == pytest.approx(6.9, abs=0.1)
    assert LEAST_PROBABILITY == 1e-3


def test_what_is_long_ago_counts_less() -> None:
    mixture = Mixture({"good": 0.0, "bad": 64.0}, NOW_MS)
    mixture.judge({"good": {}, "bad": {}}, None, NOW_MS + int(3 * HALF_LIFE_SEC * 1000))
    assert mixture.losses == pytest.approx({"good": 0.0, "bad": 8.0})
    mixture.judge({"good": {}, "bad": {}}, None, NOW_MS)  # a clock that stepped back ages nothing
    assert mixture.losses == pytest.approx({"good": 0.0, "bad": 8.0})
    assert mixture.at_ms == NOW_MS + int(3 * HALF_LIFE_SEC * 1000)
