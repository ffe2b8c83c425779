"""A value of another type under any key of ours, in front of every script: all of the act, or nothing of it (D)."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from importlib import resources

import pytest

from p33_tasks.abilities import RestingReport
from p33_tasks.contract.entries import copy_of
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.executions import Breach, OrderRecord
from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.late_breaches import LateBreach
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reconciliation import Account, Known, Share, TradeClass, Watermark
from p33_tasks.errors import P33Error
from p33_tasks.ports import HoldRequest, MarketsLoaded, Note, PlanName, PositionState, RestingClaim
from p33_tasks.store.connection import connect
from p33_tasks.store.entries import RedisEntries
from p33_tasks.store.lua_header import Named
from p33_tasks.store.lua_source import PRELUDE
from p33_tasks.store.notifications import RedisNotifications
from p33_tasks.store.operator import Retry
from p33_tasks.store.reconciliation import RedisReconcileStore
from p33_tasks.store.resting import RedisRestingStore
from p33_tasks.store.scripts import NO_ARGS, Scripts
from tests.support.gate import LONG, SOURCE, SYMBOL, Gate

Act = Callable[[], object]

ENGINE = {"claim_entries", "read_entries", "lease_consumer", "release_consumer", "remove_consumer", "set_aside"}
"""Tested with the engine."""


# Each brings a gate into the state in which its script writes as much as it ever does, and returns the act.


def commit_verdict(gate: Gate) -> Act:
    gate.make_ready()
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    return lambda: gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )


def load_facts(gate: Gate) -> Act:
    gate.make_ready()
    return lambda: gate.verdicts.load(gate.plan())


def load_entry(gate: Gate) -> Act:
    gate.make_ready()
    plan, entry = gate.publish()
    return lambda: gate.verdicts.load_entry(PlanName(plan_id=plan.plan_id, symbol=plan.symbol), entry)


def load_result(gate: Gate) -> Act:
    entry = gate.publish_result()
    gate.redis.set(gate.keys.entry_copy(entry.entry_id), copy_of(["plan_id", "plan-1"]))
    return lambda: RedisEntries(connect(gate.url), gate.keys).find_result(entry)


def record_result(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    gate.consume()
    entry = gate.publish_result()
    return lambda: gate.report("plan-1", ("7", "SELL", "0.030"), entry=entry)


def record_abandoned(gate: Gate) -> Act:
    gate.make_ready()
    entry = gate.publish_result()
    return lambda: gate.report("plan-1", ("7", "SELL", "0"), executed=False, entry=entry)


def load_ledger(gate: Gate) -> Act:
    gate.put_ledger()
    gate.put_position()
    gate.report("p", ("7", "SELL", "0.030"))
    return lambda: gate.results.load_ledger(SYMBOL, ["7"], "plan-1")


def put_snapshots(gate: Gate) -> Act:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", "nan")
    return lambda: gate.put_position("0")


def put_legs(gate: Gate) -> Act:
    gate.put_ledger()
    return lambda: gate.put_legs("0", "0")


def create_ledger(gate: Gate) -> Act:
    return lambda: gate.put_position("0")


def consume_permits(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    gate.grant()
    return lambda: gate.client().consume("plan-1", SYMBOL)


def adopt_ledger(gate: Gate) -> Act:
    gate.put_position()
    return lambda: gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="me")


def change_hold(gate: Gate) -> Act:
    return lambda: gate.operator.set_hold(SYMBOL, why="x", by="me")


def change_limits(gate: Gate) -> Act:
    return lambda: gate.operator.set_limits(SYMBOL, {"cooldown_sec": "30"}, for_ms=None, by="me")


def add_service_hold(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    return lambda: gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="x", evidence={})


def release_position(gate: Gate) -> Act:
    gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="x", evidence={})
    return lambda: gate.service_holds.release(SYMBOL, why="x", by="me")


def claim_refresh(gate: Gate) -> Act:
    gate.budget.acquire(1)
    return lambda: gate.snapshots.claim_refresh(SOURCE)


def finish_refresh(gate: Gate) -> Act:
    claim = gate.snapshots.claim_refresh(SOURCE)
    return lambda: gate.snapshots.finish_refresh(claim, markets=MarketsLoaded.ALL)


def note_account(gate: Gate) -> Act:
    gate.snapshots.claim_refresh(SOURCE)
    gate.snapshots.note_account("1")
    return lambda: gate.snapshots.note_account("2")


def refuse_markets(gate: Gate) -> Act:
    gate.snapshots.claim_refresh(SOURCE)
    return gate.results.refuse_markets


def acquire_budget(gate: Gate) -> Act:
    return lambda: gate.budget.acquire(1)


def acquire_order(gate: Gate) -> Act:
    return gate.budget.acquire_order


def report_budget(gate: Gate) -> Act:
    return lambda: gate.budget.pause(5)


def dead_letter(gate: Gate) -> Act:
    _, entry = gate.publish()
    return lambda: gate.dead_letters.dead_letter(entry, "why", {"plan_id": "plan-1"})


def claimed(gate: Gate) -> tuple[RedisReconcileStore, PositionState]:
    store = RedisReconcileStore(connect(gate.url), gate.keys, own_prefix="p33-")
    state = store.claim(SYMBOL)
    assert state is not None
    return store, state


def claim_reconcile(gate: Gate) -> Act:
    gate.make_ready()
    store = RedisReconcileStore(connect(gate.url), gate.keys, own_prefix="p33-")
    return lambda: store.claim(SYMBOL)


def release_reconcile(gate: Gate) -> Act:
    store, state = claimed(gate.make_ready())
    return lambda: store.release(state)


WATERMARK = Watermark(ts_ms=1, since_ms=1, exchange_amt=LONG, ledger_amt=LONG)


def note_reconcile(gate: Gate) -> Act:
    store, state = claimed(gate.make_ready())
    note = Note(event="explained", event_id="e", fields={"why": "x"}, case={"drift": "x"})
    return lambda: store.note(state, replace(note, watermark=WATERMARK, is_new_drift=True))


def hold_position(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    store, state = claimed(gate)
    request = HoldRequest(
        reason=HoldReason.UNEXPLAINED, event_id="e", evidence_json='{"id":"e"}', fields={"why": "x"}, next_ms=1
    )
    return lambda: store.hold(state, request)


def settle_hold(gate: Gate) -> Act:
    gate.make_ready()
    gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="x", evidence={})
    hold = gate.redis.get(gate.keys.service_hold(SYMBOL)) or ""
    held = hashlib.sha1(hold.encode(), usedforsecurity=False).hexdigest()
    agreed = {"agreed": AGREEMENTS - 1, "agreed_ms": 1, "agreed_life": gate.life, "agreed_hold": held}
    gate.redis.hset(gate.keys.reconcile_case(SYMBOL), mapping=agreed)
    store, state = claimed(gate)
    return lambda: store.settle(state, Note(event="released", event_id="e", fields={"why": "x"}))


def repair_ledger(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    gate.consume()
    store, state = claimed(gate)
    sold = Decimal("-0.010")
    shares = tuple(
        Share(
            order_id=order_id,
            trade_ids=("1",),
            trade_class=TradeClass.LATE,
            moved=sold,
            missing=sold,
            remembered_after=-sold,
        )
        for order_id in ("7", None)
    )
    after = LONG + sold + sold
    account = Account(
        shares=shares,
        expected_amt=after,
        exchange_amt=after,
        ledger_before=LONG,
        ledger_after=after,
        ledger_target=after,
    )
    known = Known(ledger_amt=LONG, remembered={})
    note = Note(event="repaired", event_id="e", fields={"why": "x"})
    return lambda: store.repair(state, account=account, known=known, watermark=WATERMARK, note=note, releases=True)


def retry_dead_letter(gate: Gate) -> Act:
    letter = str(gate.redis.xadd(gate.keys.dead_letters, {"entry": "{}"}))
    retry = Retry(plan_id="plan-1", symbol=SYMBOL, first_id=f"{gate.now_ms()}-0", fields={"plan_id": "plan-1"})
    return lambda: gate.operator.retry_dead_letter(letter, retry, by="test")


def count_breaches(gate: Gate) -> Act:
    gate.make_ready()
    gate.allow()
    store, state = claimed(gate)
    breach = LateBreach(
        order_id="7",
        plan_id="plan-1",
        kinds=(Breach.QUANTITY,),
        record=OrderRecord(plan_id="plan-1", breaches=(Breach.QUANTITY,)),
        executed={"7": Decimal("0.040")},
    )
    return lambda: store.count_breaches(state, [breach], Known(ledger_amt=LONG, remembered={}))


def claim_notifications(gate: Gate) -> Act:
    told = RedisNotifications(connect(gate.url), gate.keys)
    told.claim()
    gate.redis.xadd(gate.keys.reconcile_events, {"event": "repaired"})
    return told.claim


def claim_resting(gate: Gate) -> Act:
    gate.make_ready()
    return lambda: RedisRestingStore(connect(gate.url), gate.keys).claim(SOURCE)


def put_resting(gate: Gate) -> Act:
    store = RedisRestingStore(connect(gate.url), gate.keys)
    claim = RestingClaim(now_ms=gate.now_ms(), life=gate.life, source=SOURCE)
    return lambda: store.put(claim, RestingReport(orders={SYMBOL: ()}))


ACTS: dict[str, tuple[str, Callable[[Gate], Act]]] = {
    act.__name__: (script, act)
    for script, act in (
        ("commit_verdict", commit_verdict),
        ("load_facts", load_facts),
        ("load_facts", load_entry),
        ("load_result", load_result),
        ("record_result", record_result),
        ("record_result", record_abandoned),
        ("load_ledger", load_ledger),
        ("put_snapshots", put_snapshots),
        ("put_snapshots", create_ledger),
        ("put_snapshots", put_legs),
        ("consume_permits", consume_permits),
        ("adopt_ledger", adopt_ledger),
        ("change_hold", change_hold),
        ("change_limits", change_limits),
        ("add_service_hold", add_service_hold),
        ("release_position", release_position),
        ("claim_refresh", claim_refresh),
        ("finish_refresh", finish_refresh),
        ("note_account", note_account),
        ("refuse_markets", refuse_markets),
        ("acquire_budget", acquire_budget),
        ("acquire_order", acquire_order),
        ("report_budget", report_budget),
        ("dead_letter", dead_letter),
        ("claim_reconcile", claim_reconcile),
        ("release_reconcile", release_reconcile),
        ("note_reconcile", note_reconcile),
        ("hold_position", hold_position),
        ("settle_hold", settle_hold),
        ("repair_ledger", repair_ledger),
        ("retry_dead_letter", retry_dead_letter),
        ("count_breaches", count_breaches),
        ("claim_notifications", claim_notifications),
        ("claim_resting", claim_resting),
        ("put_resting", put_resting),
    )
}

# Where a foreign value is no obstacle: the act is done as a whole, and this is how one sees it.
GOES_ON: dict[tuple[str, str], Callable[[Gate], object]] = {
    # Whatever lies in the permit's place gives way to the verdict (failure 26), or is deleted with the reservation.
    ("commit_verdict", "permit:p33:plan-1"): lambda g: g.permit() == g.decision() and g.reserved_by() == "plan-1",
    ("record_result", "permit:p33:plan-1"): lambda g: g.ledger_amt() == "0.01" and g.reserved_by() is None,
    ("record_abandoned", "permit:p33:plan-1"): lambda g: g.reason() == "plan_abandoned" and g.permit() == g.decision(),
    # The act that settles an entry ends what was kept for it, whatever that is.
    ("commit_verdict", "p33:first_seen"): lambda g: g.permit() == g.decision() and g.pending(g.keys.plans) == 0,
    ("record_result", "p33:first_seen:results"): lambda g: g.ledger_amt() == "0.01" and g.pending(g.keys.results) == 0,
    ("record_abandoned", "p33:first_seen:results"): lambda g: g.reason() == "plan_abandoned",
    ("record_result", "p33:entry:ID"): lambda g: g.ledger_amt() == "0.01",
    ("record_abandoned", "p33:entry:ID"): lambda g: g.reason() == "plan_abandoned",
    # Only where resting orders limit the quantity are they compared.
    ("commit_verdict", f"p33:resting:{SYMBOL}"): lambda g: g.permit() == g.decision() and g.reserved_by() == "plan-1",
    # Whatever lies in a hold's place is a hold, and gives way to one that can be read.
    ("record_result", f"position:hold:{SYMBOL}"): lambda g: g.ledger_amt() == "0.01",
    ("record_abandoned", f"position:hold:{SYMBOL}"): lambda g: g.reason() == "plan_abandoned",
    # What lies at the symbol's other positions holds no result of this one up.
    **{
        (act, f"position:{kind}:{SYMBOL}:{leg}"): done
        for act, done in (
            ("record_result", lambda g: g.ledger_amt() == "0.01" and g.reserved_by() is None),
            ("record_abandoned", lambda g: g.reason() == "plan_abandoned"),
        )
        for kind in ("ledger", "inflight", "hold")
        for leg in ("LONG", "SHORT")
    },
    # A symbol that is reserved by something unknown is reserved: the snapshot is written, no ledger begins.
    ("put_snapshots", f"position:inflight:{SYMBOL}"): lambda g: g.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1,
    ("create_ledger", f"position:inflight:{SYMBOL}"): lambda g: not g.ledger() and not g.events(),
    # So is one whose cooldown can't be read; an operator is told so.
    ("put_snapshots", f"limits:{SYMBOL}"): lambda g: not g.ledger().get("last_known_amt") and not g.events(),
    ("put_snapshots", f"p33:limits:adaptive:{SYMBOL}"): lambda g: not g.ledger().get("last_known_amt"),
    ("create_ledger", f"limits:{SYMBOL}"): lambda g: not g.ledger() and not g.events(),
    ("create_ledger", f"p33:limits:adaptive:{SYMBOL}"): lambda g: not g.ledger() and not g.events(),
    # The stream of changes is for readers alone.
    ("put_snapshots", "stream:p33.position"): lambda g: g.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1,
    ("create_ledger", "stream:p33.position"): lambda g: g.ledger_amt() == "0",
    **{
        (act, f"{kind}:{SYMBOL}:{leg}"): lambda g: g.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1
        for act in ("put_snapshots", "create_ledger", "put_legs")
        for kind in ("position:inflight", "p33:limits:adaptive", "position:hold")
        for leg in ("LONG", "SHORT")
    },
    **{
        ("put_legs", f"{kind}:{SYMBOL}"): lambda g: g.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1
        for kind in ("position:inflight", "p33:limits:adaptive", "limits", "position:hold")
    },
    **{
        (act, f"position:hold:{SYMBOL}"): lambda g: g.count(f"p33_snapshot_total|{SYMBOL}|ok") == 1
        for act in ("put_snapshots", "create_ledger")
    },
    ("put_legs", "stream:p33.position"): lambda g: g.ledger_amt(leg=Leg.LONG) == "0",
    # Doubt sets the hold all the same; and a person ends a hold of any type.
    ("add_service_hold", f"position:hold:{SYMBOL}"): lambda g: g.permit() is None and g.service_holds.read(SYMBOL),
    ("add_service_hold", f"position:inflight:{SYMBOL}"): lambda g: g.service_holds.read(SYMBOL),
    ("add_service_hold", "stream:p33.audit"): lambda g: g.permit() is None and g.service_holds.read(SYMBOL),
    ("release_position", f"position:hold:{SYMBOL}"): lambda g: g.service_holds.read(SYMBOL) is None,
    # Without a readable epoch there is no life: the state says so, and no agreement counts.
    ("claim_reconcile", "p33:epoch"): lambda g: g.redis.exists(g.keys.reconcile_lease),
    ("settle_hold", "p33:epoch"): lambda g: g.service_holds.read(SYMBOL) and not g.redis.xlen(g.keys.reconcile_events),
    # Whatever lies in a hold's place is a hold.
    ("hold_position", f"position:hold:{SYMBOL}"): lambda g: g.permit() and not g.redis.xlen(g.keys.reconcile_events),
    # Whatever lies in the permit's place goes with the reservation.
    ("repair_ledger", f"position:hold:{SYMBOL}"): lambda g: g.ledger_amt() == "0.02" and g.reserved_by() is None,
    **{
        ("repair_ledger", f"position:{kind}:{SYMBOL}:{leg}"): lambda g: g.ledger_amt() == "0.02"
        for kind in ("ledger", "hold")
        for leg in ("LONG", "SHORT")
    },
    ("repair_ledger", "permit:p33:plan-1"): lambda g: g.ledger_amt() == "0.02" and g.reserved_by() is None,
    ("release_position", f"position:ledger:{SYMBOL}"): lambda g: g.service_holds.read(SYMBOL) is None,
    # Whatever else lies in a wish's place is no wish.
    ("claim_refresh", "p33:forecast:wish"): lambda g: g.redis.hget(g.keys.refresh, "token"),
    # A breach holds the position beside whatever lies in a hold's place.
    ("count_breaches", f"position:hold:{SYMBOL}"): lambda g: (
        g.service_holds.read(SYMBOL) and g.count(f"p33_permit_breach_total|{SYMBOL}|quantity") == 1
    ),
    # One position's foreign value keeps no other's resting orders from being written.
    **{
        ("put_resting", f"p33:resting:{name}"): lambda g, other=other: g.redis.exists(g.keys.resting(SYMBOL, other))
        for name, other in ((SYMBOL, Leg.LONG), (f"{SYMBOL}:LONG", Leg.SHORT), (f"{SYMBOL}:SHORT", Leg.BOTH))
    },
    # A poisoned entry must get out of the way.
    ("dead_letter", "p33:counters"): lambda g: len(g.dead()) == 1 and g.pending(g.keys.plans) == 0,
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Every script run, with its keys."""
    seen: list[tuple[str, list[str]]] = []
    run, call = Scripts.run, Scripts._call

    def note(scripts: Scripts, name: str, keys: Named) -> None:
        _, declared = scripts._script(name)  # a verdict's has a text for allows and one for denies, and a word for each
        seen.append((name.partition(" ")[0], [str(key) for key in declared.keys.ordered(keys)]))

    def noted_run(self: Scripts, name: str, keys: Named, args: Named = NO_ARGS) -> object:
        note(self, name, keys)
        return run(self, name, keys, args)

    def noted_call(self: Scripts, name: str, keys: Named, args: Named) -> object:
        note(self, name, keys)
        return call(self, name, keys, args)

    monkeypatch.setattr(Scripts, "_call", noted_call)
    monkeypatch.setattr(Scripts, "run", noted_run)
    return seen


