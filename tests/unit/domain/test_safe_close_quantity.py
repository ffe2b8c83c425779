"""Rule 6: how much may be closed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Verdict
from p33_tasks.domain.reasons import Reason
from tests.factories import make_facts, make_market, make_plan, make_policy


def close(amount: str, action: str, step: str = "0.001", **market: Decimal | None) -> Verdict:
    rules = make_market(**{"step_size": Decimal(step), "min_qty": Decimal(step), **market})
    return evaluate(make_plan(action=action), make_facts(amount, market=rules), make_policy())


@pytest.mark.parametrize("sign", ["", "-"], ids=["long", "short"])
@pytest.mark.parametrize(
    ("amount", "action", "quantity"),
    [
        ("0.062", "CLOSE_FULL", "0.062"),
        ("0.036", "CLOSE_PARTIAL_75", "0.027"),  # in floats it is a step short
        ("0.002", "CLOSE_PARTIAL_75", "0.001"),  # the nearest step would be a full close
        ("0.037", "CLOSE_PARTIAL_50", "0.018"),
        ("0.007", "PARTIAL_25", "0.001"),
        ("0.0129999", "FULL_CLOSE", "0.012"),
    ],
)
def test_the_part_to_close_is_floored_to_the_step(sign: str, amount: str, action: str, quantity: str):
    verdict = close(sign + amount, action)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(quantity)


@pytest.mark.parametrize("sign", ["", "-"], ids=["long", "short"])
@pytest.mark.parametrize(("amount", "action"), [("0.0004", "CLOSE_FULL"), ("0.003", "CLOSE_PARTIAL_25")])
def test_a_quantity_of_zero_is_denied(sign: str, amount: str, action: str):
    verdict = close(sign + amount, action)
    assert isinstance(verdict, Deny)
    assert verdict.reason == Reason.QTY_BELOW_STEP_SIZE
    assert verdict.details["exchange_position_amt"] == Decimal(sign + amount)
    assert verdict.details["step_size"] == Decimal("0.001")


def test_a_quantity_of_zero_is_denied_also_where_the_venue_names_no_minimum():
    """A minQty of 0 is a filter that sets none; an order of nothing is still none."""
    verdict = close("0.0004", "CLOSE_FULL", min_qty=Decimal(0))
    assert isinstance(verdict, Deny)
    assert verdict.reason == Reason.QTY_BELOW_STEP_SIZE


def test_the_minimum_quantity_itself_can_be_closed_and_a_step_less_can_not():
    minimum = Decimal("0.005")
    assert isinstance(close("0.005", "CLOSE_FULL", min_qty=minimum), Allow)
    verdict = close("0.004", "CLOSE_FULL", min_qty=minimum)
    assert isinstance(verdict, Deny)
    assert verdict.reason == Reason.QTY_BELOW_STEP_SIZE
    assert verdict.details["min_qty"] == minimum


def test_the_quantity_is_capped_at_the_venues_maximum_and_still_a_multiple_of_the_step():
    verdict = close("500", "CLOSE_FULL", max_market_qty=Decimal("120.0005"))
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(120)


def test_a_venue_without_a_maximum_caps_nothing():
    verdict = close("5000000", "CLOSE_FULL", max_market_qty=None)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(5_000_000)


@pytest.mark.parametrize(
    ("step", "quantity"), [("0.001", "7.499"), ("0.1", "7.4"), ("1", "7"), ("0.25", "7.25"), ("0.0000001", "7.4999993")]
)
def test_the_step_is_the_symbols_own(step: str, quantity: str):
    verdict = close("9.9999991", "CLOSE_PARTIAL_75", step)
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(quantity)


@pytest.mark.parametrize("sign", ["", "-"], ids=["long", "short"])
@pytest.mark.parametrize(
    ("action", "quantity"), [("CLOSE_FULL", "1." + "9" * 30), ("CLOSE_PARTIAL_50", "0." + "9" * 30)]
)
def test_an_amount_with_more_digits_than_the_thread_rounds_to_is_not_rounded_up(sign: str, action: str, quantity: str):
    """``abs()`` rounds 1.999...9 (31 digits) to 2: more than there is, and half of it is more than half."""
    verdict = close(sign + "1." + "9" * 30, action, "0." + "0" * 29 + "1")
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal(quantity)
