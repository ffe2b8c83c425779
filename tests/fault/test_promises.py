"""The checker itself: it is silent about a sound end, and sees each kind of broken promise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import redis

from tests.fault.promises import check, client_order_id
from tests.fault.world import DECISIONS, PLANS, REAL, RESULTS, START_AMT, plan_entry
from tests.support.redis_server import running_redis

SYMBOL = REAL[0]
START = {symbol: Decimal(0) for symbol in REAL} | {SYMBOL: START_AMT[SYMBOL]}
ALLOW = {"allow": True, "safe_close_qty": 10, "exchange_position_amt": int(START[SYMBOL]), "order_side": "SELL"}
ORDER = {"symbol": SYMBOL, "side": "SELL", "executedQty": "10", "clientOrderId": client_order_id("a"), "orderId": 1}


@pytest.fixture(scope="module")
def server() -> Iterator[redis.Redis]:
    with running_redis() as found:
        yield found.client()


@pytest.fixture
def client(server: redis.Redis) -> redis.Redis:
    """A plan that was allowed, executed and recorded, as it should be."""
    server.flushall()
    for stream in (PLANS, RESULTS):
        server.xgroup_create(stream, "p33", id="0", mkstream=True)
    server.xadd(PLANS, dict(plan_entry("a", SYMBOL)))
    server.xreadgroup("p33", "one", {PLANS: ">"}, noack=True)
    _verdict(server, "a", ALLOW)
    for symbol, amt in START.items():
        server.hset(f"quantum:position:ledger:{symbol}", "last_known_amt", str(amt - (10 if symbol == SYMBOL else 0)))
    return server


def _verdict(client: redis.Redis, plan_id: str, body: dict[str, Any], *, audit_id: str = "*") -> None:
    raw = json.dumps({"plan_id": plan_id, "symbol": SYMBOL, **body})
    fields: dict[Any, Any] = {"plan_id": plan_id, "symbol": SYMBOL, "verdict": raw, "inputs": "{}"}
    client.xadd(DECISIONS, fields, id=audit_id)
    client.set(f"quantum:p33:decision:{plan_id}", raw)


def _broken(client: redis.Redis, *orders: dict[str, Any]) -> str:
    held = {symbol: START[symbol] for symbol in REAL}
    for order in orders:
        held[order["symbol"]] -= Decimal(order["executedQty"])
    return "\n".join(check(client, list(orders), held.__getitem__, start=START).broken)


def test_a_sound_end_breaks_nothing(client):
    assert _broken(client, ORDER) == ""


def test_a_plan_without_a_verdict(client):
    client.xadd(PLANS, dict(plan_entry("b", SYMBOL)))
    assert "b has no verdict" in _broken(client, ORDER)
    assert "0 pending" in _broken(client, ORDER)  # unread


def test_two_verdicts_on_one_plan(client):
    _verdict(client, "a", ALLOW)
    assert "a has two verdicts" in _broken(client, ORDER)


def test_a_decision_that_says_something_else(client):
    client.set("quantum:p33:decision:a", "{}")
    assert "a: decision" in _broken(client, ORDER)


def test_two_outstanding_allows(client):
    _verdict(client, "b", {**ALLOW, "exchange_position_amt": int(START[SYMBOL]) - 10})
    assert "b was allowed while a was outstanding" in _broken(client, ORDER)


def test_an_order_that_nobody_allowed(client):
    assert "has no allow" in _broken(client, {**ORDER, "clientOrderId": "stranger"})


def test_an_order_of_more_than_was_allowed_or_of_the_other_side(client):
    assert "allowed" in _broken(client, {**ORDER, "executedQty": "11"})
    assert "allowed" in _broken(client, {**ORDER, "side": "BUY"})


def test_a_plan_that_was_executed_twice(client):
    assert "executed twice" in _broken(client, ORDER, {**ORDER, "orderId": 2})


def test_an_order_on_another_position_than_was_judged(client):
    client.set("quantum:p33:decision:a", "")
    client.delete(DECISIONS)
    _verdict(client, "a", {**ALLOW, "exchange_position_amt": 7})
    assert "executed on" in _broken(client, ORDER)


def test_a_ledger_that_is_no_sum(client):
    client.hset(f"quantum:position:ledger:{SYMBOL}", "last_known_amt", "1")
    assert f"{SYMBOL}: ledger 1" in _broken(client, ORDER)


def test_a_fill_counted_twice(client):
    fields: dict[Any, Any] = {"plan_id": "x", "symbol": "SIM002USDT", "x_order": "1", "x_side": "BUY", "x_filled": "2"}
    client.xadd(RESULTS, fields)
    client.xreadgroup("p33", "one", {RESULTS: ">"}, noack=True)
    client.hset("quantum:position:ledger:SIM002USDT", "last_known_amt", "4")
    assert "SIM002USDT: ledger 4, reported fills 2" in _broken(client, ORDER)


def test_a_dead_letter_and_a_way_around_the_gate(client):
    client.xadd("quantum:stream:p33.deadletter", {"error": "x"})
    client.hset("quantum:p33:counters", f"p33_unpermitted_execution_total|{SYMBOL}", "1")
    told = _broken(client, ORDER)
    assert "1 dead letters" in told
    assert "around the gate" in told
