"""An order of unknown outcome holds its position; a refusal that contradicts itself is one (CONTRACT section 4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.contract.results import parse_result
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Facts, Leg, Plan
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from p33_tasks.views.overview import read_overview
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate

UNKNOWN_MS = 600_000
CONSUMED_MS = 67_000


@pytest.fixture
def consumed(gate: Gate) -> tuple[Gate, Consumed]:
    gate.make_ready()
    gate.allow()
    return gate, gate.consume()


def left_ms(gate: Gate) -> int:
    return int(gate.redis.pttl(gate.keys.reservation(SYMBOL)))


def say_unknown(gate: Gate, consume_id: str | None, plan_id: str = "plan-1", **changes: Any) -> None:
    gate.report(plan_id, executed=False, unknown=True, consume_id=consume_id, **changes)


def say_rejected(gate: Gate, consume_id: str | None, plan_id: str = "plan-1", **changes: Any) -> None:
    gate.report(plan_id, executed=False, rejected=True, consume_id=consume_id, **changes)


def end_reservation(gate: Gate, leg: Leg = Leg.BOTH) -> None:
    """Its time is over; and so is the barrier's."""
    gate.redis.delete(gate.keys.reservation(SYMBOL, leg))
    gate.end_cooldown(leg=leg)


def consumed_ago(gate: Gate, ago_ms: int, plan_id: str = "plan-1") -> None:
    gate.redis.hset(gate.keys.consumed(plan_id), "consumed_ms", gate.now_ms() - ago_ms)


def hold(gate: Gate, leg: Leg = Leg.BOTH) -> dict[str, Any]:
    return exact_json.loads_object(gate.redis.get(gate.keys.service_hold(SYMBOL, leg)) or "{}")


def held_for(gate: Gate, leg: Leg = Leg.BOTH) -> list[str]:
    """The plans that the service's hold names."""
    return [one["plan_id"] for one in hold(gate, leg).get("evidence", [])]


# --- the reservation ------------------------------------------------------------------------------------------------


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


# --- when nobody answers --------------------------------------------------------------------------------------------


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


def hold_too(gate: Gate, reason: HoldReason, number: int = 0) -> None:
    gate.service_holds.set(SYMBOL, reason=reason, evidence_id=f"fact-{number}", evidence={})


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


# --- one that comes late --------------------------------------------------------------------------------------------


