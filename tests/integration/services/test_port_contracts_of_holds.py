"""The fakes of the ports behave as the stores do: reconciliation, holds, limits, the request budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.executions import decode_order
from p33_tasks.domain.executions import Breach, OrderRecord
from p33_tasks.domain.holds import AGREEMENTS, HeldBy, HoldReason
from p33_tasks.domain.late_breaches import LateBreach
from p33_tasks.domain.models import Allow, Emergency, Leg, OrderSide
from p33_tasks.domain.reconciliation import Account, Known, Share, TradeClass, Watermark
from p33_tasks.domain.statistics import Statistics
from p33_tasks.errors import ExchangeBudgetSpentError, ExchangeOrderLimitedError, ExchangeRateLimitedError
from p33_tasks.ports import (
    Adapted,
    CommitStatus,
    Note,
    PositionState,
)
from tests.integration.services.both_stores import commit, hold, judged
from tests.support.gate import SYMBOL


def allow() -> Allow:
    return Allow(
        safe_close_qty=Decimal("0.040"),
        order_side=OrderSide.SELL,
        exchange_position_amt=Decimal("0.040"),
        ledger_position_amt=Decimal("0.040"),
        snapshot_age_ms=0,
    )


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


def test_an_emergency_close_is_committed_over_the_services_own_hold_and_not_over_an_operators(place: Any) -> None:
    place.make_ready()
    for name, hold_it, status in (
        ("plan-1", place.hold_by_service, CommitStatus.COMMITTED),
        ("plan-2", place.hold, CommitStatus.MOVED),
    ):
        plan, entry = place.publish(name, emergency=Emergency())
        facts = replace(place.verdicts.load(plan), reserved_by=None)
        hold_it()
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
