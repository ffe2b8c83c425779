"""Whatever number comes in, it comes out exactly, or not at all."""

from __future__ import annotations

import re
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st

from p33_tasks.domain import quantities as q
from p33_tasks.errors import InvalidQuantityError
from tests.strategies import amounts, steps


@given(amounts())
def test_what_is_written_is_read_back_equal(number: Decimal):
    assert q.parse_quantity(q.canonical(number)) == number


@given(amounts())
def test_there_is_one_way_to_write_a_number(number: Decimal):
    text = q.canonical(number)
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", text)
    assert text != "-0"
    assert q.canonical(q.parse_quantity(text)) == text
    padded = text + ("000" if "." in text else ".000")
    if len(padded) <= q.MAX_TEXT_LENGTH:
        assert q.canonical(q.parse_quantity(padded)) == text


@given(st.text() | st.from_regex(r"[+-]?[0-9]*\.?[0-9]*([eE][+-]?[0-9]*)?") | st.integers() | st.decimals())
@example("1e400")
@example("9" * 1000)
def test_anything_else_is_refused_with_one_kind_of_error(value: object):
    try:
        number = q.parse_quantity(value)
    except InvalidQuantityError:
        return
    assert number.is_finite()
    assert len(q.canonical(number)) <= 2 * q.MAX_DIGITS + 2


@given(amounts(), steps())
def test_floor_is_the_largest_multiple_that_is_not_above(number: Decimal, step: Decimal):
    quantity = q.magnitude(number)
    floored = q.floor_to_step(quantity, step)
    assert 0 <= floored <= quantity
    assert q.subtract(quantity, floored) < step
    assert q.EXACT.remainder(floored, step) == 0


@given(steps(), steps())
def test_a_multiple_of_the_common_step_is_a_multiple_of_both(first: Decimal, second: Decimal):
    common = q.common_step(first, second)
    assert q.EXACT.remainder(common, first) == 0
    assert q.EXACT.remainder(common, second) == 0


@given(amounts(), amounts())
def test_sums_are_exact(left: Decimal, right: Decimal):
    assert q.subtract(q.add(left, right), right) == left
    assert q.add(left, right) == q.add(right, left)
