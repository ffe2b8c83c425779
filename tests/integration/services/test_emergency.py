"""An emergency close from its stream entry to its consumption, on a real Redis (CONTRACT section 11)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.emergency import OVER_HOLD, emergency_hmac, signed_text
from p33_tasks.contract.keys import GROUP
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Allow, Leg, Plan, Verdict
from p33_tasks.errors import SnapshotAwaitedError
from p33_tasks.ports import Claim, PlanName, StreamEntry
from p33_tasks.services.replay import Finding
from p33_tasks.services.replay import replay as replay_one
from p33_tasks.store.audit import written
from p33_tasks.store.records import UnreadableRecord, read_record
from tests.support.gate import CONSUMER, SYMBOL, Gate, race
from tests.support.redis_server import RedisServer

KEY = "a-key-for-emergencies-of-32-chars"


@pytest.fixture
def gate(server: RedisServer) -> Gate:
    """A position whose ledger is far off, which the service holds."""
    gate = Gate(server, emergency_key=KEY)
    gate.put_market()
    gate.put_ledger("0.010")
    gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="e", evidence={})
    return gate


def add(gate: Gate, plan_id: str = "e-1", *, over_hold: bool = False, **changes: Any) -> StreamEntry:
    """A signed close on its stream, asked for a moment ago; ``changes`` come after the signing."""
    issued_ms = changes.pop("signed_ms", gate.now_ms() - 50)
    leg = Leg(changes.pop("leg", "BOTH"))
    plan = Plan(
        plan_id=plan_id, symbol=SYMBOL, action="CLOSE_FULL", close_factor=None, position_side=leg, issued_ms=issued_ms
    )
    now = changes.pop("signed_now", "0")
    text = signed_text(plan, prefix=changes.pop("signed_prefix", "quantum"), passes_cooldown=now == "1")
    fields = {
        "plan_id": plan_id,
        "symbol": SYMBOL,
        "decision": "RECONCILE_CLOSE",
        "action": "CLOSE_FULL",
        "positionSide": str(leg),
        "issued_ms": str(issued_ms),
        "now": now,
        "hmac": emergency_hmac(text, KEY),
        "why": "ticket 4711",
        "by": "desk@host",
        **({"hold_hmac": emergency_hmac(f"{text}\n{OVER_HOLD}", KEY)} if over_hold else {}),
        **changes,
    }
    entry_id = gate.redis.xadd(gate.keys.plans, fields)
    gate.redis.xreadgroup(GROUP, CONSUMER, {gate.keys.plans: ">"})
    return StreamEntry(stream=gate.keys.plans, entry_id=str(entry_id))


def judge(gate: Gate, entry: StreamEntry, plan_id: str = "e-1") -> Verdict | None:
    return gate.permits.judge_entry(PlanName(plan_id=plan_id, symbol=SYMBOL), entry)


def close(gate: Gate, plan_id: str = "e-1", **changes: Any) -> str:
    """The verdict on a close of which the snapshot was requested afterwards."""
    entry = add(gate, plan_id, **changes)
    gate.put_position("0.040")
    judge(gate, entry, plan_id)
    return gate.reason(plan_id)


def assert_replays(gate: Gate) -> None:
    for entry_id, fields in gate.redis.xrange(gate.keys.decisions):
        record = read_record(entry_id, fields)
        assert not isinstance(record, UnreadableRecord), record
        assert replay_one(record, written).finding is Finding.SAME


def test_a_position_in_drift_and_on_hold_is_closed(gate: Gate) -> None:
    assert close(gate) == "allow"
    permit = gate.permit("e-1")
    assert permit is not None
    assert permit["emergency"] is True
    assert permit["safe_close_qty"] == Decimal("0.04")
    assert permit["ledger_position_amt"] == Decimal("0.01")
    assert gate.reserved_by() == "e-1"
    assert gate.pending(gate.keys.plans) == 0
    assert gate.consume("e-1").safe_close_qty == Decimal("0.04")
    assert_replays(gate)


def test_it_is_told_in_a_trail_of_its_own(gate: Gate) -> None:
    close(gate)
    told = gate.redis.xrange(gate.keys.audit)[-1][1]
    assert (told["event"], told["plan_id"], told["by"], told["why"]) == (
        "emergency_close",
        "e-1",
        "desk@host",
        "ticket 4711",
    )
    event = gate.redis.xrange(gate.keys.reconcile_events)[-1][1]
    assert (event["event"], event["position"], event["verdict"]) == ("emergency", SYMBOL, "allow")
    assert gate.count(f"p33_emergency_close_total|{SYMBOL}|allow") == 1


def test_without_any_ledger_too(gate: Gate) -> None:
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    assert close(gate) == "allow"
    assert (gate.permit("e-1") or {})["ledger_position_amt"] is None
    assert gate.consume("e-1").safe_close_qty == Decimal("0.04")
    assert_replays(gate)


def test_a_ledger_that_is_no_ledger_still_stops_it(gate: Gate) -> None:
    """When the last order was can't be read."""
    entry = add(gate)
    gate.put_position("0.040")
    gate.redis.delete(gate.keys.ledger(SYMBOL))
    gate.redis.set(gate.keys.ledger(SYMBOL), "?")
    judge(gate, entry)
    assert gate.reason("e-1") == "reconcile_required_missing_ledger"


