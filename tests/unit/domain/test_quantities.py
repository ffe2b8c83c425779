"""Exact decimals: what is read, what is refused, how it is written, and floored."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain import quantities as q
from p33_tasks.errors import InvalidQuantityError


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0.028", "0.028"),
        ("-0.0120", "-0.012"),
        ("+5", "5"),
        ("1.", "1"),
        (".5", "0.5"),
        (" 7 ", "7"),
        ("1e-8", "0.00000001"),
        ("1E+3", "1000"),
        ("-0.000", "0"),
        ("0e999", "0"),
        ("100", "100"),
        (12, "12"),
        (-3, "-3"),
        (Decimal("2.50"), "2.5"),
        ("9" * 30 + "." + "9" * 30, "9" * 30 + "." + "9" * 30),
        ("0." + "1" * 30 + "000", "0." + "1" * 30),
    ],
)
def test_numbers_are_read_exactly_and_written_canonically(text: object, written: str):
    assert q.canonical(q.parse_quantity(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "0x1",
        "1e400",
        "1e30",
        "1e-31",
        "1,5",
        "1_000",
        "--1",
        "1 2",
        "True",
        "٣",
        "1e",
        "e5",
        ".",
        "1" * 31,
        "0." + "1" * 31,
        "1" * 10_000_000,
        "\x00",
        "1\n2",
        10**40,
        10**10_000,
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("1e31"),
    ],
    ids=lambda value: f"{value:.20}" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_plain_number_of_reasonable_size_is_refused_in_few_words(text: object):
    with pytest.raises(InvalidQuantityError) as refusal:
        q.parse_quantity(text)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("value", [0.1, 1.0, True, None, b"1", ["1"], {}])
def test_a_float_is_a_programming_error(value: object):
    with pytest.raises(TypeError):
        q.parse_quantity(value)


def test_a_float_is_not_written_either():
    with pytest.raises(TypeError):
        q.canonical(0.1)  # type: ignore[arg-type]  # that is the test


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_never_written(number: str):
    with pytest.raises(InvalidQuantityError):
        q.canonical(Decimal(number))


@pytest.mark.parametrize(
    ("quantity", "step", "floored"),
    [
        ("0.027", "0.001", "0.027"),
        ("0.0279999", "0.001", "0.027"),
        ("0.0015", "0.001", "0.001"),
        ("0.0004", "0.001", "0"),
        ("7", "2.5", "5"),
        ("12345", "100", "12300"),
        ("0", "0.1", "0"),
    ],
)
def test_floor_never_takes_the_nearest(quantity: str, step: str, floored: str):
    assert q.floor_to_step(Decimal(quantity), Decimal(step)) == Decimal(floored)


@pytest.mark.parametrize(("quantity", "step"), [("-0.1", "0.1"), ("1", "0"), ("1", "-0.1")])
def test_a_negative_quantity_and_a_step_of_zero_are_programming_errors(quantity: str, step: str):
    with pytest.raises(ValueError, match="can't floor"):
        q.floor_to_step(Decimal(quantity), Decimal(step))


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("0.001", "0.001", "0.001"),
        ("0.001", "0.1", "0.1"),
        ("0.2", "0.3", "0.6"),
        ("1", "0.25", "1"),
        ("10", "4", "20"),
        ("0." + "0" * 29 + "1", "9" * 30, "9" * 30),
    ],
)
def test_the_common_step_is_a_multiple_of_both(first: str, second: str, common: str):
    assert q.common_step(Decimal(first), Decimal(second)) == Decimal(common)
    assert q.common_step(Decimal(second), Decimal(first)) == Decimal(common)


def test_sums_and_magnitudes_keep_every_digit():
    """The thread's own context would round to 28 digits."""
    long = Decimal("123456789012345678901234567890.123456789012345678901234567891")
    assert q.canonical(q.magnitude(q.negated(long))) == "123456789012345678901234567890.123456789012345678901234567891"
    assert q.add(long, q.negated(long)) == 0
    assert q.subtract(q.add(long, Decimal("1e-30")), long) == Decimal("1e-30")
    assert q.canonical(q.negated(q.ZERO)) == "0"


def test_a_percentage_is_for_people_and_never_fails():
    assert q.percent_of(Decimal(1), Decimal(3)) == Decimal("33.333334")
    assert q.percent_of(Decimal("0.0100000000001"), Decimal(1)) > 1, "over a limit of 1 %, so it must not read as 1"
    assert q.percent_of(Decimal("9" * 30), Decimal("1e-30")) > 0
