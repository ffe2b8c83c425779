"""Issuing a verdict: one atomic step that looks at every fact again (CONTRACT section 6, failures 22, 23, 27; C, F)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Plan
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import CommitStatus, StreamEntry
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate

DAY_MS = 86_400_000


def commit(gate: Gate, plan: Plan, facts: Facts | None, entry: StreamEntry | None, **changes: Any) -> CommitStatus:
    verdict = changes.get("verdict") or evaluate(plan, facts, gate.policy)  # type: ignore[arg-type]  # denies need none
    return gate.verdicts.commit(
        plan=plan,
        verdict=verdict,
        facts=facts,
        policy=changes.get("policy", gate.policy),
        entry=entry,
        evaluation_us=120,
    )


# --- what is written ------------------------------------------------------------------------------------------------


def test_an_allow_writes_permit_tombstone_reservation_audit_and_counters_and_acknowledges(gate: Gate) -> None:
    gate.make_ready()
    before_ms = gate.now_ms()
    assert isinstance(gate.judge(), Allow)
    permit = gate.permit()
    assert permit is not None
    ts_ms = permit.pop("ts_ms")
    assert before_ms <= ts_ms <= gate.now_ms()
    assert Decimal(0) <= permit.pop("snapshot_age_sec") < 1
    assert permit == {
        "plan_id": "plan-1",
        "symbol": SYMBOL,
        "allow": True,
        "safe_close_qty": Decimal("0.03"),
        "exchange_position_amt": Decimal("0.04"),
        "ledger_position_amt": Decimal("0.04"),
        "ts_epoch": ts_ms // 1000,
        "expires_ms": ts_ms + 60_000,
        "order_side": "SELL",
        "position_side": "BOTH",
        "run_id": gate.run_id,
        "life": gate.life,
        "source": SOURCE,
        "stale_threshold_sec": 10,
        "read_lag_sec": 2,
    }
    assert gate.redis.get(gate.keys.decision("plan-1")) == gate.redis.get(gate.keys.permit("plan-1"))
    assert gate.reserved_by() == "plan-1"
    assert gate.pending(gate.keys.plans) == 0
    (entry,) = gate.audit()
    assert (entry["plan_id"], entry["symbol"], entry["allow"], entry["reason"]) == ("plan-1", SYMBOL, "true", "")
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1
    assert gate.count("p33_evaluation_duration_seconds|sum") >= 0


def test_quantities_in_a_permit_are_exact_decimal_literals(gate: Gate) -> None:
    gate.make_ready("0.036")
    gate.judge(action="PARTIAL_75")
    text = gate.redis.get(gate.keys.permit("plan-1"))
    assert text is not None
    assert '"safe_close_qty":0.027,' in text
    assert '"exchange_position_amt":0.036,' in text


def test_a_deny_is_a_permit_that_says_no_and_reserves_nothing(gate: Gate) -> None:
    assert isinstance(gate.judge(), Deny)
    permit = gate.permit()
    assert permit is not None
    assert permit["plan_id"] == "plan-1"
    assert permit["symbol"] == SYMBOL
    assert permit["allow"] is False
    assert permit["reason"] == "no_exchange_snapshot"
    assert isinstance(permit["details"], dict)
    assert permit["ts_epoch"] == permit["ts_ms"] // 1000
    assert gate.reserved_by() is None
    assert gate.count(f"p33_permit_total|{SYMBOL}|deny") == 1
    assert gate.count(f"p33_denial_total|{SYMBOL}|no_exchange_snapshot") == 1


@pytest.mark.parametrize("ready", [True, False], ids=["allow", "deny"])
def test_times_to_live_are_those_of_the_contract(server: Any, *, ready: bool) -> None:
    gate = Gate(server, permit_ttl_ms=30_000, cooldown_ms=7_000)
    if ready:
        gate.make_ready()
    gate.judge()
    assert 29_000 < gate.redis.pttl(gate.keys.permit("plan-1")) <= 30_000
    assert DAY_MS - 1_000 < gate.redis.pttl(gate.keys.decision("plan-1")) <= DAY_MS
    reserved_ms = gate.redis.pttl(gate.keys.reservation(SYMBOL))
    assert reserved_ms == -2 or ready
    assert not ready or 36_000 < reserved_ms <= 37_000


def test_strangers_symbols_share_one_label(gate: Gate) -> None:
    gate.judge("p-1", symbol="NOSUCH1")
    gate.judge("p-2", symbol="NOSUCH2")
    assert gate.count("p33_denial_total|_other|symbol_not_allowed") == 2
    assert not [name for name in gate.redis.hkeys(gate.keys.counters) if "NOSUCH" in name]


def test_latency_is_counted_from_the_entry_to_the_permit(gate: Gate) -> None:
    gate.judge(issued_ms=gate.now_ms() - 700)
    assert gate.count("p33_permit_latency_seconds|bucket|1200") == 1
    assert 700 <= gate.count("p33_permit_latency_seconds|sum") < 1200


# --- the first verdict stands ---------------------------------------------------------------------------------------


def test_a_plan_seen_again_changes_nothing_and_is_acknowledged(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    before = gate.dump()
    plan, entry = gate.publish()
    assert gate.permits.judge(plan, entry) is None
    assert gate.pending(gate.keys.plans) == 0
    after = gate.dump()
    del before[gate.keys.plans], after[gate.keys.plans]
    assert after == before


def test_two_workers_judge_one_entry_and_the_second_commit_finds_the_first(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert commit(gate, plan, facts, entry) is CommitStatus.COMMITTED
    assert commit(gate, plan, facts, entry) is CommitStatus.EXISTS
    assert len(gate.audit()) == 1
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1


def test_of_a_decided_plan_no_facts_are_read(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    assert gate.verdicts.load(gate.plan()) is None


def test_an_entry_whose_plan_was_decided_meanwhile_is_acknowledged_by_the_commit(gate: Gate) -> None:
    """Nothing else would: the plan's second entry would be judged again and again."""
    gate.make_ready()
    plan, first = gate.publish()
    again, second = gate.publish()
    facts = gate.verdicts.load(plan)
    assert commit(gate, plan, facts, first) is CommitStatus.COMMITTED
    assert commit(gate, again, facts, second) is CommitStatus.EXISTS
    assert gate.pending(gate.keys.plans) == 0


