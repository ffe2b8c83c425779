"""Where resting orders count, a close leaves room for them; what isn't known of them denies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.resting import Resting
from tests.factories import LIFE, NOW_MS, SOURCE, make_facts, make_market, make_plan, make_policy

COUNTS = make_policy(subtract_resting=True)


def resting(qty: str = "0.004", **changes: Any) -> Resting:
    fields: dict[str, Any] = {"ts_ms": NOW_MS - 60_000, "life": LIFE, "source": SOURCE, "qty": Decimal(qty), **changes}
    return Resting(order_ids=("8205830001",), **fields)


def close(facts: Facts, action: str = "CLOSE_FULL") -> Verdict:
    return evaluate(make_plan(action=action), facts, COUNTS)


@pytest.mark.parametrize("sign", ["", "-"], ids=["long", "short"])
@pytest.mark.parametrize(
    ("action", "quantity"), [("CLOSE_FULL", "0.006"), ("CLOSE_PARTIAL_75", "0.006"), ("CLOSE_PARTIAL_50", "0.005")]
)
def test_a_close_leaves_room_for_what_rests(sign: str, action: str, quantity: str) -> None:
    verdict = close(make_facts(f"{sign}0.010", resting=resting()), action)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(quantity)


def test_where_they_do_not_count_resting_orders_change_nothing() -> None:
    facts = make_facts("0.010", resting=resting("0.010"))
    assert evaluate(make_plan(), facts, make_policy()) == evaluate(make_plan(), make_facts("0.010"), make_policy())
    assert isinstance(evaluate(make_plan(), facts, make_policy()), Allow)


@pytest.mark.parametrize("qty", ["0.010", "0.0095", "0.012"])
def test_orders_that_leave_nothing_deny_with_their_ids(qty: str) -> None:
    verdict = close(make_facts("0.010", resting=resting(qty)))
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RESTING_ORDERS_COVER_POSITION
    assert verdict.details["order_ids"] == "8205830001"
    assert verdict.details["resting_qty"] == Decimal(qty)
    assert verdict.details["left_qty"] == max(Decimal("0.010") - Decimal(qty), Decimal(0))


def test_what_would_be_too_small_anyway_is_not_blamed_on_them() -> None:
    verdict = close(make_facts("0.0008", resting=resting("0.0001")))
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.QTY_BELOW_STEP_SIZE


def test_less_than_the_minimum_left_is_a_position_that_they_cover() -> None:
    market = make_market(min_qty=Decimal("0.005"))
    verdict = close(make_facts("0.010", resting=resting("0.006"), market=market))
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RESTING_ORDERS_COVER_POSITION


@pytest.mark.parametrize(
    ("found", "word"),
    [
        ({"resting": None}, "not read yet"),
        ({"resting": None, "resting_problem": "a list that can't be read"}, "can't be read"),
        ({"resting": resting(source="another venue")}, "another venue"),
        ({"resting": resting(life="2" * 40)}, "failover"),
    ],
    ids=["none", "unreadable", "another venue", "another life"],
)
def test_orders_that_are_not_known_deny(found: dict[str, Any], word: str) -> None:
    verdict = close(make_facts("0.010", **found))
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RESTING_ORDERS_UNKNOWN
    assert word in str(verdict.details["problem"])


@pytest.mark.parametrize(("age_ms", "is_known"), [(90_000, True), (90_001, False), (0, True), (-1, False)])
def test_an_answer_is_used_for_90_seconds_and_never_from_the_future(age_ms: int, *, is_known: bool) -> None:
    verdict = close(make_facts("0.010", resting=resting(ts_ms=NOW_MS - age_ms)))
    assert isinstance(verdict, Allow) == is_known
    if isinstance(verdict, Deny):
        assert verdict.reason is Reason.RESTING_ORDERS_UNKNOWN
        assert verdict.details["resting_orders_age_sec"] == Decimal(age_ms) / 1000
