"""The ring behind the trends."""

from __future__ import annotations

import pytest

from p33_tasks.exporter.history import History, Point, quantile_ms
from p33_tasks.store.verdict_calls import LATENCY_BUCKETS_MS
from tests.factories import NOW_MS, make_snapshot
from tests.unit.exporter.views import make_overview, make_view


def look(seconds: int, **counters: int) -> object:
    names = {"allow": "p33_permit_total|BTCUSDT|allow", "deny": "p33_permit_total|_other|deny"}
    fields = {names.get(name, name): value for name, value in counters.items()}
    return make_overview(now_ms=NOW_MS + seconds * 1000, counters=fields)


def counts(**buckets: int) -> list[int]:
    by_bound = {int(name.removeprefix("ms")): value for name, value in buckets.items()}
    return [by_bound.get(bound, 0) for bound in (*LATENCY_BUCKETS_MS, 0)]


def test_verdicts_become_rates_per_minute() -> None:
    history = History()
    for overview in (look(0, allow=10, deny=0), look(10, allow=12, deny=30), look(20, allow=12, deny=30)):
        history.add(overview)
    assert [point.value for point in history.allowed_per_minute()] == [12, 0]
    assert [point.value for point in history.denied_per_minute()] == [180, 0]
    assert history.span_ms == 20_000


def test_counters_lost_with_their_redis_make_no_negative_rate() -> None:
    history = History()
    for overview in (look(0, allow=1_000), look(10, allow=3)):
        history.add(overview)
    assert [point.value for point in history.allowed_per_minute()] == [0]


def test_a_gap_during_an_outage_is_no_rate() -> None:
    """Nobody knows when in those minutes it happened."""
    history = History()
    for overview in (look(0, allow=1), look(300, allow=100), look(310, allow=101)):
        history.add(overview)
    assert history.allowed_per_minute() == [Point(at_ms=NOW_MS + 310_000, value=6)]


def test_a_clock_that_steps_back_begins_anew() -> None:
    history = History()
    for overview in (look(100), look(110), look(5)):
        history.add(overview)
    assert [point.at_ms for point in history.oldest_age_sec()] == [NOW_MS + 5_000]


def test_no_more_than_an_hour_is_kept() -> None:
    history = History(kept=3)
    for seconds in range(0, 100, 10):
        history.add(look(seconds))
    assert history.span_ms == 20_000


def test_ages_are_those_of_the_snapshots_that_are_there() -> None:
    views = [make_view(f"S{age}", snapshot=make_snapshot(age_ms=age)) for age in (1_000, 2_000, 60_000)]
    history = History()
    history.add(make_overview(*views, make_view("NONE", snapshot=None)))
    assert history.median_age_sec()[0].value == 2
    assert history.oldest_age_sec()[0].value == 60
    history.add(make_overview(make_view(snapshot=None), now_ms=NOW_MS + 10_000))
    assert history.oldest_age_sec()[1].value is None


def test_latency_is_that_of_the_verdicts_between_two_looks() -> None:
    history = History()
    name = "p33_permit_latency_seconds|bucket|"
    for overview in (look(0, **{f"{name}60000": 50}), look(10, **{f"{name}60000": 50, f"{name}2": 10}), look(20)):
        history.add(overview)
    assert [point.value for point in history.latency_ms(0.5)] == [1.5, None]


@pytest.mark.parametrize(
    ("buckets", "share", "expected"),
    [
        (counts(), 0.5, None),
        (counts(ms1=100), 0.5, 0.5),
        (counts(ms2=100), 0.99, 1.99),
        (counts(ms1=50, ms10=50), 0.5, 1),
        (counts(ms1=50, ms10=50), 0.75, 7.5),
        ([*counts()[:-1], 7], 0.5, 60_000),
    ],
)
def test_quantiles_are_straight_within_a_bucket_and_never_beyond_the_last_bound(
    buckets: list[int], share: float, expected: float | None
) -> None:
    assert quantile_ms(buckets, share) == (None if expected is None else pytest.approx(expected))