@pytest.mark.parametrize("end", ["consumed", "expired"])
def test_a_permit_that_is_gone_is_never_minted_again(gate: Gate, end: str) -> None:
    """Failure 23."""
    gate.make_ready()
    gate.allow()
    if end == "consumed":
        gate.consume()
    gate.redis.delete(gate.keys.permit("plan-1"), gate.keys.reservation(SYMBOL))
    assert gate.judge() is None
    assert gate.permit() is None
    assert gate.reserved_by() is None


def test_a_plan_id_used_for_another_symbol_keeps_its_first_verdict(gate: Gate) -> None:
    """F."""
    gate.make_ready()
    gate.make_ready("-1", symbol=OTHER)
    gate.allow()
    assert gate.judge(symbol=OTHER) is None
    assert gate.permit() == gate.decision()
    assert (gate.permit() or {})["symbol"] == SYMBOL
    assert gate.reserved_by(OTHER) is None


def test_a_denied_plan_stays_denied_when_the_cause_is_gone(gate: Gate) -> None:
    assert gate.why_not() == "no_exchange_snapshot"
    gate.make_ready()
    assert gate.judge() is None
    assert gate.reason() == "no_exchange_snapshot"


def test_one_outstanding_allow_per_symbol_and_each_symbol_for_itself(gate: Gate) -> None:
    """Failure 22."""
    gate.make_ready()
    gate.make_ready("-2", symbol=OTHER)
    gate.allow("p-1")
    assert gate.why_not("p-2") == "permit_in_flight"
    assert (gate.decision("p-2") or {})["details"]["in_flight_plan_id"] == "p-1"
    assert gate.allow("p-3", symbol=OTHER)["order_side"] == "BUY"


def test_a_reservation_of_any_type_holds_the_symbol_and_is_named(gate: Gate) -> None:
    gate.make_ready()
    gate.redis.rpush(gate.keys.reservation(SYMBOL), "x")
    assert gate.why_not() == "permit_in_flight"
    assert (gate.decision() or {})["details"] == {"in_flight_plan_id": "(a list)"}


# --- facts that move between evaluation and commit ------------------------------------------------------------------

MOVES: dict[str, Callable[[Gate], object]] = {
    "a hold is set": lambda g: g.redis.set(g.keys.hold(SYMBOL), ""),
    "a service hold is set": lambda g: g.redis.set(g.keys.service_hold(SYMBOL), ""),
    "a hold of any type is set": lambda g: g.redis.rpush(g.keys.hold(SYMBOL), "x"),
    "another plan takes the symbol": lambda g: g.redis.set(g.keys.reservation(SYMBOL), "other"),
    "the position changed": lambda g: g.put_position("0.039"),
    "another position under the same time": lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "position_amt", "0.0399"),
    "a newer snapshot of the same position": lambda g: (g.until_after(g.now_ms()), g.put_position()),
    "the snapshot is gone": lambda g: g.redis.delete(g.keys.snapshot(SYMBOL)),
    "the snapshot became a list": lambda g: (g.redis.delete(k := g.keys.snapshot(SYMBOL)), g.redis.rpush(k, "x")),
    "another venue's snapshot": lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "source", "sim"),
    "another run's snapshot": lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "run_id", "b" * 40),
    "hedge mode": lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "position_mode", "hedge"),
    "an unreadable snapshot time": lambda g: g.redis.hset(g.keys.snapshot(SYMBOL), "ts_ms", "nan"),
    "a fill": lambda g: g.report("stranger", ("1", "SELL", "0.001")),
    "an order that filled nothing": lambda g: g.report("stranger", ("1", "SELL", "0")),
    "an order that began longer ago than the cooldown": lambda g: g.redis.hset(
        g.keys.ledger(SYMBOL), "last_order_time_ms", str(g.now_ms() - 3_600_000)
    ),
    "another ledger without an order": lambda g: g.put_ledger("0.0399"),
    "an unreadable order time": lambda g: g.redis.hset(g.keys.ledger(SYMBOL), "last_order_time_ms", "nan"),
    "the ledger is gone": lambda g: g.redis.delete(g.keys.ledger(SYMBOL)),
}


