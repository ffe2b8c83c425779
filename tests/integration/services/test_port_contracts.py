"""What the services rely on, once over the real stores and once over the fakes of their tests: neither may differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p33_tasks.domain.models import Allow, Deny, Position, Snapshot
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import (
    Claim,
    CommitStatus,
    MarketReport,
    MarketsLoaded,
    PlanName,
    ResultStatus,
    StreamEntry,
)
from tests.factories import make_market
from tests.integration.services.both_stores import commit, judged, record
from tests.support.gate import OTHER, SYMBOL, make_result

NO = Deny(reason=Reason.NO_POSITION)


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
