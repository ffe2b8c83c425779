"""Entries that can't be understood are kept, counted, and out of the way (CONTRACT section 4)."""

from __future__ import annotations

import json

from p33_tasks.ports import StreamEntry
from tests.support.gate import SYMBOL, Gate


def test_a_dead_letter_holds_source_error_and_the_entry_as_json(gate: Gate) -> None:
    _, entry = gate.publish()
    gate.dead_letters.dead_letter(entry, "plan_id is missing", {"symbol": SYMBOL, "action": "X"})
    (letter,) = gate.dead()
    assert set(letter) == {"source_stream", "source_id", "error", "entry"}
    assert letter["source_stream"] == "quantum:stream:apply.plan"
    assert letter["source_id"] == entry.entry_id
    assert letter["error"] == "plan_id is missing"
    assert json.loads(letter["entry"])["action"] == "X"
    assert gate.pending(gate.keys.plans) == 0
    assert gate.count("p33_deadletter_total|plan") == 1


def test_a_second_worker_does_not_bury_it_again(gate: Gate) -> None:
    entry = gate.publish_result()
    for _ in range(2):
        gate.dead_letters.dead_letter(entry, "x", {})
    assert len(gate.dead()) == 1
    assert gate.count("p33_deadletter_total|result") == 1


def test_whatever_bytes_the_entry_holds_it_is_kept_as_json(gate: Gate) -> None:
    entry_id = gate.redis.xadd(gate.keys.plans, {b"\xff\x00": b"\xfe", "n": "NaN", "big": "x" * 2_000_000})
    gate.server.client(decode=False).xreadgroup("p33", "test", {gate.keys.plans: ">"})
    entry = StreamEntry(stream=gate.keys.plans, entry_id=str(entry_id))
    gate.dead_letters.dead_letter(entry, "not decodable \udcff" * 1_000, {})
    (letter,) = gate.dead()
    kept = json.loads(letter["entry"])
    assert len(kept["big"]) == 2_000_000
    assert "\\udcfe" in kept.values()
    assert len(letter["error"]) <= 1_000 * 6


def test_an_entry_that_was_trimmed_away_is_buried_with_what_is_known(gate: Gate) -> None:
    plan, entry = gate.publish()
    gate.redis.xdel(gate.keys.plans, entry.entry_id)
    gate.dead_letters.dead_letter(entry, "x", {"plan_id": plan.plan_id})
    assert json.loads(gate.dead()[0]["entry"]) == {"plan_id": "plan-1"}
