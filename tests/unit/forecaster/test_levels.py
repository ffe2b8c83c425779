"""How near a position is to where plans came lately."""

from __future__ import annotations

import pytest

from p33_tasks.forecaster.levels import KEPT, Level, Levels
from p33_tasks.forecaster.model import REMEMBERED, PlanModel

SWING = 0.001


def at(gain: float, left: float = 1.0) -> Level:
    return Level(gain=gain, left=left)


def test_the_nearer_the_level_the_likelier_it_is_reached() -> None:
    levels = Levels([at(0.006)])
    likely = [levels.nearness(at(gain), SWING)[0] for gain in (0.0, 0.004, 0.005, 0.006, 0.02)]
    assert likely == sorted(likely, key=lambda found: found or 0.0)
    assert likely == pytest.approx([0, 0.0455, 0.3173, 1, 1], abs=0.001)


def test_levels_of_losses_are_reached_downwards() -> None:
    above, below = Levels([at(-0.006)]).nearness(at(-0.007), SWING)
    assert (above, below) == (None, 1)


def test_without_a_plan_nothing_is_near() -> None:
    assert Levels().nearness(at(0.0), SWING) == (None, None)


def test_a_plan_on_a_position_reduced_as_much_counts_more() -> None:
    levels = Levels([at(0.006, left=1), at(0.008, left=0.5)])
    half, _ = levels.nearness(at(0.006, left=0.5), SWING)
    whole, _ = levels.nearness(at(0.006, left=1), SWING)
    assert half is not None
    assert whole is not None
    assert half < 0.2
    assert whole > 0.9


def test_the_oldest_plans_are_forgotten() -> None:
    levels = Levels([at(0.1)])
    for _ in range(KEPT):
        levels.add(at(0.2))
    assert {level.gain for level in levels} == {0.2}


def test_what_may_be_learned_once_more_is_bounded_and_without_it_nothing_happens() -> None:
    model = PlanModel()
    model.rehearse(10)
    assert model.to_numbers() == PlanModel().to_numbers()
    for _ in range(REMEMBERED + 10):
        model.learn({"above": 0.5}, None)
    assert len(model._remembered) == REMEMBERED
    before = model.to_numbers()["regressions"]["near"]["weights"]["above"]
    model.rehearse(50)
    assert model.to_numbers()["regressions"]["near"]["weights"]["above"] < before