def test_one_that_comes_after_its_reservation_takes_the_position_again(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    end_reservation(gate)
    consumed_ago(gate, 100_000)
    say_unknown(gate, taken.consume_id)
    assert gate.reserved_by() == "plan-1"
    assert UNKNOWN_MS - 105_000 < left_ms(gate) <= UNKNOWN_MS - 100_000


def test_one_that_comes_after_ten_minutes_holds_it_at_once(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    end_reservation(gate)
    consumed_ago(gate, UNKNOWN_MS)
    say_unknown(gate, taken.consume_id)
    assert gate.reserved_by() is None
    assert held_for(gate) == ["plan-1"]


@pytest.mark.parametrize("is_consumed", [False, True])
def test_where_another_plan_holds_the_position_it_sets_the_hold(
    consumed: tuple[Gate, Consumed], *, is_consumed: bool
) -> None:
    gate, taken = consumed
    end_reservation(gate)
    gate.put_position()
    gate.allow("plan-2")
    second = gate.consume("plan-2") if is_consumed else None
    say_unknown(gate, taken.consume_id)
    assert held_for(gate) == ["plan-1"]
    if second is None:
        assert gate.permit("plan-2") is None
        assert gate.reserved_by() is None
        return
    assert gate.reserved_by() == "plan-2"
    say_unknown(gate, second.consume_id, "plan-2")
    end_reservation(gate)
    gate.put_position()
    assert held_for(gate) == ["plan-1", "plan-2"]
    say_rejected(gate, second.consume_id, "plan-2")
    assert held_for(gate) == ["plan-1"]
    say_rejected(gate, taken.consume_id)
    assert hold(gate) == {}


def test_one_that_comes_while_another_plans_outcome_is_unknown_is_not_lost(consumed: tuple[Gate, Consumed]) -> None:
    """Neither holds the reservation any more, and no snapshot has set the first one's hold."""
    gate, taken = consumed
    end_reservation(gate)
    gate.put_position()
    gate.allow("plan-2")
    second = gate.consume("plan-2")
    say_unknown(gate, second.consume_id, "plan-2")
    end_reservation(gate)
    say_unknown(gate, taken.consume_id)
    gate.put_position()
    assert sorted(held_for(gate)) == ["plan-1", "plan-2"]


@pytest.mark.parametrize("answer", ["executed", "rejected"])
def test_one_that_was_published_before_the_answer_and_is_recorded_after_it_is_over(
    consumed: tuple[Gate, Consumed], answer: str
) -> None:
    gate, taken = consumed
    first = gate.publish_result()
    if answer == "executed":
        gate.report("plan-1", ("7", "SELL", "0.030"))
    else:
        say_rejected(gate, taken.consume_id)
    say_unknown(gate, taken.consume_id, entry=first)
    assert gate.reserved_by() is None
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") is None


@pytest.mark.parametrize("answer", ["executed", "rejected"])
@pytest.mark.parametrize("is_put_back", [False, True])
def test_an_answer_that_was_published_before_it_and_is_recorded_after_it_ends_nothing(
    consumed: tuple[Gate, Consumed], answer: str, *, is_put_back: bool
) -> None:
    """As in the order in which the two were published: the executor came to doubt its answer."""
    gate, taken = consumed
    first = gate.publish_result()
    say_unknown(gate, taken.consume_id)
    end_reservation(gate)
    gate.put_position()
    say_unknown(gate, taken.consume_id)
    late: dict[str, Any] = {"repeats": first.entry_id} if is_put_back else {"entry": first}
    if answer == "executed":
        gate.report("plan-1", ("7", "SELL", "0.010"), **late)
        gate.put_position("0.030")
    else:
        say_rejected(gate, taken.consume_id, **late)
    assert held_for(gate) == ["plan-1"]
    assert gate.why_not("plan-2") == "reconcile_hold_active"
    say_rejected(gate, taken.consume_id)
    assert hold(gate) == {}


def test_the_last_of_several_counts(consumed: tuple[Gate, Consumed]) -> None:
    """An answer that was published between two of them ends nothing."""
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    between, last = gate.publish_result(), gate.publish_result()
    say_unknown(gate, taken.consume_id, entry=last)
    say_unknown(gate, taken.consume_id, entry=between)
    say_rejected(gate, taken.consume_id, repeats=between.entry_id)
    assert gate.reserved_by() == "plan-1"


def test_one_that_was_put_back_is_as_old_as_it_was(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    first, second = gate.publish_result(), gate.publish_result()
    say_rejected(gate, taken.consume_id)
    say_rejected(gate, taken.consume_id, entry=second)
    say_unknown(gate, taken.consume_id, repeats=first.entry_id)
    assert gate.reserved_by() is None
    say_unknown(gate, taken.consume_id, repeats=second.entry_id)
    assert gate.reserved_by() is None, "the later of two answers counts, whichever was recorded last"


def test_after_a_part_of_the_order_it_is_believed(consumed: tuple[Gate, Consumed]) -> None:
    """The order is still open: what is left of it can execute."""
    gate, taken = consumed
    gate.report("plan-1", ("7", "SELL", "0.010"))
    assert gate.reserved_by() is None
    say_unknown(gate, taken.consume_id)
    assert gate.reserved_by() == "plan-1"
    end_reservation(gate)
    gate.put_position("0.030")
    assert gate.why_not("plan-2") == "reconcile_hold_active"
    gate.report("plan-1", ("7", "SELL", "0.030"))
    assert hold(gate) == {}


# --- a result that names another symbol -----------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["executed", "rejected"])
def test_one_that_names_another_symbol_settles_nothing(consumed: tuple[Gate, Consumed], answer: str) -> None:
    gate, taken = consumed
    gate.make_ready(symbol=OTHER)
    doubt = gate.publish_result()
    if answer == "executed":
        gate.report("plan-1", ("99", "SELL", "0.001"), symbol=OTHER)
    else:
        say_rejected(gate, taken.consume_id, symbol=OTHER)
    say_unknown(gate, taken.consume_id, entry=doubt)
    assert left_ms(gate) > UNKNOWN_MS - 5_000
    end_reservation(gate)
    gate.put_position()
    assert held_for(gate) == ["plan-1"]


def test_nor_does_it_hold_that_symbol(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    gate.make_ready(symbol=OTHER)
    say_unknown(gate, taken.consume_id, symbol=OTHER)
    gate.report("plan-1", ("99", "SELL", "0.001"), symbol=OTHER)
    assert gate.reserved_by(OTHER) is None
    assert gate.redis.hget(gate.keys.ledger(OTHER), "barrier_ms") is None
    assert left_ms(gate) <= CONSUMED_MS


def test_an_executor_that_comes_to_doubt_its_refusal_takes_the_position_again(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    say_rejected(gate, taken.consume_id)
    assert gate.reserved_by() is None
    say_unknown(gate, taken.consume_id)
    assert gate.reserved_by() == "plan-1"


# --- hedge mode -----------------------------------------------------------------------------------------------------


@pytest.fixture
def leg_consumed(gate: Gate) -> tuple[Gate, Consumed]:
    gate.make_hedged()
    gate.allow(position_side=Leg.LONG)
    return gate, gate.consume()


def test_in_hedge_mode_it_is_the_legs_alone(leg_consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = leg_consumed
    say_unknown(gate, taken.consume_id)
    assert gate.reserved_by(leg=Leg.LONG) == "plan-1"
    end_reservation(gate, Leg.LONG)
    assert gate.why_not("plan-2", position_side=Leg.LONG) == "reconcile_hold_active"
    gate.put_legs("0.040", "-0.020")
    assert held_for(gate, Leg.LONG) == ["plan-1"]
    assert hold(gate, Leg.SHORT) == {}
    assert gate.why_not("plan-3", position_side=Leg.SHORT) == "allow"
    assert gate.service_holds.release(SYMBOL, Leg.LONG, why="looked it up", by="somebody") is not None
    gate.put_legs("0.040", "-0.020")
    assert gate.why_not("plan-4", position_side=Leg.LONG) == "allow"


def test_a_switch_of_the_mode_doesnt_lose_it(leg_consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = leg_consumed
    say_unknown(gate, taken.consume_id)
    gate.put_position("0.040")
    assert held_for(gate) == ["plan-1"]
    assert gate.why_not("plan-2") == "reconcile_hold_active"


# --- contradictions: unknown or a breach, never a release -----------------------------------------------------------


def refused_on_record(gate: Gate, consume_id: str) -> None:
    """The refusal names an order that is on record as executed."""
    gate.report("another", ("7", "SELL", "0.010"))
    gate.report("plan-1", ("7", "SELL", "0"), executed=False, rejected=True, consume_id=consume_id)


def refused_with(quantity: str) -> Callable[[Gate, str], None]:
    def refuse(gate: Gate, consume_id: str) -> None:
        entry = {
            "plan_id": "plan-1",
            "symbol": SYMBOL,
            "executed": "False",
            "outcome": "rejected",
            "consume_id": consume_id,
            "order_id": "7",
            "side": "SELL",
            "filled_qty": quantity,
        }
        gate.recorder.record(parse_result(entry), gate.publish_result())

    return refuse


REFUSALS = {
    "of an order on record as executed": refused_on_record,
    "that names an executed quantity": refused_with("0.010"),
    "whose quantity can't be read": refused_with("n/a"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_that_contradicts_itself_is_an_unknown_outcome(consumed: tuple[Gate, Consumed], refusal: str) -> None:
    gate, taken = consumed
    REFUSALS[refusal](gate, taken.consume_id)
    assert gate.reserved_by() == "plan-1"
    assert left_ms(gate) > UNKNOWN_MS - 5_000
    end_reservation(gate)
    gate.put_position()
    assert held_for(gate) == ["plan-1"]


def test_a_result_with_another_plans_order_releases_nothing(consumed: tuple[Gate, Consumed]) -> None:
    gate, _ = consumed
    gate.report("plan-0", ("7", "SELL", "0.010"))
    gate.report("plan-1", ("7", "SELL", "0.030"))
    assert gate.reserved_by() == "plan-1"


def test_nor_does_an_order_whose_side_changes(consumed: tuple[Gate, Consumed]) -> None:
    gate, taken = consumed
    say_unknown(gate, taken.consume_id)
    gate.report("plan-1", ("7", "SELL", "0"))
    before = gate.ledger_amt()
    gate.report("plan-1", ("7", "BUY", "0.030"))
    assert gate.ledger_amt() == before
    assert gate.reserved_by() == "plan-1"
    assert gate.redis.hget(gate.keys.ledger(SYMBOL), "unknown_plan_id") == "plan-1"
