"""A window that follows the backlog, and no faster than the pool empties it."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.ingest.source import HELD_SEC, Source
from p33_tasks.ports import StreamEntry
from p33_tasks.store.batches import Batch, Entry, Window

WINDOW = Window(size=4)
WIDEST = 128


@pytest.fixture
def source() -> Source:
    handler: Any = None
    return Source(stream="plans", handler=handler, widest=WIDEST)


def batch(entries: int, room: int = 0) -> Batch:
    where = StreamEntry(stream="plans", entry_id="1-0")
    return Batch(now_ms=1, entries=(Entry(where=where, fields={}, deliveries=1),) * entries, room=room)


def drain(source: Source, per_sec: float, seconds: float) -> None:
    """A pool that judges so many plans per second, while more wait than any window takes."""
    held, now = 0.0, 0.0
    while now < seconds:
        now += 0.002
        held = max(0.0, held - per_sec * 0.002)
        room = source.window(WINDOW) - int(held)
        if room >= source.least(now, WINDOW):
            source.was_read(now, batch(room), WINDOW)
            held += room


@pytest.mark.parametrize(("per_sec", "least", "most"), [(1_000, WIDEST, WIDEST), (100, 20, 65), (10, 4, 16)])
def test_a_backlog_widens_the_window_to_what_the_pool_empties_soon(source, per_sec, least, most):
    drain(source, per_sec, 2.0)
    assert least <= source.window(WINDOW) <= most


def test_a_read_that_left_no_backlog_narrows_it_again(source):
    drain(source, 1_000, 1.0)
    for number in range(4):
        source.was_read(2.0 + number, batch(1, room=3), WINDOW)
    assert source.window(WINDOW) == WINDOW.size


def test_entries_that_came_back_narrow_it_at_once(source):
    """They waited behind others for too long."""
    drain(source, 1_000, 1.0)
    source.was_claimed(batch(1))
    assert source.window(WINDOW) == WINDOW.size


def test_a_stream_without_shared_tasks_keeps_its_window():
    handler: Any = None
    results = Source(stream="results", handler=handler)
    drain(results, 1_000, 1.0)
    assert results.window(WINDOW) == WINDOW.size


def test_a_wide_window_is_read_as_soon_as_a_task_fits_in(source):
    drain(source, 1_000, 1.0)
    assert source.least(1.0, WINDOW) <= MAX_TOGETHER


def test_what_made_way_is_sent_when_it_is_calm(source):
    assert source.claims(WINDOW).max_waiting > WINDOW.max_waiting
    drain(source, 1_000, 1.0)
    assert source.claims(WINDOW).max_waiting == WINDOW.max_waiting


def test_in_a_backlog_an_entry_is_not_taken_for_lost_while_it_waits_behind_others(source):
    assert source.claims(WINDOW).base_idle_ms == WINDOW.base_idle_ms
    drain(source, 1_000, 1.0)
    assert source.claims(WINDOW).base_idle_ms >= 2 * HELD_SEC * 1000
    source.was_claimed(batch(1))
    assert source.claims(WINDOW).base_idle_ms == WINDOW.base_idle_ms
