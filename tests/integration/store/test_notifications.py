"""Which events people are told of: from the first claim on, each claimed by one."""

from __future__ import annotations

from p33_tasks.store.notifications import MOST, RedisNotifications
from tests.support.gate import Gate


def add(gate: Gate, number: int) -> None:
    gate.redis.xadd(gate.keys.reconcile_events, {"event": "held", "n": str(number)})


def claim(gate: Gate) -> list[str]:
    return [event.fields["n"] for event in RedisNotifications(gate.verdicts._client, gate.keys).claim()]


def test_telling_begins_with_the_next_event_and_goes_on_where_it_stood(gate: Gate) -> None:
    add(gate, 1)
    assert claim(gate) == []
    for number in range(2, 4 + MOST):
        add(gate, number)
    assert claim(gate) == [str(number) for number in range(2, 2 + MOST)]
    assert claim(gate) == [str(number) for number in range(2 + MOST, 4 + MOST)]
    assert claim(gate) == []


def test_before_the_first_event_ever_the_first_is_told(gate: Gate) -> None:
    assert claim(gate) == []
    add(gate, 1)
    assert claim(gate) == ["1"]


def test_a_cursor_that_is_none_begins_anew(gate: Gate) -> None:
    add(gate, 1)
    gate.redis.set(gate.keys.notified, "soon")
    assert claim(gate) == []
    add(gate, 2)
    assert claim(gate) == ["2"]
