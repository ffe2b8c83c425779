"""An order of unknown outcome holds its position; a refusal that contradicts itself is one (CONTRACT section 4)."""

from __future__ import annotations

import json

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Facts, Plan
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.views.overview import read_overview
from tests.integration.store.outcomes import (
    CONSUMED_MS,
    UNKNOWN_MS,
    consumed_ago,
    end_reservation,
    held_for,
    hold,
    left_ms,
    say_rejected,
    say_unknown,
)
from tests.support.gate import SOURCE, SYMBOL, Gate


def hold_too(gate: Gate, reason: HoldReason, number: int = 0) -> None:
    gate.service_holds.set(SYMBOL, reason=reason, evidence_id=f"fact-{number}", evidence={})


def test_it_renews_the_reservation_until_ten_minutes_after_the_consumption(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    for _ in range(2):
        say_unknown(gate, taken.consume_id)
        assert UNKNOWN_MS - 5_000 < left_ms(gate) <= UNKNOWN_MS
    assert gate.reserved_by() == "plan-1"
    assert gate.why_not("plan-2") == "permit_in_flight"
    assert hold(gate) == {}


def test_never_beyond(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    before_ms = left_ms(gate)
    consumed_ago(gate, UNKNOWN_MS - 1_000)
    say_unknown(gate, taken.consume_id)
    assert left_ms(gate) <= before_ms


@pytest.mark.parametrize("consume_id", ["wrong", None])
def test_only_by_the_consumptions_own_id(consumed: tuple[Gate, Consumed], consume_id: str | None) -> None:
    gate, _ = consumed
    say_unknown(gate, consume_id)
    assert left_ms(gate) <= CONSUMED_MS
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None


def test_the_next_snapshot_leaves_it_and_a_result_ends_it(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    times = RefreshTimes(poll_ms=5_000, cooldown_ms=15_000, longest_reservation_ms=75_000)
    gate.snapshots = RedisSnapshotStore(gate.scripts._client, gate.keys, allowlist=gate.policy.allowlist, times=times)
    say_unknown(gate, taken.consume_id)
    gate.put_position()
    assert left_ms(gate) > UNKNOWN_MS - 5_000
    gate.redis.pexpire(gate.keys.reservation(SYMBOL), 3_600_000)
    gate.put_position()
    assert left_ms(gate) <= UNKNOWN_MS, "a clock that stepped back"
    gate.report("plan-1", ("7", "SELL", "0.010"))
    assert gate.reserved_by() is None
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None


def test_it_releases_no_permit_that_nobody_took(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    say_unknown(gate, None)
    assert gate.reserved_by() == "plan-1"
    assert gate.permit() is not None


def test_from_the_moment_that_the_reservation_is_gone_the_position_is_held(consumed: tuple[Gate, Consumed]) -> None:
    """No snapshot has come since, so nobody has set the hold yet."""
    gate, taken = consumed
    gate.put_position()
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    assert gate.why_not("plan-2") == "reconcile_hold_active"
    details = (gate.decision("plan-2") or {})["details"]
    assert (details["held_by"], details["hold_reason"], details["ends"]) == ("service", "outcome_unknown", "outcome")
    assert details["by"] == "plan plan-1"
    assert f"p33 reconcile release {SYMBOL}" in details["remedy"]
    assert "outcome_unknown" in (gate.service_holds.read(SYMBOL) or "")
    shown = read_overview(gate.redis, gate.keys, [SYMBOL], source=SOURCE).symbols[0]
    assert shown.hold_why == "p33: outcome_unknown"
    assert hold(gate) == {}


def test_a_verdict_that_was_made_before_isnt_committed_either(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    end_reservation(gate)
    gate.put_position()
    load = gate.verdicts.load

    def loaded(asked: Plan) -> Facts | None:
        facts = load(asked)
        say_unknown(gate, taken.consume_id)
        gate.redis.delete(gate.keys.reservation(SYMBOL))
        return facts

    gate.verdicts.load = loaded  # type: ignore[method-assign]
    assert gate.why_not("plan-2") == "reconcile_hold_active"


def test_the_next_snapshot_sets_the_services_own_hold(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    gate.put_position()
    assert hold(gate) == {}, "the reservation holds it"
    end_reservation(gate)
    for _ in range(2):
        gate.put_position()
    assert (hold(gate)["reason"], hold(gate)["ends"]) == ("outcome_unknown", "outcome")
    assert held_for(gate) == ["plan-1"]
    assert gate.redis.pttl(gate.keys.service_hold(SYMBOL)) == -1
    assert gate.events() == ["service_hold_set"]
    assert gate.why_not("plan-2") == "reconcile_hold_active"


@pytest.mark.parametrize("answer", ["executed", "rejected"])
@pytest.mark.parametrize("is_set", [False, True])
def test_a_result_that_settles_the_order_ends_it(consumed: tuple[Gate, Consumed], answer: str, *, is_set: bool) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    if is_set:
        gate.put_position()
    if answer == "executed":
        gate.report("plan-1", ("7", "SELL", "0.030"))
    else:
        say_rejected(gate, taken.consume_id)
    assert hold(gate) == {}
    gate.end_cooldown()
    gate.put_position(gate.ledger_amt() or "")
    assert gate.why_not("plan-2") == "allow"
    assert gate.events() == (["service_hold_set", "service_hold_released"] if is_set else [])


@pytest.mark.parametrize("consume_id", ["wrong", None])
def test_a_refusal_without_proof_ends_nothing(consumed: tuple[Gate, Consumed], consume_id: str | None) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    gate.put_position()
    say_rejected(gate, consume_id)
    assert held_for(gate) == ["plan-1"]


def test_an_order_that_a_repair_applied_before_its_result_came_settles_too(consumed: tuple[Gate, Consumed]) -> None:
    """The report tells nothing new; that the order executed is on record."""
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    gate.redis.hset(gate.keys.fills(SYMBOL), "7", "0.03")
    gate.report("plan-1", ("7", "SELL", "0.030"))
    assert gate.reserved_by() is None
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None


def test_an_order_of_another_plan_doesnt(consumed: tuple[Gate, Consumed]) -> None:
    """A result with this plan's name and another plan's order."""
    gate, taken = consumed
    gate.report("plan-0", ("7", "SELL", "0.010"))
    say_unknown(gate, taken.consume_id)
    gate.report("plan-1", ("7", "SELL", "0.020"))
    assert gate.reserved_by() == "plan-1"
    end_reservation(gate)
    gate.put_position()
    assert held_for(gate) == ["plan-1"]


@pytest.mark.parametrize("is_set", [False, True])
def test_a_person_ends_it_and_is_believed(consumed: tuple[Gate, Consumed], *, is_set: bool) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    if is_set:
        gate.put_position()
    assert "plan-1" in (gate.service_holds.release(SYMBOL, why="looked it up", by="somebody") or "")
    assert gate.service_holds.release(SYMBOL, why="again", by="somebody") is None
    say_unknown(gate, taken.consume_id)
    gate.put_position()
    assert hold(gate) == {}
    gate.end_cooldown()
    assert gate.why_not("plan-2") == "allow"


def test_of_a_hold_with_another_reason_its_own_part_goes(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    gate.put_position()
    gate.service_holds.set(SYMBOL, reason=HoldReason.BREACH, evidence_id="b", evidence={"plan_id": "plan-0"})
    say_rejected(gate, taken.consume_id)
    assert held_for(gate) == ["plan-0"]
    assert (hold(gate)["reason"], hold(gate)["ends"]) == ("breach", "person")


@pytest.mark.parametrize(
    ("others", "ends"),
    [
        ([HoldReason.EXTERNAL], "agreement"),
        ([HoldReason.UNEXPLAINED, HoldReason.SIDE_FLIP], "agreement"),
        ([HoldReason.HISTORY_MISSING], "adoption"),
        ([HoldReason.EXTERNAL, HoldReason.BREACH], "person"),
        ([HoldReason.EXTERNAL, HoldReason.HISTORY_MISSING], "person"),
    ],
)
def test_what_is_left_of_its_hold_ends_as_it_would_have_without_it(
    consumed: tuple[Gate, Consumed], others: list[HoldReason], ends: str
) -> None:
    gate, taken = consumed
    hold_too(gate, others[0])
    consumed_ago(gate, UNKNOWN_MS + 1)
    say_unknown(gate, taken.consume_id)
    for number, other in enumerate(others[1:], 1):
        hold_too(gate, other, number)
    assert hold(gate)["ends"] == "person"
    say_rejected(gate, taken.consume_id)
    assert hold(gate)["ends"] == ends


@pytest.mark.parametrize("foreign", [None, 7, "a text", {}])
def test_foreign_evidence_in_a_hold_keeps_no_answer_from_being_recorded(
    consumed: tuple[Gate, Consumed], foreign: object
) -> None:
    """It stays, and a person ends it."""
    gate, taken = consumed
    hold_too(gate, HoldReason.EXTERNAL)
    consumed_ago(gate, UNKNOWN_MS + 1)
    say_unknown(gate, taken.consume_id)
    held = hold(gate)
    held["evidence"][0] = foreign
    gate.redis.set(gate.keys.service_hold(SYMBOL), json.dumps(held))
    say_rejected(gate, taken.consume_id)
    assert (hold(gate)["ends"], hold(gate)["reason"]) == ("person", "unreadable")
    assert hold(gate)["evidence"] == [foreign]


def test_a_hold_that_lost_a_reason_to_its_bound_is_ended_by_a_person_only(consumed: tuple[Gate, Consumed]) -> None:
    """What was cut may have been a breach."""
    gate, taken = consumed
    hold_too(gate, HoldReason.EXTERNAL)
    hold_too(gate, HoldReason.BREACH, 1)
    for number in range(2, 20):
        hold_too(gate, HoldReason.EXTERNAL, number)
    consumed_ago(gate, UNKNOWN_MS + 1)
    say_unknown(gate, taken.consume_id)
    assert "breach" not in {one["reason"] for one in hold(gate)["evidence"]}
    say_rejected(gate, taken.consume_id)
    assert hold(gate)["ends"] == "person"


def test_a_hold_of_which_a_reason_was_cut_stays_when_all_that_is_left_is_known(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    consumed_ago(gate, UNKNOWN_MS + 1)
    say_unknown(gate, taken.consume_id)
    hold_too(gate, HoldReason.BREACH)
    for number in range(15):
        gate.service_holds.set(
            SYMBOL, reason=HoldReason.OUTCOME_UNKNOWN, evidence_id=f"said-{number}", evidence={"plan_id": "plan-1"}
        )
    assert set(held_for(gate)) == {"plan-1"}
    say_rejected(gate, taken.consume_id)
    assert hold(gate)["ends"] == "person"
    gate.end_cooldown()
    gate.put_position()
    assert gate.why_not("plan-2") == "reconcile_hold_active"


@pytest.mark.parametrize("value", ["somebody's", "[]"])
def test_a_value_of_somebody_else_holds_on_when_the_outcome_is_known(
    consumed: tuple[Gate, Consumed], value: str
) -> None:
    gate, taken = consumed
    gate.redis.set(gate.keys.service_hold(SYMBOL), value)
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    gate.put_position()
    assert (hold(gate)["reason"], hold(gate)["ends"]) == ("outcome_unknown", "person")
    say_rejected(gate, taken.consume_id)
    assert (hold(gate)["reason"], hold(gate)["ends"]) == ("unreadable", "person")
