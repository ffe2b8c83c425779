"""Results of every dialect and mixture (CONTRACT section 4; failures 14, 15; sequence K)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Fill, OrderSide
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ExecutionResult
from tests.factories import make_fill
from tests.unit.contract.said_in_results import (
    BUY,
    DETAILS_C,
    SELL,
    STEP_A,
    dialect_a,
    dialect_b,
    dialect_c,
    fills_of,
    problem_of,
)


def test_dialect_a_lists_its_orders():
    fill = Fill(order_id="7", side=SELL, cumulative_qty=Decimal("0.028"), reduce_only=True)
    assert parse_result(dialect_a(STEP_A)) == ExecutionResult(
        plan_id="plan-1", symbol="BTCUSDT", executed=True, fills=(fill,)
    )


def test_dialect_b_counts_what_was_filled_and_not_what_was_asked_for():
    assert fills_of(dialect_b()) == (make_fill("7", SELL, "0.028"),)


def test_dialect_c_has_an_integer_order_id_and_a_quantity_that_no_float_touches():
    assert fills_of(dialect_c()) == (make_fill("8205830455", SELL, "0.028"),)
    exact = DETAILS_C.replace("0.028", "0.1000000000000000055511151231")
    assert fills_of(dialect_c(exact))[0].cumulative_qty == Decimal("0.1000000000000000055511151231")


def test_an_order_id_is_exact_beyond_what_a_float_can_hold():
    assert fills_of(dialect_c(DETAILS_C.replace("8205830455", "9007199254740993")))[0].order_id == "9007199254740993"


@pytest.mark.parametrize("executed", ["True", "true", "TRUE", "1", "yes", True, 1, b"True"])
def test_executed_in_any_spelling(executed: object):
    assert fills_of(dialect_b(executed=executed)) == (make_fill("7", SELL, "0.028"),)


@pytest.mark.parametrize("executed", ["False", "false", "0", "no", False, 0])
@pytest.mark.parametrize("entry", [dialect_a(STEP_A), dialect_b(order_id="7"), dialect_c()], ids=["A", "B", "C"])
def test_not_executed_keeps_the_order_ids_and_no_quantity(entry: dict[str, Any], executed: object):
    """Any order id starts the cooldown: the order may still be alive."""
    result = parse_result({**entry, "executed": executed})
    assert not result.executed
    assert [fill.cumulative_qty for fill in result.fills] == [0]
    assert [fill.order_id for fill in result.fills] == ["7" if "details" not in entry else "8205830455"]


@pytest.mark.parametrize("executed", [None, "", "None", "maybe", "2", 1.0, [], b"\xff"])
def test_a_result_that_does_not_say_whether_it_was_executed_is_not_understood(executed: object):
    with pytest.raises(InvalidMessageError, match="executed"):
        parse_result(dialect_b(executed=executed))


def test_executed_is_true_although_every_step_failed_so_nothing_is_filled():
    failed = '{"step":"CLOSE_FULL","status":"failed","error":"-2022","quantity":"0.028"}'
    assert fills_of(dialect_a(failed, failed)) == ()


def test_an_unfilled_acknowledgement_names_an_order_and_no_quantity():
    assert fills_of(dialect_a(STEP_A.replace('"executed_qty":"0.028"', '"executed_qty":"0.0"'))) == (
        make_fill("7", SELL, "0"),
    )
    assert fills_of(dialect_b(filled_qty="0", order_status="NEW")) == (make_fill("7", SELL, "0"),)


def test_a_failed_step_with_an_order_counts_with_what_was_executed_of_it():
    step = STEP_A.replace("success", "failed").replace('"executed_qty":"0.028"', '"executed_qty":"0.01"')
    assert fills_of(dialect_a(step)) == (make_fill("7", SELL, "0.01"),)


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null"])
def test_a_quantity_that_is_not_given_is_none(nothing: str | None):
    assert fills_of(dialect_b(filled_qty=nothing)) == (make_fill("7", SELL, "0"),)


def test_a_requested_quantity_is_never_taken_for_a_filled_one():
    assert fills_of(dialect_a('{"order_id":"7","side":"SELL","quantity":"0.028"}'))[0].cumulative_qty == 0
    assert fills_of(dialect_b(filled_qty=None))[0].cumulative_qty == 0
    assert fills_of(dialect_c('{"side":"SELL","qty":0.05,"order_id":7}'))[0].cumulative_qty == 0


@pytest.mark.parametrize(
    "quantity",
    ["NaN", "Infinity", "1e400", "-0.01", "0,028", "x", "0x10", "1" * 10_000_000, 0.028, True, [], "\ud800"],
    ids=lambda value: ascii(value)[:20],
)
def test_a_quantity_that_can_not_be_read_is_not_taken_for_none(quantity: object):
    assert "filled_qty" in problem_of(dialect_b(filled_qty=quantity))
    assert [fill.order_id for fill in fills_of(dialect_b(filled_qty=quantity))] == ["7"], "the order id is certain"


@pytest.mark.parametrize(
    "number",
    ["NaN", "-Infinity", "1e400", "1e999999999999999999999", "-1", "9" * 5000, "true", "[]", "{}"],
    ids=lambda value: value[:20],
)
def test_a_json_quantity_that_can_not_be_read_is_not_taken_for_none(number: str):
    assert "filled_qty" in problem_of(dialect_c(DETAILS_C.replace("0.028", number)))
    assert "executed_qty" in problem_of(dialect_a(STEP_A.replace('"executed_qty":"0.028"', f'"executed_qty":{number}')))


@pytest.mark.parametrize("number", ["NaN", "1e400", "9" * 5000], ids=lambda value: value[:20])
def test_a_number_that_nobody_reads_spoils_nothing(number: str):
    assert fills_of(dialect_c(DETAILS_C.replace("{", '{"pnl":' + number + ",", 1)))[0].cumulative_qty == Decimal(
        "0.028"
    )


@pytest.mark.parametrize("order_id", [None, "", "None", "null"])
def test_without_an_order_id_there_is_no_fill(order_id: str | None):
    assert fills_of(dialect_b(order_id=order_id, filled_qty="0")) == ()
    assert "without order_id" in problem_of(dialect_b(order_id=order_id))


@pytest.mark.parametrize(
    "order_id",
    ["8205830455.0", "8.2e9", "true", "[]", "{}", '"a\\nb"', f'"{"x" * 101}"', "9" * 5000],
    ids=lambda value: value[:20],
)
def test_an_order_id_that_went_through_a_float_or_is_none_at_all_is_refused(order_id: str):
    assert "order_id" in problem_of(dialect_c(DETAILS_C.replace("8205830455", order_id)))


@pytest.mark.parametrize(
    ("side", "read"),
    [("SELL", SELL), ("buy", BUY), (" Sell ", SELL), (None, None), ("", None), ("close", None), ("LONG", None)],
)
def test_a_side_is_read_and_never_derived(side: str | None, read: OrderSide | None):
    assert fills_of(dialect_b(side=side)) == (make_fill("7", read, "0.028"),)


def test_the_larger_cumulative_quantity_of_one_order_counts_whatever_the_order_of_the_steps():
    steps = [STEP_A, STEP_A.replace('"executed_qty":"0.028"', '"executed_qty":"0.010"')]
    assert fills_of(dialect_a(*steps)) == fills_of(dialect_a(*reversed(steps))) == (make_fill("7", SELL, "0.028"),)


def test_an_order_id_is_the_same_as_text_and_as_an_integer():
    step = STEP_A.replace('"7"', "7")
    assert fills_of(dialect_a(STEP_A, step)) == (make_fill("7", SELL, "0.028"),)


def test_one_order_named_with_both_sides_has_none():
    result = parse_result(dialect_a(STEP_A, STEP_A.replace("SELL", "BUY"), STEP_A.replace("SELL", "BUY")))
    assert [fill.side for fill in result.fills] == [None]
    assert "both sides" in result.problems[0]


@pytest.mark.parametrize("side", ["LONG", "close", "", None])
def test_an_executed_quantity_without_a_side_is_a_problem_and_never_0_in_silence(side: str | None):
    result = parse_result(dialect_b(side=side))
    assert "order '7' executed 0.028 and has side" in result.problems[0]
    assert parse_result(dialect_b(side=side, filled_qty="0")).problems == (), "nothing was executed yet"


@pytest.mark.parametrize("bad", ['{"order_id":"8","side":"SELL","executed_qty":"x"}', "5", '{"order_id":8.5}', "null"])
def test_a_row_that_can_not_be_read_takes_no_good_order_with_it(bad: str):
    result = parse_result(dialect_a(bad, STEP_A))
    assert make_fill("7", SELL, "0.028") in fills_of(dialect_a(bad, STEP_A))
    assert len(result.problems) == 1
    assert result.as_read["steps_results"] == f"[{bad},{STEP_A}]", "the dead letter holds what was not read"


def test_details_that_can_not_be_read_take_no_flat_order_with_them():
    result = parse_result(dialect_b(details="no json"))
    assert fills_of(dialect_b(details="no json")) == (make_fill("7", SELL, "0.028"),)
    assert "details" in result.problems[0]


def test_a_report_of_nothing_executed_that_names_an_executed_quantity_proves_no_rejection():
    result = parse_result(dialect_b(executed="False", outcome="rejected", consume_id="c"))
    assert (result.rejected, result.is_unreadable) == (False, True)
    assert "executed is false" in result.problems[0]
    assert parse_result(dialect_b(executed="False", outcome="rejected", filled_qty="0.0")).rejected


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"reduceOnly": "False"}, False),
        ({"reduceOnly": None}, None),
        ({"reduce_only": "true"}, True),
        ({"reduce_only": "false", "reduceOnly": "true"}, False),
    ],
)
def test_reduce_only_is_what_the_order_says_of_itself(flags: dict[str, str], said: object):
    assert parse_result(dialect_b(**flags)).fills[0].reduce_only is said


@pytest.mark.parametrize("name", ["positionSide", "position_side"])
@pytest.mark.parametrize(("text", "leg"), [("long", "LONG"), ("SHORT", "SHORT"), ("BOTH", None), ("", None)])
def test_a_flat_order_a_step_and_details_may_name_the_leg(name: str, text: str, leg: str | None):
    step = STEP_A.replace("{", f'{{"{name}":"{text}",', 1)
    for entry in (
        dialect_b(**{name: text}),
        dialect_a(step),
        dialect_c(DETAILS_C.replace("{", f'{{"{name}":"{text}",', 1)),
    ):
        assert parse_result(entry).fills[0].leg == leg