def test_an_ordinary_plan_is_denied_as_ever(gate: Gate) -> None:
    gate.put_position("0.040")
    assert gate.why_not() == "reconcile_hold_active"
    assert "emergency" not in (gate.decision() or {})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"hmac": "0" * 64}, id="forged"),
        pytest.param({"now": "1"}, id="now added"),
        pytest.param({"positionSide": "LONG"}, id="side changed"),
        pytest.param({"action": "CLOSE_PARTIAL_50"}, id="action changed"),
        pytest.param({"signed_prefix": "other"}, id="another account's"),
    ],
)
def test_what_is_not_proven_is_denied(gate: Gate, change: dict[str, str]) -> None:
    assert close(gate, **change) == "invalid_plan"
    assert gate.reserved_by() is None
    assert gate.redis.xlen(gate.keys.reconcile_events) == 0
    assert_replays(gate)


@pytest.mark.parametrize("age_ms", [60_500, -3_000])
def test_a_proof_is_good_for_a_minute_whatever_the_entrys_id_says(gate: Gate, age_ms: int) -> None:
    assert close(gate, signed_ms=gate.now_ms() - age_ms) == "invalid_plan"
    assert_replays(gate)


def test_without_a_key_it_is_denied_and_not_silent(server: RedisServer) -> None:
    gate = Gate(server)
    assert close(gate) == "invalid_plan"
    assert "P33_RECONCILE_KEY" in str((gate.decision("e-1") or {})["details"]["problem"])


def test_an_operators_hold_stops_it_without_a_persons_word(gate: Gate) -> None:
    gate.operator.set_hold(SYMBOL, why="stop", by="desk")
    assert close(gate) == "reconcile_hold_active"
    assert close(gate, "e-2", hold_hmac="0" * 64) == "invalid_plan"
    assert close(gate, "e-3", over_hold=True) == "allow"
    assert gate.consume("e-3").safe_close_qty == Decimal("0.04")
    assert_replays(gate)


def test_an_operators_hold_that_came_later_stops_its_consumption(gate: Gate) -> None:
    close(gate)
    gate.operator.set_hold(SYMBOL, why="stop", by="desk")
    assert gate.refusal("e-1")[1] == "reconcile_hold_active"


def test_the_cooldown_is_kept_unless_now(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - 2_000)
    assert close(gate) == "cooldown_in_flight"
    assert close(gate, "e-2", signed_now="1") == "allow"
    assert_replays(gate)


def test_now_does_not_pass_a_snapshot_from_before_the_last_order(gate: Gate) -> None:
    entry = add(gate, signed_now="1")
    gate.put_position("0.040")
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() + 1)
    judge(gate, entry)
    assert gate.reason("e-1") == "stale_exchange_state"


def test_the_barrier_and_the_reservation_stay(gate: Gate) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "barrier_ms", gate.now_ms() + 1_000)
    assert close(gate) == "stale_exchange_state"
    gate.redis.hdel(gate.keys.ledger(SYMBOL), "barrier_ms")
    assert close(gate, "e-2") == "allow"
    assert close(gate, "e-3") == "permit_in_flight"


def test_of_two_at_once_one_is_allowed(gate: Gate) -> None:
    entries = {name: add(gate, name) for name in ("e-1", "e-2", "e-3", "e-4")}
    gate.put_position("0.040")
    race(4, lambda at: judge(gate, entries[f"e-{at + 1}"], f"e-{at + 1}"))
    assert sorted(gate.reason(name) for name in entries) == ["allow", *["permit_in_flight"] * 3]


def test_submitted_twice_it_is_closed_once(gate: Gate) -> None:
    first = add(gate, signed_ms=(at := gate.now_ms() - 50))
    second = add(gate, signed_ms=at)
    gate.put_position("0.040")
    assert isinstance(judge(gate, first), Allow)
    gate.consume("e-1")
    assert judge(gate, second) is None
    assert gate.permit("e-1") is None
    assert gate.pending(gate.keys.plans) == 0


