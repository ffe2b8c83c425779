"""JSON of our own: exact numbers, one value per key, and one kind of error."""

from __future__ import annotations

import json
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType

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


class _Word(StrEnum):
    YES = 'y"'


class _Number(IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ([], "[]"),
        ({"a": {"b": [{}, (), [None]]}, "c": MappingProxyType({"d": 1})}, '{"a":{"b":[{},[],[null]]},"c":{"d":1}}'),
        ({_Word.YES: _Word.YES, "n": _Number.ONE, "b": False}, r'{"y\"":"y\"","n":1,"b":false}'),
        ({1: 1, "x": {True: True}, "y": {"1": "1"}}, '{"1":1,"x":{"True":true},"y":{"1":"1"}}'),
        ({"n" * 100: "\udc80"}, f'{{"{"n" * 100}":"\\\\udc80"}}'),
        ({"\udc80": "\x00é"}, '{"\\\\udc80":"\\u0000é"}'),
    ],
)
def test_every_shape_is_written_as_json_has_it(value: object, text: str):
    for _ in range(2):  # names are kept
        assert exact_json.dumps(value) == text
    json.loads(text)


def test_names_are_sorted_in_every_mapping_where_that_is_asked_for():
    fields = {"b": [{"d": 1, "c": 2}], "a": {"f": 1, "e": 2}}
    assert exact_json.dumps(fields, sort_keys=True) == '{"a":{"e":2,"f":1},"b":[{"c":2,"d":1}]}'


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
