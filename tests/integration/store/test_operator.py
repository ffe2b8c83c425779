"""What a person does by hand: adopting a ledger, holds; each audited (CONTRACT section 9, failure 30)."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.domain import exact_json
from p33_tasks.store.operator import Adoption
from tests.support.gate import SOURCE, SYMBOL, Gate


def adopt(gate: Gate, **changes: Any) -> Adoption:
    return gate.operator.adopt_ledger(SYMBOL, **{"source": SOURCE, "policy": gate.policy, "by": "somebody", **changes})


def test_adopting_takes_the_fresh_position_once_and_audits_it(gate: Gate) -> None:
    gate.put_position("-0.5")
    assert adopt(gate) == Adoption(adopted=True, before="", after="-0.5")
    ledger = gate.ledger()
    assert (ledger["last_known_amt"], ledger["last_known_side"]) == ("-0.5", "SHORT")
    assert gate.redis.ttl(gate.keys.ledger(SYMBOL)) > 86_000
    assert gate.redis.get(gate.keys.ledger_origin(SYMBOL)) == gate.redis.hget(gate.keys.snapshot(SYMBOL), "ts_ms")
    assert gate.events() == ["ledger_adopted"]
    assert adopt(gate) == Adoption(adopted=False, refusal="ledger_exists", found="-0.5")


def test_replacing_is_asked_for_and_told_before_and_after(gate: Gate) -> None:
    gate.put_ledger("1")
    gate.put_position("0.5")
    assert adopt(gate, replace=True) == Adoption(adopted=True, before="1", after="0.5")
    assert gate.events() == ["ledger_replaced"]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"source": "sim"}, "other_source"),
        ({"run_id": "b" * 40}, "other_run"),
        ({"position_mode": "hedge"}, "position_mode"),
        ({"ts_ms": "1000"}, "stale_snapshot"),
        ({"ts_ms": "99999999999999"}, "stale_snapshot"),
        ({"ts_ms": "nan"}, "no_snapshot"),
    ],
)
def test_what_is_no_snapshot_for_a_verdict_is_none_for_an_adoption(
    gate: Gate, fields: dict[str, str], refusal: str
) -> None:
    gate.put_position()
    gate.redis.hset(gate.keys.snapshot(SYMBOL), mapping=fields)
    before = gate.dump()
    assert adopt(gate).refusal == refusal
    assert gate.dump() == before


def test_adopting_is_refused_without_a_snapshot(gate: Gate) -> None:
    assert adopt(gate).refusal == "no_snapshot"


def test_adopting_is_refused_while_a_plan_holds_the_symbol(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    assert adopt(gate, replace=True) == Adoption(adopted=False, refusal="reserved", found="plan-1")


@pytest.mark.parametrize("order_time", ["earlier", "now", "future", "nan"])
def test_adopting_is_refused_within_the_cooldown(gate: Gate, order_time: str) -> None:
    gate.put_position()
    ago_ms = {"earlier": 14_000, "now": 0, "future": -3_600_000}.get(order_time)
    stored = order_time if ago_ms is None else gate.now_ms() - ago_ms
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", stored)
    assert adopt(gate).refusal == "cooldown"


def test_a_position_that_moved_since_it_was_shown_is_not_adopted(gate: Gate) -> None:
    gate.put_position("0.5")
    assert adopt(gate, shown_amt="0.4") == Adoption(adopted=False, refusal="position_changed", found="0.5")
    assert adopt(gate, shown_amt="0.5").adopted


def test_a_hold_denies_says_what_ends_it_and_ends_by_clearing(gate: Gate) -> None:
    gate.make_ready()
    assert gate.operator.set_hold(SYMBOL, why="odd fills", by="somebody")
    assert not gate.operator.set_hold(SYMBOL, why="again", by="somebody else")
    assert exact_json.loads_object(gate.redis.get(gate.keys.hold(SYMBOL)) or "")["why"] == "odd fills"
    assert gate.redis.ttl(gate.keys.hold(SYMBOL)) == -1
    assert gate.why_not("p-1") == "reconcile_hold_active"
    assert gate.operator.clear_hold(SYMBOL, by="somebody")
    assert not gate.operator.clear_hold(SYMBOL, by="somebody")
    assert gate.why_not("p-2") == "allow"
    assert gate.events() == ["hold_set", "hold_clear"]


@pytest.mark.parametrize("kind", ["string", "hash", "list"])
def test_any_value_under_the_hold_key_holds(gate: Gate, kind: str) -> None:
    gate.make_ready()
    key = gate.keys.hold(SYMBOL)
    {
        "string": lambda: gate.redis.set(key, ""),
        "hash": lambda: gate.redis.hset(key, "x", "1"),
        "list": lambda: gate.redis.rpush(key, "x"),
    }[kind]()
    assert gate.why_not("p-1") == "reconcile_hold_active"
    assert gate.operator.clear_hold(SYMBOL, by="somebody")