def test_a_worker_that_dies_in_between_leaves_it_to_the_next(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = add(gate)
    gate.put_position("0.040")
    with monkeypatch.context() as patch:
        patch.setattr(gate.verdicts, "commit", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            judge(gate, entry)
    assert gate.pending(gate.keys.plans) == 1
    assert isinstance(judge(gate, entry), Allow)


def test_it_waits_for_a_snapshot_that_was_requested_for_it(gate: Gate) -> None:
    gate.put_position("0.040")
    entry = add(gate, signed_ms=gate.now_ms())
    with pytest.raises(SnapshotAwaitedError):
        judge(gate, entry)
    assert gate.decision("e-1") is None
    assert gate.pending(gate.keys.plans) == 1
    gate.until_after(gate.now_ms())
    gate.put_position("0.030")
    verdict = judge(gate, entry)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.03")


def test_it_does_not_wait_for_ever(gate: Gate) -> None:
    entry = add(gate, signed_ms=gate.now_ms() - 10_001)
    gate.put_position("0.040", age_ms=10_500)
    judge(gate, entry)
    assert gate.reason("e-1") == "stale_exchange_state"
    assert_replays(gate)


def test_it_does_not_wait_where_waiting_is_no_use(gate: Gate) -> None:
    gate.operator.set_hold(SYMBOL, why="stop", by="desk")
    judge(gate, add(gate))
    assert gate.reason("e-1") == "reconcile_hold_active"


def test_the_exchange_is_asked_once_more_in_a_tick(gate: Gate) -> None:
    claim = gate.snapshots.claim_refresh("s")
    assert claim.claim is Claim.MINE
    gate.snapshots.finish_refresh(claim)
    gate.redis.hincrby(gate.keys.refresh, "started_ms", -1_500)
    assert gate.snapshots.claim_refresh("s").claim is Claim.DONE
    with pytest.raises(SnapshotAwaitedError):
        judge(gate, add(gate, signed_ms=gate.now_ms()))
    assert gate.snapshots.claim_refresh("s").claim is Claim.MINE
    gate.redis.hset(gate.keys.refresh, "lease_until_ms", 0)
    assert gate.snapshots.claim_refresh("s").claim is Claim.DONE, "one request serves what was asked before it"


def test_requests_that_are_asked_for_stay_a_second_apart(gate: Gate) -> None:
    gate.snapshots.finish_refresh(gate.snapshots.claim_refresh("s"))
    gate.verdicts.ask_refresh(gate.now_ms())
    assert gate.snapshots.claim_refresh("s").claim is Claim.DONE


def test_one_leg_of_two(server: RedisServer) -> None:
    gate = Gate(server, emergency_key=KEY)
    gate.put_market()
    entry = add(gate, leg="SHORT")
    without = add(gate, "e-2")
    gate.put_legs("0.040", "-0.020")
    judge(gate, entry)
    judge(gate, without, "e-2")
    permit = gate.permit("e-1")
    assert permit is not None
    assert (permit["position_side"], permit["order_side"], permit["safe_close_qty"]) == (
        "SHORT",
        "BUY",
        Decimal("0.02"),
    )
    assert gate.reason("e-2") == "position_side_required"
    assert gate.consume("e-1").position_side == "SHORT"
    assert_replays(gate)


# --- an older plan's outcome turns out to be unknown ----------------------------------------------------------------


@pytest.fixture
def older(server: RedisServer) -> tuple[Gate, str]:
    """A plan was consumed, its reservation has ended, and nobody has told what became of it; its consume_id."""
    gate = Gate(server, emergency_key=KEY).make_ready()
    gate.allow()
    taken = gate.consume()
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.end_cooldown()
    return gate, taken.consume_id


def test_an_older_plans_late_unknown_withdraws_the_permit_and_the_next_close_passes(older: tuple[Gate, str]) -> None:
    """The person who signed didn't know of it; the one who signs again does."""
    gate, consume_id = older
    assert close(gate) == "allow"
    gate.report("plan-1", executed=False, unknown=True, consume_id=consume_id)
    assert gate.permit("e-1") is None
    assert gate.reserved_by() is None
    assert gate.refusal("e-1")[0] == "missing_or_denied_p33_permit"
    gate.until_after(gate.now_ms())
    assert close(gate, "e-2") == "allow"
    gate.report("plan-1", executed=False, unknown=True, consume_id=consume_id)
    assert gate.consume("e-2").safe_close_qty == Decimal("0.04"), "what was known already withdraws nothing"
    assert_replays(gate)


def test_a_consumed_emergency_close_stays(older: tuple[Gate, str]) -> None:
    gate, consume_id = older
    close(gate)
    gate.consume("e-1")
    gate.report("plan-1", executed=False, unknown=True, consume_id=consume_id)
    assert gate.reserved_by() == "e-1"
