"""A symbol whose ledger can't be read holds up no other symbol's results, and loses none of its own."""

from __future__ import annotations

import pytest

from p33_tasks.contract.keys import GROUP, WAITING
from p33_tasks.errors import CorruptStateError
from p33_tasks.ports import StreamEntry
from p33_tasks.store.batches import Entry, Window
from p33_tasks.store.connection import connect
from p33_tasks.store.entries import RedisEntries
from tests.support.gate import OTHER, SYMBOL, Gate

STUCK = 300
ME = "worker-1"


@pytest.fixture
def entries(gate: Gate) -> RedisEntries:
    found = RedisEntries(connect(gate.url), gate.keys)
    found.read(gate.keys.results, ME, WINDOW)
    return found


WINDOW = Window(size=4, base_idle_ms=1, max_idle_ms=1)


def record(gate: Gate, entries: RedisEntries, entry: Entry) -> bool:
    """As the task does."""
    symbol = str(entry.fields["symbol"])
    try:
        gate.report(
            str(entry.fields["plan_id"]), (entry.where.entry_id, "SELL", "0.001"), symbol=symbol, entry=entry.where
        )
    except CorruptStateError:
        entries.set_aside(entry.where)
        return False
    return True


def publish(gate: Gate, plan_id: str, symbol: str) -> StreamEntry:
    entry_id = gate.redis.xadd(gate.keys.results, {"plan_id": plan_id, "symbol": symbol})
    return StreamEntry(stream=gate.keys.results, entry_id=str(entry_id))


def test_results_of_other_symbols_are_read_past_those_that_can_not_be_recorded(
    gate: Gate, entries: RedisEntries
) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_known_amt", "n/a")
    gate.put_ledger("1", symbol=OTHER)
    for number in range(STUCK):
        publish(gate, f"stuck-{number}", SYMBOL)
    publish(gate, "other", OTHER)
    reads = 0
    while gate.ledger_amt(OTHER) == "1":
        reads += 1
        assert reads <= STUCK // WINDOW.size + 1, "the window stays open"
        for entry in entries.read(gate.keys.results, ME, WINDOW).entries:
            record(gate, entries, entry)
    assert gate.ledger_amt(OTHER) == "0.999"
    pending = gate.redis.xpending(gate.keys.results, GROUP)
    assert {holder["name"]: holder["pending"] for holder in pending["consumers"]} == {WAITING: STUCK}

    gate.put_ledger("1")  # somebody mends it
    start, rounds = "-", 0
    while gate.pending(gate.keys.results):
        rounds += 1
        assert rounds <= STUCK * 3
        batch = entries.claim(gate.keys.results, ME, WINDOW, start)
        start = batch.next_start
        assert len(batch.entries) <= WINDOW.max_waiting, "those that wait leave the workers to the others"
        assert all(record(gate, entries, entry) for entry in batch.entries)
    assert gate.ledger_amt() == "0.7", "none was lost, none counted twice"


def test_an_entry_set_aside_keeps_its_deliveries_and_is_not_lost_when_it_is_set_aside_twice(
    gate: Gate, entries: RedisEntries
) -> None:
    where = publish(gate, "p", SYMBOL)
    entries.read(gate.keys.results, ME, WINDOW)
    entries.set_aside(where)
    entries.set_aside(where)
    (found,) = gate.redis.xpending_range(gate.keys.results, GROUP, "-", "+", 10)
    assert (found["consumer"], found["times_delivered"]) == (WAITING, 1)


def test_what_is_acknowledged_or_trimmed_is_not_set_aside(gate: Gate, entries: RedisEntries) -> None:
    done, trimmed = publish(gate, "done", SYMBOL), publish(gate, "trimmed", SYMBOL)
    entries.read(gate.keys.results, ME, WINDOW)
    gate.redis.xack(gate.keys.results, GROUP, done.entry_id)
    gate.redis.xdel(gate.keys.results, trimmed.entry_id)
    entries.set_aside(done)
    entries.set_aside(trimmed)
    (found,) = gate.redis.xpending_range(gate.keys.results, GROUP, "-", "+", 10)
    assert (found["message_id"], found["consumer"]) == (trimmed.entry_id, ME)
