"""What the services rely on, once over the real stores and once over the fakes of their tests: neither may differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.executions import decode_order
from p33_tasks.contract.statistics import encode_statistics
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.executions import Breach, OrderRecord
from p33_tasks.domain.holds import AGREEMENTS, HeldBy, HoldReason
from p33_tasks.domain.late_breaches import LateBreach
from p33_tasks.domain.models import Allow, Deny, Emergency, Leg, OrderSide, Plan, Position, Snapshot, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.reconciliation import Account, Known, Share, TradeClass, Watermark
from p33_tasks.domain.statistics import Statistics
from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeOrderLimitedError, ExchangeRateLimitedError
from p33_tasks.ports import (
    Adapted,
    Claim,
    CommitStatus,
    HoldRequest,
    MarketReport,
    MarketsLoaded,
    Note,
    PlanName,
    PositionState,
    ResultStatus,
    StreamEntry,
)
from p33_tasks.services.record_fill import apply_all, ids_to_load
from p33_tasks.store.adaptive import RedisAdaptiveStore
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.reconciliation import RedisReconcileStore
from tests.factories import make_market
from tests.fakes.gate import MemoryGate
from tests.fakes.reconciling import MemoryReconcileStore
from tests.support.gate import OTHER, SYMBOL, Gate, make_result
from tests.support.redis_server import RedisServer, running_redis

NO = Deny(reason=Reason.NO_POSITION)


class RealGate(Gate):
    """The few words that the fake's gate has beside the real one's."""

    def hold(self) -> None:
        self.operator.set_hold(SYMBOL, why="x", by="me")

    def hold_by_service(self) -> None:
        self.redis.set(self.keys.service_hold(SYMBOL), exact_json.dumps({"reason": HoldReason.UNEXPLAINED}))

    def limit(self, cooldown_sec: int) -> None:
        self.redis.hset(self.keys.limits(SYMBOL), "cooldown_sec", str(cooldown_sec))

    def learn(self, statistics: Statistics) -> None:
        self.redis.set(self.keys.statistics(SYMBOL), encode_statistics(statistics))

    @property
    def adaptive(self) -> RedisAdaptiveStore:
        return RedisAdaptiveStore(connect(self.url), self.keys)

    def reserve(self, plan_id: str) -> None:
        self.redis.set(self.keys.reservation(SYMBOL), plan_id, px=60_000)

    def release(self) -> None:
        self.redis.delete(self.keys.reservation(SYMBOL))

    def make_budget(self, *, own_weight: int) -> RedisRequestBudget:
        return RedisRequestBudget(connect(self.url), self.keys, own_weight=own_weight, venue_weight=2_280)

    def trim(self, entry: StreamEntry) -> None:
        self.redis.xdel(entry.stream, entry.entry_id)

    def next_tick(self) -> None:
        self.redis.hset(self.keys.refresh, "started_ms", "1")

    @property
    def reconcile(self) -> RedisReconcileStore:
        return RedisReconcileStore(connect(self.url), self.keys, own_prefix="p33-")

    def events_told(self) -> list[str]:
        return [fields["event"] for _, fields in self.redis.xrange(self.keys.reconcile_events)]


class RememberingGate(MemoryGate):
    """The same of the fake."""

    def __init__(self) -> None:
        super().__init__()
        self.reconcile = MemoryReconcileStore(self.account)

    def events_told(self) -> list[str]:
        return [event for event, _ in self.reconcile.events]


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with running_redis("bundled") as found:
        yield found


@pytest.fixture(params=["fake", "real"])
def place(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return RememberingGate()
    server: RedisServer = request.getfixturevalue("own_redis")
    with server.client() as client:
        client.flushall()
    return RealGate(server)


def commit(
    place: Any, plan: Plan, verdict: Verdict, entry: StreamEntry | None = None, facts: Any = None
) -> CommitStatus:
    found: CommitStatus = place.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=place.policy, entry=entry, evaluation_us=1
    )
    return found


def allow() -> Allow:
    return Allow(
        safe_close_qty=Decimal("0.040"),
        order_side=OrderSide.SELL,
        exchange_position_amt=Decimal("0.040"),
        ledger_position_amt=Decimal("0.040"),
        snapshot_age_ms=0,
    )


def judged(place: Any, plan: Plan) -> tuple[Verdict, Any]:
    facts = place.verdicts.load(plan)
    return evaluate(plan, facts, place.policy), facts


# --- verdicts -------------------------------------------------------------------------------------------------------


def test_the_first_verdict_stands_and_acknowledges_whoever_comes(place: Any) -> None:
    plan, entry = place.publish()
    assert commit(place, plan, NO, entry) is CommitStatus.COMMITTED
    assert place.pending(place.keys.plans) == 0
    assert place.verdicts.load(plan) is None
    _, again = place.publish()
    assert commit(place, plan, Deny(reason=Reason.INVALID_PLAN), again) is CommitStatus.EXISTS
    assert place.pending(place.keys.plans) == 0


def test_an_allow_over_facts_that_still_hold_reserves_the_position(place: Any) -> None:
    place.make_ready()
    plan, entry = place.publish()
    verdict, facts = judged(place, plan)
    assert isinstance(verdict, Allow)
    assert commit(place, plan, verdict, entry, facts) is CommitStatus.COMMITTED
    assert place.reserved_by() == plan.plan_id
    assert place.verdicts.load(place.plan("plan-2")).reserved_by == plan.plan_id


@pytest.mark.parametrize(
    "move",
    [
        lambda place: place.put_position("0.041"),
        lambda place: place.put_ledger("0.039"),
        lambda place: place.hold(),
        lambda place: place.reserve("plan-9"),
    ],
    ids=["position", "ledger", "hold", "reservation"],
)
def test_an_allow_over_facts_that_moved_writes_nothing(place: Any, move: Callable[[Any], object]) -> None:
    place.make_ready()
    plan, entry = place.publish()
    verdict, facts = judged(place, plan)
    move(place)
    assert commit(place, plan, verdict, entry, facts) is CommitStatus.MOVED
    assert place.pending(place.keys.plans) == 1
    assert place.reserved_by() != plan.plan_id
    assert place.verdicts.load(plan) is not None, "no verdict stands"


def test_a_deny_is_final_whatever_moved(place: Any) -> None:
    place.make_ready()
    plan, entry = place.publish()
    _, facts = judged(place, plan)
    place.hold()
    assert commit(place, plan, NO, entry, facts) is CommitStatus.COMMITTED
    assert place.reserved_by() is None


def test_an_allow_of_a_plan_that_is_too_old_by_now_is_none(place: Any) -> None:
    place.make_ready()
    plan, entry = place.publish(issued_ms=place.now_ms() - place.policy.plan_max_age_ms - 1_000)
    young = place.plan(issued_ms=place.now_ms())
    verdict, facts = judged(place, young)
    assert isinstance(verdict, Allow)
    assert commit(place, plan, verdict, entry, facts) is CommitStatus.MOVED


def test_an_entry_is_read_with_the_facts(place: Any) -> None:
    place.make_ready()
    plan, entry = place.publish()
    name = PlanName(plan_id=plan.plan_id, symbol=plan.symbol)
    loaded = place.verdicts.load_entry(name, entry)
    assert loaded.fields["plan_id"] == plan.plan_id
    assert (
        loaded.facts_of(plan).snapshot.position.position_amt == place.verdicts.load(plan).snapshot.position.position_amt
    )
    place.trim(entry)
    loaded = place.verdicts.load_entry(name, entry)
    assert (loaded.fields, loaded.is_pending) == (None, True), "the group remembers that it was there"
    nowhere = StreamEntry(stream=entry.stream, entry_id="1-1")
    loaded = place.verdicts.load_entry(name, nowhere)
    assert (loaded.fields, loaded.is_pending) == (None, False)
    commit(place, plan, NO, entry)
    assert place.verdicts.load_entry(name, nowhere).facts_of(plan) is None


# --- results --------------------------------------------------------------------------------------------------------


def record(place: Any, result: Any, entry: StreamEntry, between: Callable[[], object] = lambda: None) -> ResultStatus:
    base = place.results.load_ledger(result.symbol, ids_to_load(result, entry), result.plan_id)
    recording = apply_all(result, base, entry)
    between()
    found: ResultStatus = place.results.record(result=result, base=base, recording=recording, entry=entry)
    return found


def test_a_fill_is_recorded_once(place: Any) -> None:
    place.put_ledger("1")
    entry, result = place.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    assert record(place, result, entry) is ResultStatus.RECORDED
    assert place.ledger_amt() == "0.5"
    assert place.pending(place.keys.results) == 0
    assert record(place, result, entry) is ResultStatus.ALREADY
    assert record(place, result, place.publish_result()) is ResultStatus.RECORDED
    assert place.ledger_amt() == "0.5", "the quantity is cumulative"
    assert place.results.load_ledger(SYMBOL, ["7", "8"], "p").remembered == {"7": "0.5"}


def test_a_result_on_a_base_that_moved_changes_nothing(place: Any) -> None:
    place.put_ledger("1")
    entry, result = place.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    other, fill = place.publish_result(), make_result("q", ("8", "SELL", "0.1"))
    assert record(place, result, entry, lambda: record(place, fill, other)) is ResultStatus.MOVED
    assert place.ledger_amt() == "0.9"
    assert place.pending(place.keys.results) == 1


def test_without_a_ledger_fills_are_remembered_and_no_amount_is_made_up(place: Any) -> None:
    entry, result = place.publish_result(), make_result("p", ("7", "SELL", "0.5"))
    assert record(place, result, entry) is ResultStatus.RECORDED
    assert place.ledger_amt() is None
    assert place.results.load_ledger(SYMBOL, ["7"], "p").remembered == {"7": "0.5"}


# --- snapshots ------------------------------------------------------------------------------------------------------


def test_one_request_per_tick(place: Any) -> None:
    first = place.snapshots.claim_refresh(place.source)
    assert (first.claim, first.markets_due) == (Claim.MINE, True)
    assert place.snapshots.claim_refresh(place.source).claim is Claim.IN_FLIGHT
    place.snapshots.finish_refresh(first, markets=MarketsLoaded.ALL)
    assert place.snapshots.claim_refresh(place.source).claim is Claim.DONE
    place.next_tick()
    second = place.snapshots.claim_refresh(place.source)
    assert (second.claim, second.markets_due) == (Claim.MINE, False)
    assert second.token != first.token
    assert (second.run_id, second.life) == (place.run_id, place.life)


def test_snapshots_never_go_backwards(place: Any) -> None:
    place.put_ledger("1")
    assert place.put_position("1") == "ok"
    assert place.put_position("0.5", age_ms=60_000) == "older"
    facts = place.verdicts.load(place.plan())
    assert facts.snapshot.position.position_amt == 1


def test_a_proven_flat_position_begins_a_ledger_and_another_does_not(place: Any) -> None:
    assert place.put_position("0") == "ledger_created"
    assert place.ledger_amt() == "0"
    assert place.put_position("1", symbol=OTHER) == "ok"
    assert place.ledger_amt(OTHER) is None


def test_a_snapshot_of_another_run_is_not_written(place: Any) -> None:
    snapshot = Snapshot(
        position=Position(symbol=SYMBOL, position_amt=make_market().step_size),
        ts_ms=place.now_ms(),
        source=place.source,
        run_id="0" * 40,
        life=place.life,
    )
    assert place.snapshots.put_snapshots([snapshot]) == {SYMBOL: "other_run"}
    assert place.verdicts.load(place.plan()).snapshot is None


def test_a_symbol_without_rules_by_the_venues_latest_word_loses_its_old_ones(place: Any) -> None:
    put = place.snapshots.put_markets
    asked_ms = place.now_ms()
    put(MarketReport(markets={SYMBOL: make_market()}), source=place.source, ts_ms=asked_ms)
    assert place.verdicts.load(place.plan()).market == make_market(fetched_ms=asked_ms)
    put(MarketReport(markets={}, invalid={SYMBOL: "gone"}), source=place.source, ts_ms=place.now_ms())
    facts = place.verdicts.load(place.plan())
    assert facts.market is None
    assert "gone" in facts.market_problem


# --- reconciliation -------------------------------------------------------------------------------------------------

MARK = Watermark(
    ts_ms=1, since_ms=1, exchange_amt=Decimal("0.040"), ledger_amt=Decimal("0.040"), counted=frozenset({"5"})
)


def claimed(place: Any) -> tuple[Any, PositionState]:
    """A position of 0.030 whose ledger says 0.040, and the one right to reconcile it."""
    place.put_ledger("0.040")
    place.put_position("0.030")
    store = place.reconcile
    state = store.claim(SYMBOL, Leg.BOTH)
    assert state is not None
    return store, state


def explained(before: Decimal | None = None) -> tuple[Account, Known]:
    """What a late order of 0.010 makes of it."""
    share = Share(
        order_id="77",
        trade_ids=("9",),
        trade_class=TradeClass.LATE,
        moved=Decimal("-0.010"),
        missing=Decimal("-0.010"),
        remembered_before=before,
        remembered_after=Decimal("0.010"),
        plan_id="plan-1",
    )
    amounts = {"expected_amt": Decimal("0.030"), "exchange_amt": Decimal("0.030"), "ledger_target": Decimal("0.030")}
    account = Account(shares=(share,), ledger_before=Decimal("0.040"), ledger_after=Decimal("0.030"), **amounts)
    return account, Known(ledger_amt=Decimal("0.040"), remembered={} if before is None else {"77": before})


def repair(store: Any, state: PositionState, before: Decimal | None = None, *, releases: bool = False) -> str:
    account, known = explained(before)
    note = Note(event="repaired", event_id="r1", fields={"why": "late"})
    found: str = store.repair(state, account=account, known=known, watermark=MARK, note=note, releases=releases)
    return found


def test_one_reconciles_at_a_time(place: Any) -> None:
    store, state = claimed(place)
    assert store.claim(SYMBOL, Leg.BOTH) is None
    store.release(state)
    again = store.claim(SYMBOL, Leg.BOTH)
    assert again is not None
    store.release(state)  # of the first: the second keeps its right
    assert store.claim(SYMBOL, Leg.BOTH) is None
    assert not store.note(state, Note(case={"drift": "x"}))


def test_what_is_noted_is_there_at_the_next_claim_and_a_fact_is_told_once(place: Any) -> None:
    store, state = claimed(place)
    note = Note(event="drift_seen", event_id="d1", fields={"why": "x"}, case={"drift": "a", "next_ms": "5"})
    assert store.note(state, note)
    assert store.note(state, note)
    assert store.note(state, Note(case={"drift": ""}, watermark=MARK))
    store.release(state)
    found = store.claim(SYMBOL, Leg.BOTH)
    assert found.watermark == MARK
    assert (found.case.get("drift"), found.case.get("next_ms")) == (None, "5")
    assert place.events_told() == ["drift_seen"]


def test_another_drift_forgets_what_was_tried_about_the_one_before(place: Any) -> None:
    store, state = claimed(place)
    tried = {"readings": "2", "first_ms": "1", "waits": "1", "next_ms": "5", "class": "late", "why": "x"}
    assert store.note(state, Note(case=tried))
    assert store.note(state, Note(case={"readings": "1"}, is_new_drift=True))
    store.release(state)
    found = store.claim(SYMBOL, Leg.BOTH)
    assert {name: found.case.get(name) for name in tried} == {**dict.fromkeys(tried), "readings": "1"}


def test_a_repair_is_written_once_with_all_that_it_remembers(place: Any) -> None:
    store, state = claimed(place)
    assert repair(store, state) == "repaired"
    assert repair(store, state) == "moved"
    assert place.ledger_amt() == "0.03"
    store.release(state)
    found = store.claim(SYMBOL, Leg.BOTH)
    known = store.known(found, ["77"], [])
    assert known.remembered == {"77": Decimal("0.010")}
    assert found.case.get("unconfirmed_id") == "r1"
    assert found.ledger.last_order_time_ms is not None
    assert place.events_told() == ["repaired"]


@pytest.mark.parametrize(
    "move",
    [lambda place: place.put_ledger("0.041"), lambda place: place.reserve("plan-9")],
    ids=["ledger", "reservation"],
)
def test_a_repair_over_facts_that_moved_writes_nothing(place: Any, move: Callable[[Any], object]) -> None:
    store, state = claimed(place)
    move(place)
    assert repair(store, state) == "moved"
    assert place.events_told() == []


def test_a_repair_over_another_memory_of_fills_writes_nothing(place: Any) -> None:
    store, state = claimed(place)
    assert repair(store, state, before=Decimal("0.005")) == "moved"
    assert place.ledger_amt() == "0.04"


def test_a_repair_of_a_reserved_position_needs_its_release(place: Any) -> None:
    place.reserve("plan-1")
    store, state = claimed(place)
    assert repair(store, state) == "moved"


def hold(store: Any, state: PositionState, event_id: str = "h1") -> str:
    request = HoldRequest(
        reason=HoldReason.UNEXPLAINED,
        event_id=event_id,
        evidence_json=f'{{"id":"{event_id}"}}',
        fields={"why": "x"},
        next_ms=7,
    )
    found: str = store.hold(state, request)
    return found


def test_the_same_facts_hold_once(place: Any) -> None:
    store, state = claimed(place)
    assert [hold(store, state), hold(store, state), hold(store, state, "h2")] == ["held", "known", "known"]
    store.release(state)
    found = store.claim(SYMBOL, Leg.BOTH)
    assert found.hold_text is not None
    assert found.case.get("next_ms") == "7"
    assert place.events_told() == ["held"]


def test_a_hold_over_a_ledger_that_moved_is_none(place: Any) -> None:
    store, state = claimed(place)
    place.put_ledger("0.041")
    assert hold(store, state) == "moved"


def test_a_hold_ends_after_agreements_of_different_snapshots_in_a_row(place: Any) -> None:
    store, state = claimed(place)
    assert hold(store, state) == "held"
    store.release(state)
    place.put_ledger("0.030")
    outcomes = []
    for _ in range(AGREEMENTS):
        place.put_position("0.030")
        state = store.claim(SYMBOL, Leg.BOTH)
        note = Note(event_id="e", fields={"why": "x"})
        outcomes += [store.settle(state, note)]
        if outcomes[-1] != "released":
            assert store.settle(state, note) == "agreed", "the same snapshot counts once"
        store.release(state)
    assert outcomes == ["agreed"] * (AGREEMENTS - 1) + ["released"]
    place.put_ledger("0.031")
    state = store.claim(SYMBOL, Leg.BOTH)
    assert state.hold_text is None
    assert store.settle(state, Note(event_id="e", fields={})) == "differs"


def test_an_order_beyond_its_permit_is_on_record_with_what_it_did(place: Any) -> None:
    store, state = claimed(place)
    record = OrderRecord(plan_id="plan-1", breaches=(Breach.QUANTITY,))
    breach = LateBreach(
        order_id="77",
        plan_id="plan-1",
        kinds=(Breach.QUANTITY,),
        record=record,
        executed={"77": Decimal("0.010")},
    )
    _, known = explained()
    assert store.count_breaches(state, [breach], known) == "counted"
    found = store.known(state, ["77"], [])
    assert decode_order(found.records["77"]) == record
    assert found.reported == {"77"}
    store.release(state)
    assert store.count_breaches(state, [breach], found) == "lost"


def test_a_breach_over_another_record_of_the_order_is_none(place: Any) -> None:
    store, state = claimed(place)
    record = OrderRecord(plan_id="plan-1", breaches=(Breach.QUANTITY,))
    breach = LateBreach(
        order_id="77", plan_id="plan-1", kinds=(Breach.QUANTITY,), record=record, executed={"77": Decimal("0.010")}
    )
    _, known = explained()
    assert store.count_breaches(state, [breach], known) == "counted"
    assert store.count_breaches(state, [breach], known) == "moved"


# --- holds and limits -----------------------------------------------------------------------------------------------


def test_an_emergency_close_is_committed_over_the_services_own_hold_and_not_over_an_operators(place: Any) -> None:
    place.make_ready()
    for name, hold, status in (
        ("plan-1", place.hold_by_service, CommitStatus.COMMITTED),
        ("plan-2", place.hold, CommitStatus.MOVED),
    ):
        plan, entry = place.publish(name, emergency=Emergency())
        facts = replace(place.verdicts.load(plan), reserved_by=None)
        hold()
        place.release()
        assert commit(place, plan, allow(), entry, facts) is status


def test_both_kinds_of_hold_are_facts_with_their_reasons(place: Any) -> None:
    place.make_ready()
    place.hold_by_service()
    place.hold()
    facts = place.verdicts.load(place.plan())
    assert facts.hold
    assert [(hold.held_by, hold.reason) for hold in facts.holds] == [
        (HeldBy.OPERATOR, "x"),
        (HeldBy.SERVICE, HoldReason.UNEXPLAINED),
    ]


def test_stored_limits_are_facts_and_stop_an_allow_made_without_them(place: Any) -> None:
    place.make_ready()
    plan, entry = place.publish()
    verdict, facts = judged(place, plan)
    place.limit(99)
    assert place.verdicts.load(plan).limits.cooldown_ms == 99_000
    assert commit(place, plan, verdict, entry, facts) is CommitStatus.MOVED


# --- adaptive limits ------------------------------------------------------------------------------------------------


def test_statistics_are_kept_and_an_adapted_cooldown_is_a_fact_until_it_is_taken_back(place: Any) -> None:
    place.make_ready()
    place.learn(Statistics(settled_ms=(20_000,) * 5))
    (seen,) = place.adaptive.observe([SYMBOL])
    assert (seen.symbol, seen.source, seen.legs) == (SYMBOL, place.source, (Leg.BOTH,))
    assert seen.position_amt == seen.ledger_amt == Decimal("0.040")
    assert seen.statistics.settled_ms == (20_000,) * 5
    adapted = Adapted(
        symbol=SYMBOL,
        statistics=Statistics(mark=5.0),
        cooldown_ms=30_000,
        by="settlement",
        base_ms=15_000,
        measured=Decimal(20),
        legs=seen.legs,
    )
    for one, stored in ((adapted, (30_000, "settlement")), (replace(adapted, cooldown_ms=None), (None, None))):
        place.adaptive.save([one])
        limits = place.verdicts.load(place.plan()).limits
        assert (limits.adaptive_cooldown_ms, limits.adaptive_by) == stored
        assert place.adaptive.observe([SYMBOL])[0].statistics.mark == 5.0


def test_what_is_observed_of_limits_is_the_operators_alone(place: Any) -> None:
    place.make_ready()
    place.limit(99)
    (seen,) = place.adaptive.observe([SYMBOL])
    assert seen.limits.cooldown_ms == 99_000
    assert seen.limits.adaptive_cooldown_ms is None


# --- the request budget ---------------------------------------------------------------------------------------------


def test_a_minutes_weight_is_granted_once_and_the_venues_count_includes_everybody(place: Any) -> None:
    place.budget.acquire(1_000)
    with pytest.raises(ExchangeBudgetSpentError):
        place.budget.acquire(201)
    place.budget.acquire(200)
    other = place.make_budget(own_weight=5_000)
    other.report(2_280)
    with pytest.raises(ExchangeBudgetSpentError):
        other.acquire(1)


def test_a_pause_stops_everything_and_a_pause_of_orders_stops_orders(place: Any) -> None:
    place.budget.acquire_order()
    place.budget.pause_orders(7)
    with pytest.raises(ExchangeOrderLimitedError) as limited:
        place.budget.acquire_order()
    assert limited.value.retry_after_sec == 7
    place.budget.acquire(1)
    place.budget.pause(30)
    place.budget.pause(5)
    for ask in (place.budget.acquire_order, lambda: place.budget.acquire(1)):
        with pytest.raises(ExchangeRateLimitedError) as refused:
            ask()
        assert refused.value.retry_after_sec == 30, "a shorter pause doesn't end a longer one"
