"""Judging what a message on the broker names: the stream has the last word (CONTRACT section 7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.keys import GROUP
from p33_tasks.domain.models import Allow, Deny, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import EntryMismatchError, ForeignKeyTypeError
from p33_tasks.ports import PlanName, StreamEntry
from tests.support.gate import CONSUMER, OTHER, SYMBOL, Gate

HOUR_MS = 3_600_000


def add(gate: Gate, plan_id: str = "plan-1", *, entry_id: str = "*", read: bool = True, **changes: Any) -> StreamEntry:
    """A plan on its stream; read by a worker, unless it says otherwise."""
    fields = {"plan_id": plan_id, "symbol": SYMBOL, "action": "CLOSE_PARTIAL_75", "decision": "EXECUTE", **changes}
    found = gate.redis.xadd(gate.keys.plans, {k: v for k, v in fields.items() if v is not None}, id=entry_id)
    if read:
        gate.redis.xreadgroup(GROUP, CONSUMER, {gate.keys.plans: ">"})
    return StreamEntry(stream=gate.keys.plans, entry_id=found)


def judge(gate: Gate, entry: StreamEntry, plan_id: str = "plan-1", symbol: str = SYMBOL) -> Verdict | None:
    return gate.permits.judge_entry(PlanName(plan_id=plan_id, symbol=symbol), entry)


def reason(verdict: Verdict | None) -> Reason:
    assert isinstance(verdict, Deny), verdict
    return verdict.reason


def test_the_verdict_is_on_what_the_stream_holds(gate: Gate) -> None:
    gate.make_ready()
    entry = add(gate, action="CLOSE_PARTIAL_50")
    verdict = judge(gate, entry)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.02")
    assert gate.pending(gate.keys.plans) == 0
    assert judge(gate, entry) is None, "the first verdict stands"


@pytest.mark.parametrize("name", [{"plan_id": "plan-2"}, {"symbol": OTHER}])
def test_a_message_that_names_another_plan_is_refused_and_the_entry_stays_pending(
    gate: Gate, name: dict[str, str]
) -> None:
    gate.make_ready()
    entry = add(gate)
    before = gate.dump()
    with pytest.raises(EntryMismatchError, match="the entry holds plan 'plan-1' of 'BTCUSDT'"):
        judge(gate, entry, **name)
    assert gate.dump() == before
    assert gate.pending(gate.keys.plans) == 1


def test_a_message_that_names_a_decided_plan_acknowledges_nobody_elses_entry(gate: Gate) -> None:
    """Else whoever can write to the broker takes plans off without a verdict."""
    gate.make_ready()
    judge(gate, add(gate, "decided"), "decided")
    entry = add(gate, "waiting")
    with pytest.raises(EntryMismatchError):
        judge(gate, entry, "decided")
    assert gate.pending(gate.keys.plans) == 1


@pytest.mark.parametrize("decision", ["HOLD", "BLOCKED", ""])
def test_an_entry_that_is_not_to_be_executed_is_refused(gate: Gate, decision: str) -> None:
    gate.make_ready()
    entry = add(gate, decision=decision)
    with pytest.raises(EntryMismatchError, match="EXECUTE"):
        judge(gate, entry)
    assert gate.decision() is None


@pytest.mark.parametrize("change", [{"plan_id": ""}, {"symbol": None}])
def test_an_entry_that_is_no_plan_is_refused(gate: Gate, change: dict[str, Any]) -> None:
    """The ingest makes it a dead letter; a second one would be a forger's to cause."""
    entry = add(gate, **change)
    with pytest.raises(EntryMismatchError, match="no plan"):
        judge(gate, entry)
    assert gate.dead() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [({"note": "x" * 70_000}, "too large"), ({"decision": None}, "decision is missing"), ({"steps": "{"}, "steps")],
)
def test_an_entry_that_can_not_be_judged_is_denied_as_the_ingest_does(
    gate: Gate, change: dict[str, Any], problem: str
) -> None:
    gate.make_ready()
    verdict = judge(gate, add(gate, **change))
    assert reason(verdict) is Reason.INVALID_PLAN
    assert isinstance(verdict, Deny)
    assert problem in str(verdict.details["problem"])


def test_a_plan_whose_entry_was_trimmed_is_denied(gate: Gate) -> None:
    gate.make_ready()
    entry = add(gate)
    gate.redis.xtrim(gate.keys.plans, maxlen=0, approximate=False)
    verdict = judge(gate, entry)
    assert reason(verdict) is Reason.INVALID_PLAN
    assert gate.pending(gate.keys.plans) == 0
    assert "the entry was trimmed" in str((gate.decision() or {})["details"]["problem"])


@pytest.mark.parametrize("entry_id", ["1-0", "1771305126000-5", "18446744073709551615-18446744073709551615"])
def test_an_entry_that_never_was_causes_no_verdict(gate: Gate, entry_id: str) -> None:
    gate.make_ready()
    with pytest.raises(EntryMismatchError, match="neither in the stream nor pending"):
        judge(gate, StreamEntry(stream=gate.keys.plans, entry_id=entry_id))
    assert gate.decision() is None


def test_an_entry_that_nobody_read_yet_is_judged_for_what_it_is(gate: Gate) -> None:
    """The stream holds the plan: a message that is early changes nothing."""
    gate.make_ready()
    entry = add(gate, read=False)
    assert isinstance(judge(gate, entry), Allow)


def test_an_entry_from_the_future_grows_old_from_its_first_reading(gate: Gate) -> None:
    """A stream whose last id is an hour ahead: by its id, a plan would never expire."""
    gate.make_ready()
    entry = add(gate, entry_id=f"{gate.now_ms() + HOUR_MS}-0")
    name = PlanName(plan_id="plan-1", symbol=SYMBOL)
    first = gate.verdicts.load_entry(name, entry)
    assert abs(gate.now_ms() - first.time_ms) < 10_000
    assert gate.verdicts.load_entry(name, entry).time_ms == first.time_ms
    assert gate.count("p33_entry_ahead_total|plan") == 1

    seen_ms = gate.now_ms() - gate.policy.plan_max_age_ms - 1
    gate.redis.hset(gate.keys.first_seen, entry.entry_id, seen_ms)
    assert reason(judge(gate, entry)) is Reason.PLAN_EXPIRED
    assert gate.redis.hlen(gate.keys.first_seen) == 0, "it ends with the verdict"


def test_an_entry_id_a_moment_ahead_counts_by_itself(gate: Gate) -> None:
    entry_ms = gate.now_ms() + 700
    entry = add(gate, entry_id=f"{entry_ms}-0")
    assert gate.verdicts.load_entry(PlanName(plan_id="plan-1", symbol=SYMBOL), entry).time_ms == entry_ms
    assert gate.redis.exists(gate.keys.first_seen) == 0


def test_a_foreign_type_in_the_decisions_place_is_no_verdict_yet(gate: Gate) -> None:
    gate.make_ready()
    entry = add(gate)
    gate.redis.sadd(gate.keys.decision("plan-1"), "foreign")
    with pytest.raises(ForeignKeyTypeError):
        judge(gate, entry)
    assert gate.pending(gate.keys.plans) == 1
