"""Consuming both permits: only while everything still holds (CONTRACT section 6).

Failures 24, 25, 26, and the sequences B, E, F, G, H.
"""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply import PermitClient, PermitRefused
from tests.integration.store.permits_to_consume import (
    CHANGED,
    FORGED,
    NO_GOVERNOR,
    NO_P33,
    both_are_there,
    change,
)
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.redis_server import free_port


def test_a_missing_permit_leaves_the_governors(gate: Gate) -> None:
    """Failure 24: the governor's was burned although P3.3 then denied."""
    assert gate.refusal() == (NO_P33, "missing")
    assert gate.redis.exists(gate.keys.governor_permit("plan-1"))


def test_a_deny_says_its_reason_and_leaves_the_governors(gate: Gate) -> None:
    gate.judge()
    assert gate.refusal() == (NO_P33, "no_exchange_snapshot")
    assert both_are_there(gate)


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_permit_is_refused_and_both_stay(allowed: Gate, forged: str) -> None:
    """Failure 26."""
    change(allowed, **FORGED[forged])
    before = allowed.dump()
    with pytest.raises(PermitRefused) as refused:
        allowed.client().consume("plan-1", SYMBOL)
    assert refused.value.error == NO_P33
    assert allowed.dump() == before


@pytest.mark.parametrize(
    "text",
    ['"allow"', "[]", "null", "", "{", '{"allow":true}', "NaN", '{"allow":true,"allow":true}', "[" * 100_000],
    ids=lambda text: text[:24],
)
def test_a_permit_that_is_no_permit_is_refused(allowed: Gate, text: str) -> None:
    allowed.redis.set(allowed.keys.permit("plan-1"), text)
    assert allowed.refusal()[0] == NO_P33


def test_a_permit_that_says_two_things_is_refused(allowed: Gate) -> None:
    """Duplicate keys: the last one wins in one language, the first in another."""
    text = allowed.redis.get(allowed.keys.permit("plan-1")) or ""
    allowed.redis.set(allowed.keys.permit("plan-1"), text[:-1] + ',"safe_close_qty":0.04}')
    error, reason = allowed.refusal()
    assert error == NO_P33
    assert "named twice" in str(reason)


def test_a_permit_as_a_hash_or_of_foreign_bytes_is_refused(allowed: Gate) -> None:
    key = allowed.keys.permit("plan-1")
    allowed.redis.delete(key)
    allowed.redis.hset(key, mapping={"allow": "true", "safe_close_qty": "0.03"})
    assert allowed.refusal() == (NO_P33, "withdrawn")
    allowed.redis.set(key, b"\xff\xfe{}")
    assert allowed.refusal()[0] == NO_P33


def test_a_permit_changed_since_it_was_verified_is_refused(allowed: Gate) -> None:
    client = allowed.client()
    real = client._read

    def read(plan_id: str) -> list[Any]:
        found = real(plan_id)
        change(allowed, safe_close_qty=0.04)
        return found

    client._read = read  # type: ignore[method-assign]  # a change right after reading
    with pytest.raises(PermitRefused) as refused:
        client.consume("plan-1", SYMBOL)
    assert refused.value.reason == "changed"
    assert both_are_there(allowed)


def test_a_permit_taken_away_since_it_was_verified_is_refused(allowed: Gate) -> None:
    client = allowed.client()
    real, key = client._read, allowed.keys.permit("plan-1")
    client._read = lambda plan_id: (real(plan_id), allowed.redis.delete(key))[0]  # type: ignore[method-assign]  # right after reading
    with pytest.raises(PermitRefused) as refused:
        client.consume("plan-1", SYMBOL)
    assert (refused.value.error, refused.value.reason) == (NO_P33, "missing")
    assert allowed.redis.exists(allowed.keys.governor_permit("plan-1"))


def test_a_permit_is_consumed_for_the_symbol_that_was_planned_only(allowed: Gate) -> None:
    """F."""
    assert allowed.refusal(symbol=OTHER) == (NO_P33, "about_another_symbol")
    assert both_are_there(allowed)


@pytest.mark.parametrize("what", CHANGED)
def test_what_changed_since_the_verdict_is_seen_at_use(allowed: Gate, what: str) -> None:
    """E, failure 25: a 60 s permit outlives every 10 s fact."""
    act, reason = CHANGED[what]
    act(allowed)
    before = allowed.dump()
    with pytest.raises(PermitRefused) as refused:
        allowed.client().consume("plan-1", SYMBOL)
    assert (refused.value.error, refused.value.reason) == (NO_P33, reason)
    assert allowed.dump() == before, "nothing was consumed"


