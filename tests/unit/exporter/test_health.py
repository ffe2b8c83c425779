"""When the cluster is called ready, and what is said when it isn't."""

from __future__ import annotations

import dataclasses
from typing import Any

from p33_tasks.exporter.cluster import Reading
from p33_tasks.exporter.health import Readiness, readiness
from tests.factories import NOW_MS, make_policy, make_snapshot
from tests.unit.exporter.views import make_overview, make_refresh, make_stream, make_view


def judged(*views: Any, **changes: Any) -> Readiness:
    overview = make_overview(*views, **changes)
    return readiness(Reading(overview=overview, problem="", took_sec=0.01), make_policy())


def test_fresh_snapshots_and_short_streams_are_ready() -> None:
    assert judged().text() == "ready\n"


def test_redis_that_does_not_answer_is_not_ready_and_says_so() -> None:
    answer = readiness(Reading(overview=None, problem="Redis can't be reached: refused", took_sec=1), make_policy())
    assert not answer.ready
    assert answer.text() == "not ready\n- Redis can't be reached: refused\n"


def test_no_usable_snapshot_is_not_ready_and_names_age_and_limit() -> None:
    answer = judged(make_view(snapshot=make_snapshot(age_ms=34_200)))
    assert not answer.ready
    assert "BTCUSDT is 34.2 s old (limit 10 s)" in answer.text()


def test_one_delisted_symbol_is_a_warning_and_spoils_nothing_else() -> None:
    answer = judged(make_view(), make_view("DEADUSDT", snapshot=None))
    assert answer.ready
    assert "(warning) snapshots: 1 of 2 not usable: DEADUSDT has none" in answer.text()


def test_each_kind_of_unusable_snapshot_is_told_apart() -> None:
    views = (
        make_view("A", snapshot=make_snapshot(run_id="b" * 40)),
        make_view("B", snapshot=make_snapshot(source="x")),
        make_view("D", snapshot=None, snapshot_problem="no number"),
    )
    text = judged(*views).text()
    for told in ("A is from before Redis restarted", "B is of another venue", "D can't be read"):
        assert told in text


def test_six_hundred_stale_symbols_are_told_in_one_short_line() -> None:
    answer = judged(*(make_view(f"S{i}", snapshot=None) for i in range(600)))
    assert "and 595 more" in answer.text()
    assert len(answer.text()) < 300


def test_an_entry_that_waits_longer_than_five_seconds_is_not_ready() -> None:
    at_the_limit = make_stream("plans", pending=1, oldest_ms=NOW_MS - 5_000)
    beyond = make_stream("plans", pending=1, unread=4, oldest_ms=NOW_MS - 5_001, readers=0)
    assert judged(streams=(at_the_limit,)).ready
    answer = judged(streams=(beyond,))
    assert not answer.ready
    assert "5 waiting, the oldest for 5.0 s (limit 5 s), 0 readers" in answer.text()


def test_a_large_lag_that_is_worked_on_is_ready() -> None:
    assert judged(streams=(make_stream("plans", unread=5_000, oldest_ms=NOW_MS - 900),)).ready


def test_a_stream_key_of_another_type_is_not_ready() -> None:
    assert not judged(streams=(make_stream("plans", problem="its key holds a value of another type"),)).ready


def test_nobody_reading_and_a_paused_exchange_are_warnings() -> None:
    answer = judged(streams=(make_stream("plans", readers=0),), refresh=make_refresh(paused_ms=60_000, error="418"))
    assert answer.ready
    for told in ("no process reads quantum:stream:plans", "asked for a pause: 60 s", "the last refresh failed: 418"):
        assert told in answer.text()


def test_what_others_wrote_is_one_printable_line_of_bounded_length() -> None:
    answer = judged(refresh=make_refresh(error="429\n- forged\x1b[31m\udcff" + "x" * 10_000))
    assert answer.text().count("\n") == 2
    assert "429\\n- forged\\x1b[31m\\udcff" in answer.text()
    assert len(answer.text().encode()) < 1_000


def test_a_dead_beat_is_not_ready_while_the_snapshots_are_still_fresh() -> None:
    limit_ms = 3 * make_policy().poll_ms + 5_000
    assert judged(refresh=make_refresh(started_ms=NOW_MS - limit_ms)).ready
    answer = judged(refresh=make_refresh(started_ms=NOW_MS - limit_ms - 1))
    assert not answer.ready
    assert "beat, every worker for p33.snapshots, or the broker is down" in answer.text()
    assert not judged(refresh=make_refresh(started_ms=None)).ready
    assert judged(refresh=make_refresh(started_ms=None, paused_ms=9_000)).ready, "the exchange asked for it"


def test_a_stream_that_takes_no_more_entries_is_not_ready() -> None:
    greatest = f"{2**64 - 1}-{2**64 - 1}"
    assert not judged(streams=(make_stream("plans", last_id=greatest), make_stream("results"))).ready
    ahead = judged(streams=(make_stream("plans", last_id=f"{NOW_MS + 1_001}-0"), make_stream("results")))
    assert ahead.ready
    assert "1.0 s ahead of Redis's clock" in ahead.text()
    assert "ahead" not in judged(streams=(make_stream("plans", last_id=f"{NOW_MS + 999}-0"), make_stream())).text()


def test_a_reservation_without_an_expiry_is_a_warning() -> None:
    answer = judged(dataclasses.replace(make_view(), reservation_is_endless=True))
    assert answer.ready
    assert "reservations without an expiry: BTCUSDT" in answer.text()
