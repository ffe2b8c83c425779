"""Applying fills to the shadow position (failures 12, 16; sequences K and Q)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.ledger import Applied, apply_fill, drift_after
from p33_tasks.domain.models import OrderSide
from tests.factories import make_fill

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def apply(
    amount: str | None, remembered: str | None, side: OrderSide | None, quantity: str, **options: bool
) -> Applied:
    return apply_fill(
        None if amount is None else Decimal(amount),
        None if remembered is None else Decimal(remembered),
        make_fill("1", side, quantity),
        **options,
    )


@pytest.mark.parametrize(
    ("amount", "side", "quantity", "after"),
    [
        ("0.046", SELL, "0.010", "0.036"),
        ("-0.012", BUY, "0.012", "0"),
        ("-0.012", SELL, "0.003", "-0.015"),
        ("0", BUY, "1.5", "1.5"),
        ("366", SELL, "881", "-515"),
    ],
)
def test_buying_adds_and_selling_subtracts_with_signs_kept(amount: str, side: OrderSide, quantity: str, after: str):
    applied = apply(amount, None, side, quantity)
    assert applied.amount == Decimal(after)
    assert applied.increase == applied.remembered_qty == Decimal(quantity)
    assert applied.is_new


def test_the_same_report_again_changes_nothing():
    applied = apply("0.036", "0.010", SELL, "0.010")
    assert (applied.amount, applied.increase, applied.is_new) == (Decimal("0.036"), 0, False)


def test_only_the_increase_of_a_cumulative_quantity_is_applied():
    first = apply("0.028", None, SELL, "0.010")
    second = apply_fill(first.amount, first.remembered_qty, make_fill("1", SELL, "0.028"))
    assert second.increase == Decimal("0.018")
    assert second.amount == 0
    assert second.remembered_qty == Decimal("0.028")


def test_an_earlier_report_that_arrives_late_takes_nothing_back():
    applied = apply("0", "0.028", SELL, "0.010")
    assert applied.amount == 0
    assert applied.increase == 0
    assert applied.remembered_qty == Decimal("0.028")
    assert not applied.is_new


def test_an_unfilled_acknowledgement_is_news_of_an_order_and_no_quantity():
    applied = apply("0.5", None, SELL, "0.0")
    assert (applied.amount, applied.increase, applied.remembered_qty) == (Decimal("0.5"), 0, 0)
    assert applied.is_new
    assert not apply("0.5", "0", SELL, "0.0").is_new


def test_a_fill_without_a_side_changes_no_amount_and_is_not_remembered_as_applied():
    applied = apply("0.5", None, None, "0.1")
    assert applied.amount == Decimal("0.5")
    assert applied.remembered_qty == 0
    later = apply_fill(applied.amount, applied.remembered_qty, make_fill("1", SELL, "0.1"))
    assert later.amount == Decimal("0.4")


def test_an_unknown_amount_stays_unknown_and_the_fill_is_remembered():
    applied = apply(None, None, BUY, "0.1")
    assert applied.amount is None
    assert applied.remembered_qty == Decimal("0.1")
    assert not applied.crossed_zero


def test_a_fill_that_an_adopted_snapshot_contains_is_remembered_and_not_applied():
    applied = apply("0.5", None, SELL, "0.1", counts=False)
    assert applied.amount == Decimal("0.5")
    assert applied.remembered_qty == Decimal("0.1")
    assert not apply("0.5", "0.1", SELL, "0.1").is_new


@pytest.mark.parametrize(
    ("amount", "side", "quantity", "crossed"),
    [
        ("0.02", SELL, "0.06", True),
        ("-0.02", BUY, "0.06", True),
        ("0.02", SELL, "0.02", False),
        ("0", SELL, "1", False),
    ],
)
def test_a_position_that_changes_its_side_is_noticed(amount: str, side: OrderSide, quantity: str, *, crossed: bool):
    assert apply(amount, None, side, quantity).crossed_zero is crossed


def test_a_sum_is_never_clamped_so_the_order_of_arrival_does_not_matter():
    """BUY 0.05 and a reduce-only SELL 0.06 arrive in the wrong order at 0.02."""
    buy, sell = make_fill("1", BUY, "0.05"), make_fill("2", SELL, "0.06")
    for fills in ((buy, sell), (sell, buy)):
        amount: Decimal | None = Decimal("0.02")
        for fill in fills:
            amount = apply_fill(amount, None, fill).amount
        assert amount == Decimal("0.01")


@pytest.mark.parametrize(("drift", "factor", "after"), [("0.8", "0.75", "3.2"), ("1", "0.5", "2"), ("0", "0.75", "0")])
def test_a_tolerated_drift_grows_in_percent_as_the_position_shrinks(drift: str, factor: str, after: str):
    assert drift_after(Decimal(drift), Decimal(factor)) == Decimal(after)
