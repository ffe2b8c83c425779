"""Plans per second at a gain, and the chance of one ahead."""

from __future__ import annotations

import json
import math
import random

import pytest

from p33_tasks.forecaster.hazard import CELLS, HORIZON_SEC, SHARES, Hazard, Level

CALM = 1e-5
"""Per root second: within the horizon such a price stays where it is."""
USUAL = 0.0003


def at(gain: float, left: float = 1.0) -> Level:
    return Level(gain=gain, left=left)


def counted(kept_plans: float = 200, *, way: int = 1, left: float = 1.0, action: str = "1") -> Hazard:
    """Positions that were everywhere up to a gain of 1 %, and plans from 0.6 % on: one in 20 s."""
    found = Hazard(kept_plans)
    for _ in range(20):
        for step in range(-20, 21):
            gain = step / 2_000
            found.stayed(at(gain, left), 5)
            if gain * way >= 0.006 and _ % 4 == 0:
                found.came(at(gain, left), action)
    return found


def test_the_nearer_the_gain_of_plans_the_likelier_one_is() -> None:
    found = counted()
    likely = [found.ahead(at(gain), USUAL)["1"] for gain in (-0.005, 0.0, 0.004, 0.005, 0.006, 0.008)]
    assert likely == sorted(likely)
    assert likely[0] < 0.01
    assert likely[2] < 0.3 < likely[4]
    assert likely[5] > 0.6


def test_losses_are_reached_downwards() -> None:
    found = counted(way=-1)
    assert found.ahead(at(-0.008), USUAL)["1"] > 0.6
    assert found.ahead(at(0.008), USUAL)["1"] < 0.02


def test_a_price_that_moves_more_comes_to_a_gain_from_farther_away() -> None:
    found = counted()
    assert found.ahead(at(0.002), 4 * USUAL)["1"] > 10 * found.ahead(at(0.002), USUAL)["1"]


def test_where_the_price_stays_it_is_that_of_as_many_plans_a_second() -> None:
    found = Hazard(1e9)
    for _ in range(100):
        found.stayed(at(0.0), 60)
        found.came(at(0.0), "1")
    assert found.ahead(at(0.0), CALM)["1"] == pytest.approx(1 - math.exp(-HORIZON_SEC / 60), rel=0.02)


def test_before_the_first_plan_nothing_is_said() -> None:
    found = Hazard(200)
    found.stayed(at(0.0), 1_000)
    assert found.ahead(at(0.0), USUAL) == {}


def test_time_without_a_plan_counts_as_much_as_a_plan() -> None:
    few = Hazard(200)
    few.came(at(0.006), "1")
    before = few.ahead(at(0.006), CALM)["1"]
    few.stayed(at(0.006), 3_600)
    assert few.ahead(at(0.006), CALM)["1"] < before / 10


def test_a_gain_that_was_never_seen_is_like_the_one_before_it_on_the_way_from_zero() -> None:
    found = counted()
    assert found.ahead(at(0.05), USUAL)["1"] > 0.6
    assert found.ahead(at(-0.05), USUAL)["1"] < 0.02


def test_a_position_reduced_as_much_is_known_better_than_another() -> None:
    found = counted(left=0.5, action="0.5")
    for step in range(21):
        found.stayed(at(step / 2_000), 60)
    assert found.ahead(at(0.008, left=0.5), CALM)["0.5"] > 0.5
    assert found.ahead(at(0.008), CALM)["0.5"] < 0.2


def test_the_chances_of_all_actions_are_at_most_1_together() -> None:
    draw = random.Random(7)
    found = Hazard(40)
    for _ in range(300):
        found.stayed(at(draw.gauss(0, 0.01), draw.random()), draw.uniform(0, 5))
        found.came(at(draw.gauss(0, 0.01), draw.random()), draw.choice(("1", "0.75", "0.5")))
    for _ in range(200):
        chances = found.ahead(at(draw.gauss(0, 0.02), draw.random()), 10 ** draw.uniform(-7, 0))
        assert all(0 <= chance <= 1 for chance in chances.values())
        assert sum(chances.values()) <= 1 + 1e-9


@pytest.mark.parametrize("gain", [-1.0, 1.0, 1e-300])
@pytest.mark.parametrize("left", [0.0, 1.0, 7.0])
@pytest.mark.parametrize("volatility", [0.0, 1e300])
def test_whatever_was_seen_the_chance_is_one(gain: float, left: float, volatility: float) -> None:
    found = Hazard(24)
    found.stayed(at(gain, left), 60)
    found.came(at(gain, left), "1")
    assert 0 < found.ahead(at(gain, left), volatility)["1"] <= 1


@pytest.mark.parametrize(("kept_plans", "is_forgotten"), [(24, True), (1e9, False)])
def test_the_fewer_plans_are_kept_the_sooner_a_rule_is_forgotten(kept_plans: float, *, is_forgotten: bool) -> None:
    found = counted(kept_plans)
    for _ in range(100):
        found.stayed(at(-0.008), 5)
        found.came(at(-0.008), "0.5")
    assert (found.ahead(at(0.008), CALM)["1"] < 0.2) is is_forgotten


def test_a_rule_is_learned_after_days_without_a_plan() -> None:
    found = Hazard(24)
    for _ in range(2 * 24 * 60):
        found.aged(60)
        found.stayed(at(0.008), 60)
    for _ in range(48):
        found.stayed(at(0.008), 20)
        found.came(at(0.008), "1")
    assert found.ahead(at(0.008), CALM)["1"] > 0.3


def test_rates_stay_what_they_are_while_time_passes() -> None:
    found = counted()
    before = found.ahead(at(0.008), CALM)["1"]
    found.aged(3_600)
    assert found.ahead(at(0.008), CALM)["1"] == pytest.approx(before, rel=0.1)


def test_what_was_counted_is_kept_as_json_of_a_bounded_length() -> None:
    found = counted()
    again = Hazard.from_numbers(json.loads(json.dumps(found.to_numbers())), 200)
    assert again.ahead(at(0.005), USUAL) == pytest.approx(found.ahead(at(0.005), USUAL), rel=1e-4)
    assert [len(row) for row in found.to_numbers()["time_sec"]] == [CELLS] * SHARES
    again.stayed(at(0.005), 600)
    assert again.ahead(at(0.005), CALM)["1"] < found.ahead(at(0.005), CALM)["1"]