@pytest.mark.parametrize("move", MOVES)
def test_an_allow_whose_facts_moved_is_not_written(gate: Gate, move: str) -> None:
    """C, and every other fact an allow rests on."""
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    MOVES[move](gate)
    before = gate.dump()
    assert commit(gate, plan, facts, entry) is CommitStatus.MOVED
    assert gate.dump() == before


@pytest.mark.parametrize("limit", ["stale_threshold_ms", "plan_max_age_ms", "permit_ttl_ms"])
def test_an_allow_that_was_evaluated_too_long_ago_is_not_written(gate: Gate, limit: str) -> None:
    """C: a worker sleeps between evaluation and commit; snapshot, plan and permit age meanwhile."""
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    asleep = gate.now_ms() + 30
    gate.until_after(asleep)
    before = gate.dump()
    policy = replace(gate.policy, **{limit: 20})
    assert commit(gate, plan, facts, entry, verdict=verdict, policy=policy) is CommitStatus.MOVED
    assert gate.dump() == before


def test_a_snapshot_of_the_future_carries_no_allow(gate: Gate) -> None:
    """The clock stepped back between evaluation and commit: nobody knows any more how old the snapshot is."""
    gate.make_ready()
    gate.put_position(age_ms=-30_000)
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    before = gate.dump()
    assert commit(gate, plan, replace(facts, now_ms=facts.now_ms + 30_000), entry) is CommitStatus.MOVED
    assert gate.dump() == before


def test_an_allow_from_another_life_of_redis_is_not_written(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    # The snapshot is of that life too, and came back with the file.
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "run_id", "b" * 40)
    assert commit(gate, plan, replace(facts, run_id="b" * 40), entry, verdict=verdict) is CommitStatus.MOVED


def test_a_deny_rests_on_nothing_that_moves(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    gate.redis.set(gate.keys.reservation(SYMBOL), "other")
    verdict = Deny(reason=Reason.CONTENTION)
    assert commit(gate, plan, None, entry, verdict=verdict) is CommitStatus.COMMITTED
    assert gate.reason() == "contention"
    assert gate.reserved_by() == "other"


# --- never half of it -----------------------------------------------------------------------------------------------


def test_a_foreign_value_in_a_counter_does_not_leave_half_a_verdict(gate: Gate) -> None:
    """D, with a value instead of a type: HINCRBY fails in the middle of a script."""
    gate.make_ready()
    gate.redis.hset(gate.keys.counters, f"p33_permit_total|{SYMBOL}|allow", "many")
    gate.redis.hset(gate.keys.counters, "p33_evaluation_duration_seconds|sum", "1e3")
    gate.allow()
    assert gate.count(f"p33_permit_total|{SYMBOL}|allow") == 1
    assert gate.pending(gate.keys.plans) == 0


def test_a_decision_stream_that_takes_no_more_entries_leaves_no_permit(gate: Gate) -> None:
    """An allow without its audit entry must not exist."""
    gate.make_ready()
    last = 2**64 - 1
    gate.redis.xadd(gate.keys.decisions, {"x": "1"}, id=f"{last}-{last}")
    plan, entry = gate.publish()
    before = gate.dump()
    with pytest.raises(Exception, match="Redis refused"):
        gate.permits.judge(plan, entry)
    assert gate.dump() == before


def test_redis_without_memory_refuses_the_whole_verdict(gate: Gate) -> None:
    gate.make_ready()
    plan, entry = gate.publish()
    before = gate.dump()
    gate.redis.config_set("maxmemory", 1)
    with pytest.raises(Exception, match="can't write now"):
        gate.permits.judge(plan, entry)
    gate.redis.config_set("maxmemory", 0)
    assert gate.dump() == before
    assert gate.permits.judge(plan, entry) is not None


def test_a_forged_permit_laid_in_advance_gives_way_to_the_verdict(gate: Gate) -> None:
    """Failure 26."""
    gate.redis.hset(gate.keys.permit("plan-1"), mapping={"allow": "true"})
    assert gate.why_not() == "no_exchange_snapshot"
    assert (gate.permit() or {})["allow"] is False