def test_a_newer_snapshot_of_the_same_position_is_no_change(allowed: Gate) -> None:
    allowed.put_position("0.0400")
    assert allowed.client().consume("plan-1", SYMBOL)


def test_an_order_in_the_millisecond_of_the_permit_came_after_its_facts(allowed: Gate) -> None:
    permit = allowed.permit() or {}
    allowed.redis.hset(allowed.keys.ledger(SYMBOL), "last_order_time_ms", str(permit["ts_ms"]))
    assert allowed.refusal() == (NO_P33, "order_since_permit")


def test_an_order_in_the_second_of_the_permit_may_have_come_after_its_facts(allowed: Gate) -> None:
    """A writer that tells whole seconds says nothing finer: 12 is anything up to 12.999."""
    permit = allowed.permit() or {}
    allowed.redis.hset(allowed.keys.ledger(SYMBOL), "last_order_time_epoch", str(permit["ts_ms"] // 1000))
    assert allowed.refusal() == (NO_P33, "order_since_permit")


def test_an_order_before_the_permit_is_no_obstacle(gate: Gate) -> None:
    gate.make_ready()
    gate.report("earlier", ("1", "SELL", "0"))
    gate.end_cooldown()
    gate.put_position()
    gate.allow("plan-1")
    assert gate.consume()


def test_redis_out_of_reach_is_a_refusal() -> None:
    client = PermitClient(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(PermitRefused) as refused:
        client.consume("plan-1", SYMBOL)
    assert refused.value.error == NO_GOVERNOR
    assert "can't be reached" in str(refused.value.reason), "told apart from a permit that is missing"


def test_a_redis_without_memory_consumes_the_whole_or_nothing(allowed: Gate) -> None:
    allowed.redis.config_set("maxmemory", 1)
    consumed = allowed.client().consume("plan-1", SYMBOL)
    allowed.redis.config_set("maxmemory", 0)
    assert allowed.redis.hget(allowed.keys.consumed("plan-1"), "consume_id") == consumed.consume_id
    assert allowed.reserved_by() == "plan-1"
    assert allowed.permit() is None


def test_a_plan_id_that_no_redis_can_hold_is_a_refusal(gate: Gate) -> None:
    with pytest.raises(PermitRefused):
        gate.client().consume("\ud800", SYMBOL)


@pytest.mark.parametrize("consume_id", ["", "x" * 101])
def test_a_consume_id_that_cannot_be_reported_is_refused_before_anything_happens(
    allowed: Gate, consume_id: str
) -> None:
    with pytest.raises(ValueError, match="consume_id"):
        allowed.client().consume("plan-1", SYMBOL, consume_id=consume_id)
    assert both_are_there(allowed)


@pytest.mark.parametrize("first", ["governor", "p33"])
def test_waiting_ends_when_the_second_permit_comes(gate: Gate, first: str) -> None:
    gate.make_ready()
    begun = threading.Event()
    client = gate.client()
    real = client._read

    def read(plan_id: str) -> list[Any]:
        found = real(plan_id)
        begun.set()
        return found

    client._read = read  # type: ignore[method-assign]  # to see that the waiting has begun
    comes = {"governor": gate.grant, "p33": gate.judge}
    comes.pop(first)()
    (second,) = comes.values()
    late = threading.Thread(target=lambda: (begun.wait(10), second()))
    late.start()
    assert client.wait_and_consume("plan-1", SYMBOL, timeout_sec=10).safe_close_qty == Decimal("0.030")
    late.join()


def test_waiting_ends_at_once_with_a_no(gate: Gate) -> None:
    gate.judge()
    with pytest.raises(PermitRefused) as refused:
        gate.client().wait_and_consume("plan-1", SYMBOL, timeout_sec=60)
    assert refused.value.reason == "no_exchange_snapshot"
    gate.grant("plan-2", '{"granted":false}')
    with pytest.raises(PermitRefused) as refused:
        gate.client().wait_and_consume("plan-2", SYMBOL, timeout_sec=60)
    assert refused.value.error == NO_GOVERNOR


@pytest.mark.parametrize(("there", "error"), [("governor", NO_P33), ("p33", NO_GOVERNOR), ("none", NO_GOVERNOR)])
def test_waiting_in_vain_says_which_permit_did_not_come(gate: Gate, there: str, error: str) -> None:
    gate.make_ready()
    if there == "governor":
        gate.grant()
    elif there == "p33":
        gate.allow()
    with pytest.raises(PermitRefused) as refused:
        gate.client().wait_and_consume("plan-1", SYMBOL, timeout_sec=0.05)
    assert refused.value.error == error
