"""The demo's harvest rule."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.demo.harvest import HarvestRule, gain_ppm

RULE = HarvestRule(target_ppm=1_000, stop_ppm=1_500, rungs=2)


@pytest.mark.parametrize(
    ("seen_ppm", "rung", "action"),
    [
        (999, 0, None),
        (1_000, 0, "CLOSE_PARTIAL_25"),
        (999, 1, None),
        (1_000, 1, "CLOSE_PARTIAL_25"),
        (1_000, 2, "CLOSE_FULL"),
        (2_000, 0, "CLOSE_FULL"),
        (-1_499, 0, None),
        (-1_500, 2, "CLOSE_FULL"),
    ],
)
def test_gains_are_harvested_in_parts_and_losses_cut(seen_ppm: int, rung: int, action: str | None) -> None:
    assert RULE.wanted(seen_ppm, rung) == action


def test_a_fall_is_a_gain_of_a_short() -> None:
    entry, mark = Decimal(100), Decimal("99.9")
    assert gain_ppm(Decimal(1), entry, mark) == -1_000
    assert gain_ppm(Decimal(-1), entry, mark) == 1_000
