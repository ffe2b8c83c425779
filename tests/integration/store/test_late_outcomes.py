"""Outcomes that come late, of another symbol, of a leg, or against what was said before (CONTRACT section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Leg
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
from tests.support.gate import OTHER, SYMBOL, Gate


@pytest.fixture
def leg_consumed(gate: Gate) -> tuple[Gate, Consumed]:
    gate.make_hedged()
    gate.allow(position_side=Leg.LONG)
    return gate, gate.consume()


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
