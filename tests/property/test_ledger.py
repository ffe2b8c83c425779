"""The shadow position doesn't depend on how the reports of its orders arrive."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain import quantities as q
from p33_tasks.domain.ledger import apply_fill
from p33_tasks.domain.models import Fill, OrderSide
from tests.strategies import amounts, fills


def replay(amount: Decimal | None, reports: Iterable[Fill]) -> tuple[Decimal | None, dict[str, Decimal]]:
    remembered: dict[str, Decimal] = {}
    for fill in reports:
        applied = apply_fill(amount, remembered.get(fill.order_id), fill)
        amount, remembered[fill.order_id] = applied.amount, applied.remembered_qty
    return amount, remembered


@given(amounts(), st.lists(fills()), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(start: Decimal, reports: list[Fill], random):
    shuffled = list(reports)
    random.shuffle(shuffled)
    assert replay(start, reports) == replay(start, shuffled)


@given(amounts(), st.lists(fills()), st.data())
def test_reports_that_come_again_change_nothing(start: Decimal, reports: list[Fill], data: st.DataObject):
    again = data.draw(st.lists(st.sampled_from(reports))) if reports else []
    assert replay(start, [*reports, *again]) == replay(start, reports)


@given(amounts(), st.lists(fills()))
def test_the_sum_is_the_start_and_the_largest_report_of_each_order(start: Decimal, reports: list[Fill]):
    largest: dict[str, Fill] = {}
    for fill in reports:
        if fill.order_id not in largest or fill.cumulative_qty > largest[fill.order_id].cumulative_qty:
            largest[fill.order_id] = fill
    expected = start
    for fill in largest.values():
        signed = fill.cumulative_qty if fill.side is OrderSide.BUY else q.negated(fill.cumulative_qty)
        expected = q.add(expected, signed)
    assert replay(start, reports)[0] == expected


@given(st.lists(fills()))
def test_an_unknown_amount_stays_unknown(reports: list[Fill]):
    amount, remembered = replay(None, reports)
    assert amount is None
    assert set(remembered) == {fill.order_id for fill in reports}


@given(amounts(), st.lists(fills()))
def test_what_is_remembered_of_an_order_never_shrinks(start: Decimal, reports: list[Fill]):
    remembered: dict[str, Decimal] = {}
    for fill in reports:
        applied = apply_fill(start, remembered.get(fill.order_id), fill)
        assert applied.remembered_qty >= remembered.get(fill.order_id, q.ZERO)
        assert applied.increase >= 0
        remembered[fill.order_id] = applied.remembered_qty
