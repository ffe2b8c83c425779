"""Volatility and settlement time, and the cooldown made from them (CONTRACT section 10)."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain.statistics import Statistics, adapted_cooldown, with_amounts, with_mark

BASE_MS, MAX_MS, POLL_MS = 15_000, 60_000, 5_000


class Market:
    """Marks that move at random, one snapshot per poll period."""

    def __init__(self) -> None:
        self.random = random.Random(7)
        self.known, self.mark, self.now_ms = Statistics(), 100.0, 1_700_000_000_000

    def run(self, seconds: int, sigma: float = 0.0002) -> None:
        for _ in range(seconds * 1000 // POLL_MS):
            self.now_ms += POLL_MS
            self.mark *= math.exp(self.random.gauss(0, sigma * math.sqrt(POLL_MS / 1000)))
            self.known = with_mark(self.known, self.mark, self.now_ms)

    @property
    def cooldown_ms(self) -> int:
        found = adapted_cooldown(self.known, in_force_ms=BASE_MS, max_ms=MAX_MS)
        return BASE_MS if found is None else found[0]


def test_the_cooldown_follows_a_tripled_volatility_within_a_minute_up_and_five_down() -> None:
    market = Market()
    market.run(6 * 3_600)
    quiet_ms = market.cooldown_ms
    assert quiet_ms < 1.35 * BASE_MS
    market.run(60, sigma=0.0006)
    assert market.cooldown_ms > 1.3 * BASE_MS
    market.run(540, sigma=0.0006)
    assert 2 * BASE_MS < market.cooldown_ms <= MAX_MS
    assert adapted_cooldown(market.known, in_force_ms=BASE_MS, max_ms=MAX_MS) == (market.cooldown_ms, "volatility")
    market.run(300)
    assert market.cooldown_ms < 1.5 * BASE_MS


@given(
    st.lists(
        st.tuples(st.none() | st.floats(allow_nan=True, allow_infinity=True), st.integers(-10_000, 200_000)),
        max_size=60,
    ),
    st.integers(0, 86_400_000),
    st.integers(0, 86_400_000),
)
def test_whatever_the_marks_are_the_cooldown_stays_within_its_bounds(marks, in_force_ms: int, max_ms: int) -> None:
    known, ts_ms = Statistics(), 1_700_000_000_000
    for mark, step_ms in marks:
        ts_ms += step_ms
        known = with_mark(known, mark, ts_ms)
    assert known.ratio is None or 1 <= known.ratio < math.inf
    found = adapted_cooldown(known, in_force_ms=in_force_ms, max_ms=max_ms)
    assert found is None or in_force_ms < found[0] <= max_ms


@pytest.mark.parametrize("absurd", [0.0, -100.0, 1_000.1, 9.99, math.nan, math.inf, None])
def test_an_absurd_mark_does_not_count(absurd: float | None) -> None:
    market = Market()
    market.run(1_200)
    fast = market.known.fast
    known = with_mark(market.known, absurd and absurd * (market.mark / 100), market.now_ms + 1_000)
    assert known.fast == fast
    back = with_mark(known, market.mark * 1.0001, market.now_ms + 2_000)
    assert back.fast <= fast * 1.05


def test_gaps_halts_and_snapshots_seen_before_do_not_count() -> None:
    market = Market()
    market.run(1_200)
    known = market.known
    assert with_mark(known, market.mark * 2, market.now_ms) is known
    assert with_mark(known, market.mark, market.now_ms + 5_000) is known
    gap = with_mark(known, market.mark * 2, market.now_ms + 61_000)
    assert (gap.fast, gap.slow, gap.observed_sec) == (known.fast, known.slow, known.observed_sec)
    assert gap.mark == market.mark * 2


def test_too_little_data_changes_nothing() -> None:
    market = Market()
    market.run(60)
    market.run(30, sigma=0.1)
    assert market.known.ratio is None
    assert market.cooldown_ms == BASE_MS


def settle(known: Statistics, lag_ms: int, number: int) -> Statistics:
    """One fill of ours, which snapshots show so much later than its record."""
    at_ms = 1_700_000_000_000 + number * 200_000
    before, after = Decimal(number), Decimal(number + 1)
    known = with_amounts(known, position_amt=before, ts_ms=at_ms, ledger_amt=before, ordered_ms=None)
    for ago_ms in range(0, lag_ms, POLL_MS):
        known = with_amounts(known, position_amt=before, ts_ms=at_ms + ago_ms, ledger_amt=after, ordered_ms=at_ms)
    return with_amounts(known, position_amt=after, ts_ms=at_ms + lag_ms, ledger_amt=after, ordered_ms=at_ms)


def test_a_venue_that_shows_fills_late_lengthens_the_cooldown() -> None:
    known = Statistics()
    for number, lag_ms in enumerate([3_000, 8_000, 20_000]):
        assert adapted_cooldown(known, in_force_ms=BASE_MS, max_ms=MAX_MS) is None, "too few"
        known = settle(known, lag_ms, number)
    assert known.settled_ms == (3_000, 8_000, 20_000)
    assert adapted_cooldown(known, in_force_ms=BASE_MS, max_ms=MAX_MS) == (30_000, "settlement")
    assert adapted_cooldown(known, in_force_ms=BASE_MS, max_ms=22_000) == (22_000, "settlement")
    assert adapted_cooldown(known, in_force_ms=120_000, max_ms=MAX_MS) is None, "an operator's longer one stays"


def test_a_difference_that_lasts_is_drift_and_no_settlement() -> None:
    known = settle(Statistics(), 121_000, 0)
    assert known.settled_ms == ()


def test_tenths_of_a_second_are_rounded_up() -> None:
    known = Statistics(settled_ms=(15_001,) * 3)
    assert adapted_cooldown(known, in_force_ms=BASE_MS, max_ms=MAX_MS) == (22_600, "settlement")
