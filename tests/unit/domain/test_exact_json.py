"""JSON of our own: exact numbers, one value per key, and one kind of error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain import exact_json
from p33_tasks.errors import CorruptStateError


@pytest.mark.parametrize("text", ["0.028", "0.1", "-1E+2", "12345678901234567890.123456789"])
def test_a_number_with_a_point_or_an_exponent_keeps_its_digits(text: str):
    value = exact_json.loads_object(f'{{"n":{text}}}')["n"]
    assert isinstance(value, Decimal)
    assert value == Decimal(text)


def test_what_is_written_is_read_back_equal_and_in_exact_literals():
    fields = {"qty": Decimal("0.0280"), "n": 3, "yes": True, "none": None, "text": 'a"b', "list": [Decimal("1E-7")]}
    text = exact_json.dumps(fields)
    assert text == '{"qty":0.028,"n":3,"yes":true,"none":null,"text":"a\\"b","list":[0.0000001]}'
    assert exact_json.loads_object(text) == fields


@pytest.mark.parametrize("value", [0.028, {"qty": 0.028}, [1, 0.5], {1, 2}, b"x"])
def test_a_float_is_not_written(value: object):
    with pytest.raises(TypeError):
        exact_json.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"n":NaN}',
        '{"n":Infinity}',
        '{"n":-Infinity}',
        '{"n":1e400}',
        '{"n":1e-400}',
        '{"n":1e99999999999999999999}',
        '{"n":0.' + "1" * 300 + "}",
        '{"n":1,"n":2}',
        '{"m":{"n":1,"n":1}}',
        "[1]",
        '"text"',
        "null",
        "",
        "{",
        "[" * 100_000,
    ],
    ids=lambda text: text[:24],
)
def test_what_two_readers_could_see_differently_is_refused(text: str):
    with pytest.raises(CorruptStateError):
        exact_json.loads_object(text)
