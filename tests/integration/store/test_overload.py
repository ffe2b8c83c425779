"""Plans that waited too long make way for those that can still be judged in time."""

from __future__ import annotations

import pytest

from p33_tasks.contract.keys import GROUP, WAITING
from p33_tasks.contract.plans import EMERGENCY
from p33_tasks.store.batches import Window
from p33_tasks.store.connection import connect
from p33_tasks.store.entries import RedisEntries
from tests.support.gate import Gate

ME = "worker-1"
LATE_MS = 1_000
WINDOW = Window(size=4, base_idle_ms=0, max_idle_ms=0, late_ms=LATE_MS, max_waiting=8)


@pytest.fixture
def entries(gate: Gate) -> RedisEntries:
    return RedisEntries(connect(gate.url), gate.keys)


def add(gate: Gate, *ages_ms: int, stream: str = "") -> list[str]:
    """Entries that were added so long ago, the oldest first."""
    now_ms, key = gate.now_ms(), stream or gate.keys.plans
    return [
        str(gate.redis.xadd(key, {"plan_id": f"p{number}"}, id=f"{now_ms - age_ms}-{number}"))
        for number, age_ms in enumerate(ages_ms)
    ]


def test_late_ones_make_way_for_younger_ones(gate: Gate, entries: RedisEntries) -> None:
    added = add(gate, *[9_000] * 10, *[100] * 3)
    batch = entries.read(gate.keys.plans, ME, WINDOW)
    assert [entry.where.entry_id for entry in batch.entries] == added[10:]
    assert (batch.aside, batch.room) == (10, 1)


def test_where_all_are_late_they_are_judged_in_their_order(gate: Gate, entries: RedisEntries) -> None:
    added = add(gate, *[9_000] * 10)
    batch = entries.read(gate.keys.plans, ME, WINDOW)
    assert [entry.where.entry_id for entry in batch.entries] == added[: WINDOW.size]
    assert batch.aside == 0


def test_results_do_not_make_way(gate: Gate, entries: RedisEntries) -> None:
    add(gate, *[9_000] * 3, 100, stream=gate.keys.results)
    assert len(entries.read(gate.keys.results, ME, WINDOW).entries) == 4


def test_what_made_way_is_judged_later_and_counts_as_never_sent(gate: Gate, entries: RedisEntries) -> None:
    added = add(gate, *[9_000] * 6, 100)
    (young,) = entries.read(gate.keys.plans, ME, WINDOW).entries
    gate.redis.xack(gate.keys.plans, GROUP, young.where.entry_id)
    found = entries.claim(gate.keys.plans, ME, WINDOW).entries
    assert [entry.where.entry_id for entry in found] == added[:6]
    assert {entry.deliveries for entry in found} == {1}, "no task had it yet"
    pending = gate.redis.xpending(gate.keys.plans, GROUP)
    assert [(holder["name"], holder["pending"]) for holder in pending["consumers"]] == [(WAITING, 6)]


def test_one_read_sets_aside_no_more_than_its_limit(gate: Gate, entries: RedisEntries) -> None:
    add(gate, *[9_000] * 50, 100)
    window = Window(size=4, late_ms=LATE_MS, max_late=10)
    assert 10 <= entries.read(gate.keys.plans, ME, window).aside < 10 + window.size


def test_an_emergency_close_makes_way_for_none(gate: Gate, entries: RedisEntries) -> None:
    now_ms = gate.now_ms()
    for number, decision in enumerate(("EXECUTE", f" {EMERGENCY.lower()} ", "EXECUTE")):
        fields = {"plan_id": f"p{number}", "decision": decision}
        gate.redis.xadd(gate.keys.plans, dict(fields), id=f"{now_ms - (9_000 if number < 2 else 0)}-{number}")
    batch = entries.read(gate.keys.plans, ME, WINDOW)
    assert [entry.fields["plan_id"] for entry in batch.entries] == ["p1", "p2"]