def put_foreign(gate: Gate, key: str) -> None:
    """A SET: none of our keys is one."""
    gate.redis.delete(key)
    gate.redis.sadd(key, "foreign")


@pytest.mark.parametrize("name", ACTS)
def test_a_foreign_type_under_any_key_changes_nothing(
    gate: Gate, calls: list[tuple[str, list[str]]], name: str
) -> None:
    script, prepare = ACTS[name]
    act = prepare(gate)
    calls.clear()
    act()
    keys = next(keys for called, keys in calls if called == script)
    assert keys
    for key in dict.fromkeys(keys):
        gate.redis.flushall()
        fresh = Gate(gate.server)
        act = prepare(fresh)
        put_foreign(fresh, key)
        before = fresh.dump()
        goes_on = GOES_ON.get((name, re.sub(r"entry:\d+-\d+$", "entry:ID", key.removeprefix("quantum:"))))
        if goes_on is not None:
            act()
            assert goes_on(fresh), key
            continue
        with contextlib.suppress(P33Error):
            act()
        assert fresh.dump() == before, key


def test_no_script_is_left_out() -> None:
    folder = resources.files("p33_tasks.store") / "lua"
    files = {entry.name.removesuffix(".lua") for entry in folder.iterdir() if entry.name.endswith(".lua")}
    assert {script for script, _ in ACTS.values()} == files - ENGINE - set(PRELUDE)


@pytest.mark.parametrize("name", ["note_reconcile", "hold_position", "settle_hold", "repair_ledger"])
def test_an_events_stream_whose_ids_are_used_up_changes_nothing(gate: Gate, name: str) -> None:
    act = ACTS[name][1](gate)
    gate.redis.xadd(gate.keys.reconcile_events, {"a": "b"}, id=f"{2**64 - 1}-{2**64 - 1}")
    before = gate.dump()
    with pytest.raises(P33Error):
        act()
    assert gate.dump() == before
