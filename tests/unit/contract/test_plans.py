"""Plans: what is read, what is a problem, and what can't be understood (CONTRACT section 4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.plans import is_executable, parse_plan, parse_task_plan
from p33_tasks.domain.models import Plan
from p33_tasks.errors import InvalidMessageError
from tests.factories import NOW_MS, plan_entry


def parse(**changes: Any) -> Plan:
    return parse_plan(plan_entry(**changes), issued_ms=NOW_MS, from_stream=True)


def test_a_plan_of_the_live_stream_is_read():
    assert parse() == Plan(
        plan_id="abc5f1f59a4df545",
        symbol="BTCUSDT",
        action="FULL_CLOSE_PROPOSED",
        close_factor=Decimal(1),
        reduce_only=True,
        issued_ms=NOW_MS,
        from_stream=True,
        problem=None,
    )


@pytest.mark.parametrize("decision", ["EXECUTE", "execute", " Execute ", b"EXECUTE"])
def test_only_the_decision_execute_is_judged(decision: object):
    assert is_executable(plan_entry(decision=decision))


@pytest.mark.parametrize("decision", [None, "", "SKIP", "EXECUTED", "NOT EXECUTE", b"\xff", 1, True, ["EXECUTE"]])
def test_other_decisions_are_not_judged(decision: object):
    assert not is_executable(plan_entry(decision=decision))


# --- the action -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "factor"), [("close_partial_75", "0.75"), ("Partial_50", "0.5"), (b"CLOSE_FULL", "1")]
)
def test_the_action_decides_whatever_the_steps_say(action: object, factor: str):
    assert parse(action=action).close_factor == Decimal(factor)


@pytest.mark.parametrize("action", ["", "  ", "HOLD", "UPDATE_SL", "CLOSE_PARTIAL_60", "None"])
def test_an_action_that_is_given_and_unknown_is_not_replaced_by_the_steps(action: str):
    plan = parse(action=action)
    assert plan.close_factor is None
    assert plan.problem is None


@pytest.mark.parametrize(
    ("steps", "factor"),
    [
        ('[{"step": "CLOSE_PARTIAL_75"}]', "0.75"),
        ('[{"step": "CANCEL_STOPS"}, {"step": "close_partial_50"}, {"step": "CLOSE_FULL"}]', "0.5"),
        ('[{"type": "note"}, {"step": "PARTIAL_25"}]', "0.25"),
        ('[{"step": "CLOSE_FULL", "pct": NaN, "size": 1e400, "n": ' + "9" * 5000 + "}]", "1"),
        ([{"step": "CLOSE_FULL", "pct": 100.0}], "1"),  # from a task
        ('[{"step": "CLOSE_PARTIAL_60"}, {"step": "CLOSE_FULL"}]', None),  # the first close is one we don't know
        ('[{"step": "UPDATE_SL"}]', None),
        ("[]", None),
        ("null", None),
        ("", None),
        (None, None),
    ],
)
def test_without_an_action_the_first_closing_step_decides(steps: object, factor: str | None):
    plan = parse(action=None, steps=steps)
    assert plan.close_factor == (None if factor is None else Decimal(factor))
    assert plan.problem is None


@pytest.mark.parametrize(
    "steps",
    [
        "no json",
        "{}",
        '"CLOSE_FULL"',
        "5",
        '["CLOSE_FULL"]',
        "[" * 100_000,
        '[{"a":' * 20_000,
        '[{"step": "HOLD", "step": "CLOSE_FULL"}]',
        '[{"step": "CLOSE_FULL"}',
        "[{'step': 'CLOSE_FULL'}]",
        b"\xff\xfe",
        "[" + " " * 1_000_001 + "]",
        {"step": "CLOSE_FULL"},
    ],
    ids=lambda steps: ascii(steps)[:24],
)
@pytest.mark.parametrize("action", ["CLOSE_FULL", None])
def test_unreadable_steps_are_a_problem_also_beside_an_action(action: str | None, steps: object):
    plan = parse(action=action, steps=steps)
    assert plan.problem is not None
    assert plan.problem.startswith("steps ")
    assert len(plan.problem) < 300
    assert plan.close_factor is None


@pytest.mark.parametrize(
    "action", [["CLOSE_FULL"], {"a": 1}, 1.5, b"\xff", 10**10_000], ids=["list", "dict", "float", "bytes", "int"]
)
def test_an_action_that_is_no_text_is_a_problem(action: object):
    plan = parse(action=action)
    assert plan.problem is not None
    assert plan.close_factor is None


@pytest.mark.parametrize("action", ["A" * 10_000_000, "\ud800", "\x00\n"], ids=["10 MB", "lone surrogate", "control"])
def test_an_action_is_kept_short_and_encodable_for_the_denials_details(action: str):
    plan = parse(action=action)
    assert len(plan.action) <= 480
    plan.action.encode()
    assert plan.close_factor is None


# --- reduce-only ----------------------------------------------------------------------------------------------------


def test_a_missing_reduce_only_means_reduce_only():
    """Read as false, it flipped positions: 150 trades in 11 minutes."""
    assert parse(reduceOnly=None).reduce_only
    assert parse(reduceOnly=None).problem is None


@pytest.mark.parametrize("value", ["true", "True", "TRUE", "1", "yes", "on", " t ", True, 1])
def test_reduce_only_true_in_any_spelling(value: object):
    assert parse(reduceOnly=value).reduce_only
    assert parse(reduceOnly=value).problem is None


@pytest.mark.parametrize("value", ["false", "False", "FALSE", "0", "no", "No", "off", "f", " n ", False, 0, b"false"])
@pytest.mark.parametrize("name", ["reduceOnly", "reduce_only", "REDUCEONLY"])
def test_reduce_only_false_in_any_spelling(name: str, value: object):
    assert not parse(**{name: value}).reduce_only


@pytest.mark.parametrize(
    "value", ["", "maybe", "2", "truefalse", "None", "\ud800", b"\xff", 0.0, [], "true" * 1_000_000]
)
def test_a_reduce_only_that_is_neither_is_a_problem(value: object):
    plan = parse(reduceOnly=value)
    assert plan.problem is not None
    assert "reduceOnly" in plan.problem
    assert len(plan.problem) < 200
    plan.problem.encode()


def test_all_problems_are_named():
    problem = parse(steps="x", reduceOnly="perhaps").problem
    assert problem is not None
    assert "steps" in problem
    assert "reduceOnly" in problem


# --- identity -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan_id", ["p", "x" * 200, "with space", "colon:id", "ünïcode", 17, b"bytes"])
def test_plan_ids_that_can_be_a_key(plan_id: object):
    expected = plan_id.decode() if isinstance(plan_id, bytes) else str(plan_id)
    assert parse(plan_id=plan_id).plan_id == expected


@pytest.mark.parametrize(
    "plan_id",
    [
        None,
        "",
        "   ",
        "x" * 201,
        "x" * 10_000_000,
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "a\x1b[2Jb",
        "a\u2028b",
        "\ud800",
        b"\xff",
        1.5,
        True,
        ["a"],
        {},
        10**10_000,
    ],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else "int",
)
def test_without_a_usable_plan_id_there_is_nothing_to_deny(plan_id: object):
    with pytest.raises(InvalidMessageError, match="plan_id") as refusal:
        parse(plan_id=plan_id)
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("symbol", "read"),
    [("BTCUSDT", "BTCUSDT"), (" btcusdt ", "BTCUSDT"), ("BTC/USDT:USDT", "BTC/USDT:USDT"), ("X" * 40, "X" * 40)],
)
def test_a_symbol_is_read_without_blanks_and_in_upper_case(symbol: str, read: str):
    assert parse(symbol=symbol).symbol == read


def test_a_letter_that_unicode_upper_cases_to_another_symbols_stays_what_it_is():
    assert parse(symbol="btcu\u017fdt").symbol == "btcu\u017fdt"


@pytest.mark.parametrize(
    "symbol", [None, "", " ", "X" * 41, "BTC\nUSDT", "BTC\x00", "\udfff", b"\xff", 1.5, ["BTCUSDT"]]
)
def test_without_a_usable_symbol_there_is_nothing_to_deny(symbol: object):
    with pytest.raises(InvalidMessageError, match="symbol"):
        parse(symbol=symbol)


# --- as a task ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("issued_ms", [NOW_MS, str(NOW_MS), f" {NOW_MS} "])
def test_a_plan_sent_as_a_task_says_when_it_was_made(issued_ms: object):
    plan = parse_task_plan(plan_entry(issued_ms=issued_ms))
    assert (plan.issued_ms, plan.from_stream, plan.problem) == (NOW_MS, False, None)


@pytest.mark.parametrize(
    "issued_ms",
    [None, "", "x", "-1", -1, 1.5, "1.5", True, "1e12", 10**15, 10**10_000, "٣", [], "9" * 10_000_000],
    ids=lambda value: ascii(value)[:20] if not isinstance(value, int) else "int",
)
def test_a_plan_sent_as_a_task_without_a_usable_time_is_a_problem(issued_ms: object):
    plan = parse_task_plan(plan_entry(issued_ms=issued_ms))
    assert plan.issued_ms == 0
    assert not plan.from_stream
    assert plan.problem is not None
    assert plan.problem.startswith("issued_ms ")
    assert len(plan.problem) < 200


def test_a_plan_sent_as_a_task_with_another_decision_is_a_problem():
    plan = parse_task_plan(plan_entry(issued_ms=NOW_MS, decision="HOLD"))
    assert plan.problem == "decision must be EXECUTE, found 'HOLD'"


def test_a_task_plans_other_problems_are_named_too():
    problem = parse_task_plan(plan_entry(reduceOnly="perhaps")).problem
    assert problem is not None
    assert "issued_ms" in problem
    assert "reduceOnly" in problem


def test_a_task_plan_without_a_plan_id_can_not_be_understood():
    with pytest.raises(InvalidMessageError, match="plan_id"):
        parse_task_plan(plan_entry(plan_id=None))
