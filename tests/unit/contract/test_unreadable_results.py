"""What can't be understood in a result is a problem that is said; rejections."""

from __future__ import annotations

import json

import pytest

from p33_tasks.contract.results import MAX_RESULT_AGE_MS, parse_entry_result, parse_result
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import StreamEntry
from p33_tasks.services.record_fill import refusal_in
from tests.factories import result_entry
from tests.unit.contract.said_in_results import (
    dialect_a,
    dialect_b,
    entry,
    fills_of,
    problem_of,
)

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize("name", ["plan_id", "symbol"])
@pytest.mark.parametrize(
    "value", [None, "", "\x00", "\ud800", "x" * 10_000_000, b"\xff"], ids=lambda value: ascii(value)[:12]
)
def test_without_plan_id_or_symbol_it_is_not_understood(name: str, value: object):
    with pytest.raises(InvalidMessageError, match=name):
        parse_result(dialect_b(**{name: value}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("steps_results", "no json"),
        ("steps_results", "{}"),
        ("steps_results", "[1]"),
        ("steps_results", "[" * 100_000),
        ("steps_results", '[{"order_id":"1","order_id":"2"}]'),
        ("steps_results", "[{'order_id': '1'}]"),
        ("details", "no json"),
        ("details", "[]"),
        ("details", "5"),
        ("details", '{"a":' * 100_000),
        ("details", " " * 1_000_001),
        ("details", b"\xff"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_structures_that_can_not_be_read_are_a_problem(name: str, text: object):
    assert name in problem_of(result_entry(**{name: text}))


def test_more_orders_than_any_plan_has_are_a_problem():
    steps = [json.dumps({"order_id": str(number)}) for number in range(201)]
    assert len(fills_of(dialect_a(*steps[:200]))) == 200
    assert parse_result(dialect_a(*steps[:200])).problems == ()
    result = parse_result(dialect_a(*steps))
    assert (len(result.fills), len(result.problems)) == (200, 1)


def test_a_rejection_carries_the_consumption_it_belongs_to():
    result = parse_result(result_entry(executed="False", outcome=" Rejected ", consume_id="c-1"))
    assert (result.rejected, result.consume_id) == (True, "c-1")


@pytest.mark.parametrize("outcome", [None, "", "unknown", "REJECTED?", "filled"])
def test_any_other_outcome_is_no_rejection(outcome: str | None):
    result = parse_result(result_entry(executed="False", outcome=outcome))
    assert (result.rejected, result.consume_id) == (False, None)


def test_what_was_executed_was_not_rejected():
    assert not parse_result(dialect_b(outcome="rejected")).rejected


@pytest.mark.parametrize(
    "changes",
    [
        {"error": "HTTP 400, code -1111: Precision is over the maximum defined for this asset."},
        {"steps_results": '[{"step":"CLOSE_FULL","error":"binance {\\"code\\":-1111,\\"msg\\":\\"x\\"}"}]'},
        {"steps_results": '[{"step":"CLOSE_FULL","status":"error","code":-1111}]'},
        {"details": '{"error_code":"-1111"}'},
    ],
    ids=["flat", "text of a step", "number of a step", "details"],
)
def test_a_code_of_the_venue_is_found_wherever_the_executor_puts_it(changes: dict[str, str]):
    result = parse_result(result_entry(executed="False", **changes))
    assert refusal_in(result.errors, frozenset({"-1111"})) == "-1111"


@pytest.mark.parametrize("text", ["code -11110", "code 1111", "order 7-1111", "x-1111", "", "None"])
def test_another_word_is_not_the_venues_code(text: str):
    result = parse_result(result_entry(executed="False", error=text))
    assert refusal_in(result.errors, frozenset({"-1111"})) is None


def test_an_error_text_is_bounded():
    (text,) = parse_result(result_entry(executed="False", error="x" * 100_000)).errors
    assert len(text) == 1_000


def test_a_result_that_was_put_back_is_as_old_as_the_entry_it_names() -> None:
    found = parse_entry_result(entry(retried_entry_id=f"{NOW_MS - 9_000}-0"), now_ms=NOW_MS, added_ms=NOW_MS)
    assert found.first_entry(StreamEntry(stream="s", entry_id=f"{NOW_MS}-0")).entry_id == f"{NOW_MS - 9_000}-0"
    limit = NOW_MS - MAX_RESULT_AGE_MS
    parse_entry_result(entry(retried_entry_id=f"{limit}-0"), now_ms=NOW_MS, added_ms=NOW_MS)
    for too_old, says in ((limit - 1, "remembered for 7"), (NOW_MS + 1, "later than the entry itself")):
        with pytest.raises(InvalidMessageError, match=says):
            parse_entry_result(entry(retried_entry_id=f"{too_old}-0"), now_ms=NOW_MS, added_ms=NOW_MS)


@pytest.mark.parametrize("named", ["", "yesterday", "5", "5-0\n", "99999999999999999-0", "\u0661-0"])
def test_another_text_than_an_entry_id_is_none(named: str) -> None:
    with pytest.raises(InvalidMessageError, match="retried_entry_id"):
        parse_entry_result(entry(retried_entry_id=named), now_ms=NOW_MS, added_ms=NOW_MS)
