"""``p33 status``: what stands in Redis, exactly, and in a fixed number of round trips."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from redis.connection import Connection

from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate


def test_it_shows_exchange_ledger_drift_and_what_a_plan_would_get_now(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038")
    gate.make_ready("-1.2", symbol=OTHER)
    gate.put_ledger("-1.3", symbol=OTHER)
    result = call("status")
    assert result.exit_code == 0
    first, second = (next(line for line in result.stdout.splitlines() if name in line) for name in (SYMBOL, OTHER))
    assert first.split()[:6] == [SYMBOL, "long", "0.038", "0.038", "0.00", "%"]
    assert first.rstrip().endswith("would allow")
    assert second.split()[:6] == [OTHER, "short", "1.2", "-1.3", "8.33", "%"]
    assert second.split()[-1] == "reconcile_required_qty_mismatch"


def test_json_is_exact(gate: Gate, call: Call) -> None:
    gate.make_ready("0.03800000000000000001")
    found = document(call("status", SYMBOL.lower(), "--json"))
    (symbol,) = found["symbols"]
    assert symbol["exchange_position_amt"] == Decimal("0.03800000000000000001")
    assert symbol["gate"] == "open"


def test_the_gate_is_the_verdict_that_a_plan_then_gets(gate: Gate, call: Call) -> None:
    gate.make_ready()
    states = []
    gate.allow("holder")
    states.append("permit_in_flight")
    for expected in states:
        assert document(call("status", SYMBOL, "--json"))["symbols"][0]["gate"] == expected
        assert gate.why_not(f"probe-{expected}") == expected
    gate.redis.set(gate.keys.hold(SYMBOL), "x")
    assert document(call("status", SYMBOL, "--json"))["symbols"][0]["gate"] == gate.why_not("probe-hold")


def test_without_a_fresh_snapshot_the_answer_is_no(gate: Gate, call: Call) -> None:
    assert call("status").exit_code == 1
    gate.put_position(age_ms=60_000)
    assert call("status").exit_code == 1
    gate.put_position()
    assert call("status").exit_code == 0


def test_the_number_of_round_trips_does_not_grow_with_the_symbols(
    gate: Gate, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.publish("in-work")
    gate.redis.xadd(gate.keys.plans, {"plan_id": "unread"})
    sent: list[int] = []
    real = Connection.send_packed_command

    def counting(self: Connection, *args: Any, **kwargs: Any) -> Any:
        sent.append(1)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Connection, "send_packed_command", counting)

    def trips(symbols: list[str]) -> int:
        sent.clear()
        call("status", *symbols, "--json")
        return len(sent)

    # Most of them greet the server; the rest is one pipeline, and one more before Redis 7.
    assert trips([SYMBOL]) == trips([f"S{number}USDT" for number in range(600)]) <= 8


def test_lag_is_pending_and_unread_together(gate: Gate, call: Call) -> None:
    gate.publish("in-work")
    for number in range(3):
        gate.redis.xadd(gate.keys.plans, {"plan_id": f"unread-{number}"})
    plans = document(call("status", "--json"))["streams"]["plans"]
    assert (plans["pending"], plans["unread"]) == (1, 3)
    gate.redis.xdel(gate.keys.plans, gate.redis.xrange(gate.keys.plans)[2][0])  # then Redis 7 doesn't tell either
    assert document(call("status", "--json"))["streams"]["plans"]["unread"] == 2


def test_values_of_another_type_are_problems_of_their_symbol_only(gate: Gate, call: Call) -> None:
    gate.make_ready(symbol=OTHER)
    for key in (gate.keys.snapshot(SYMBOL), gate.keys.ledger(SYMBOL), gate.keys.counters):
        gate.redis.delete(key)
        gate.redis.lpush(key, "x")
    gate.redis.lpush(gate.keys.hold(SYMBOL), "x")
    gate.redis.delete(gate.keys.results)
    gate.redis.set(gate.keys.results, "x")
    found = document(call("status", "--json"))
    first, second = found["symbols"]
    assert first["exchange_position_amt"] is None
    assert first["gate"] == "reconcile_hold_active"
    assert second["gate"] == "open"
    assert found["streams"]["results"]["problem"] is not None
    assert gate.keys.counters in found["problems"][0]
    assert call("status").exit_code == 0


def test_what_others_wrote_reaches_no_terminal_unescaped(gate: Gate, call: Call) -> None:
    gate.make_ready()
    hostile = "\x1b]0;pwned\x07[bold]\u202e" + "x" * 100_000
    gate.redis.set(gate.keys.hold(SYMBOL), hostile)
    gate.redis.set(gate.keys.reservation(SYMBOL), hostile)
    gate.redis.hset(gate.keys.refresh, "error", hostile)
    gate.redis.hset(gate.keys.counters, f"p33_denial_total|{SYMBOL}|{hostile}", 1)
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_id", b"\xff\x9b2J")
    for arguments in (("status",), ("status", "--json"), ("hold", "list"), ("ledger", "show")):
        result = call(*arguments)
        assert result.exit_code == 0
        assert all(line.isprintable() for line in result.stdout.splitlines())
    assert len(call("status").stdout) < 10_000
