"""Breaches, and what is kept of orders: for every quantity, and in every order of arrival."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.executions import decode_executed, decode_order, encode_executed, encode_order, permitted_of
from p33_tasks.domain.executions import Breach, OrderRecord, Permitted, breaches_of, is_beyond
from p33_tasks.domain.models import Fill, OrderSide, PositionSide
from p33_tasks.domain.quantities import add, is_writable, multiply, parse_quantity

steps = st.integers(0, 8).map(lambda places: Decimal(1).scaleb(-places))
counts = st.integers(1, 10**9)
sides = st.sampled_from(OrderSide)
legs = st.sampled_from([None, PositionSide.LONG, PositionSide.SHORT])


@given(step=steps, permitted=counts, parts=st.integers(0, 99), more=st.integers(0, 5))
def test_a_quantity_is_beyond_its_permit_from_one_whole_step_on(step: Decimal, permitted: int, parts: int, more: int):
    quantity = multiply(step, Decimal(permitted))
    permit = Permitted(order_side=OrderSide.SELL, safe_close_qty=quantity, step_size=step)
    total = add(quantity, multiply(step, Decimal(more) + Decimal(parts).scaleb(-2)))
    assert is_beyond(permit, total) == (more >= 1)


@given(side=sides, leg=legs, reported=sides, named=legs, flag=st.sampled_from([None, True, False]), total=counts)
def test_a_breach_is_named_only_where_the_report_says_so(
    side: OrderSide, leg: PositionSide | None, reported: OrderSide, named: PositionSide | None, flag: object, total: int
):
    permit = Permitted(order_side=side, safe_close_qty=Decimal(10**9), leg=leg, step_size=Decimal(1))
    fill = Fill(
        order_id="7",
        side=reported,
        cumulative_qty=Decimal(total),
        leg=named,
        reduce_only=None if flag is None else bool(flag),
    )
    found = breaches_of(permit, fill, increase=Decimal(total), total=Decimal(total))
    assert (Breach.SIDE in found) == (reported is not side)
    assert (Breach.LEG in found) == (leg is not None and named is not None and named is not leg)
    assert (Breach.NOT_REDUCE_ONLY in found) == (leg is None and flag is False)
    assert Breach.QUANTITY not in found


@given(
    record=st.builds(
        OrderRecord,
        plan_id=st.text(min_size=1, max_size=20),
        side=st.sampled_from([None, *OrderSide]),
        breaches=st.lists(st.sampled_from(Breach), unique=True).map(tuple),
    )
)
def test_a_record_of_an_order_is_read_back(record: OrderRecord):
    encodable = record.plan_id.encode(errors="backslashreplace").decode()
    read = decode_order(encode_order(record))
    assert read == OrderRecord(plan_id=encodable, side=record.side, breaches=record.breaches)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), st.decimals(0, 10**20, places=8)))
def test_what_a_plan_executed_is_read_back_exactly(executed: dict[str, Decimal]):
    assert decode_executed(encode_executed(executed)) == executed


@given(st.text(max_size=40))
def test_whatever_stands_in_their_place_is_none(text: str):
    decode_order(text)
    decode_executed(text)
    assert permitted_of(text, plan_id="p", symbol="BTCUSDT", step_size=text) is None


@given(st.decimals(-(10**31), 10**31, allow_nan=False, allow_infinity=False, places=10))
def test_what_is_writable_is_read_back(number: Decimal):
    assert is_writable(number) == (abs(number) < 10**30)
    if is_writable(number):
        assert parse_quantity(str(number)) == number
