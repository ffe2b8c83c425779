"""No stream that this service writes grows without end, whichever act writes to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p33_tasks.store import dead_letters, operator, results, snapshots, verdict_calls
from tests.support.gate import SOURCE, SYMBOL, Gate

KEPT, MANY, AT_MOST = 100, 1_000, 300
"""Redis trims whole nodes of up to 100 entries: it is always a little more than asked for."""


def adopt(gate: Gate) -> object:
    gate.put_position("0.040")
    return gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="me")


def move_to_dead_letters(gate: Gate) -> object:
    _, entry = gate.publish()
    return gate.dead_letters.dead_letter(entry, "why", {})


ACTS: dict[str, tuple[str, Callable[[Gate], object]]] = {
    "a verdict": ("decisions", lambda gate: gate.judge()),
    "a plan that was given up": ("decisions", lambda gate: gate.report(executed=False)),
    "a ledger that begins": ("audit", lambda gate: gate.put_position("0")),
    "an adoption": ("audit", adopt),
    "a hold": ("audit", lambda gate: gate.operator.set_hold(SYMBOL, why="x", by="me")),
    "a dead letter": ("dead_letters", move_to_dead_letters),
}


@pytest.mark.parametrize("act", ACTS)
def test_whoever_writes_trims(gate: Gate, monkeypatch: pytest.MonkeyPatch, act: str) -> None:
    for module in (verdict_calls, results, snapshots, operator):
        monkeypatch.setattr(module, "AUDIT_MAXLEN", KEPT)
    monkeypatch.setattr(dead_letters, "DEAD_LETTER_MAXLEN", KEPT)
    name, write = ACTS[act]
    stream = getattr(gate.keys, name)
    with gate.redis.pipeline(transaction=False) as pipeline:
        for number in range(MANY):
            pipeline.xadd(stream, {"number": number})
        pipeline.execute()
    before = gate.redis.xinfo_stream(stream)["last-generated-id"]
    write(gate)
    assert gate.redis.xinfo_stream(stream)["last-generated-id"] != before, "it wrote"
    assert KEPT <= gate.redis.xlen(stream) < AT_MOST


def test_as_many_are_kept_as_the_contract_says() -> None:
    assert {module.AUDIT_MAXLEN for module in (verdict_calls, results, snapshots, operator)} == {100_000}
    assert dead_letters.DEAD_LETTER_MAXLEN == 10_000


def test_a_dead_letters_error_is_bounded(gate: Gate) -> None:
    _, entry = gate.publish()
    gate.dead_letters.dead_letter(entry, "x" * 1_000_000, {})
    (letter,) = gate.dead()
    assert len(letter["error"]) <= 1_000
