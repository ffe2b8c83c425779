"""Results of every dialect and mixture (CONTRACT section 4; failures 14, 15; sequence K)."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.results import MAX_RESULT_AGE_MS, parse_entry_result, parse_result
from p33_tasks.domain.models import Fill, OrderSide
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ExecutionResult, StreamEntry
from p33_tasks.services.record_fill import refusal_in
from p33_tasks.venues.binance_usdm.order_reports import RESULTS as BINANCE
from tests.factories import make_fill, result_entry

BUY, SELL = OrderSide.BUY, OrderSide.SELL

STEP_A = (
    '{"step":"CLOSE_PARTIAL_75","status":"success","order_id":"7","side":"SELL","quantity":"0.028",'
    '"executed_qty":"0.028","reduce_only":true}'
)
DETAILS_C = '{"side":"SELL","qty":0.05,"order_id":8205830455,"filled_qty":0.028,"order_status":"FILLED"}'


def dialect_a(*steps: str, **changes: Any) -> dict[str, Any]:
    return result_entry(
        decision="EXECUTE", would_execute="True", error="", steps_results=f"[{','.join(steps)}]", **changes
    )


def dialect_b(**changes: Any) -> dict[str, Any]:
    flat = {
        "action": "CLOSE_PARTIAL_75",
        "side": "SELL",
        "close_qty": "0.05",
        "filled_qty": "0.028",
        "order_id": "7",
        "order_status": "FILLED",
        "reduceOnly": "True",
    }
    return result_entry(**{**flat, **changes})


def dialect_c(details: str = DETAILS_C, **changes: Any) -> dict[str, Any]:
    return result_entry(event_type="executed", source="apply", **{"executed": "true", "details": details, **changes})


def fills_of(fields: dict[str, Any]) -> tuple[Fill, ...]:
    """What was executed; the flags beside it have tests of their own."""
    return tuple(replace(fill, leg=None, reduce_only=None) for fill in parse_result(fields).fills)


def problem_of(fields: dict[str, Any]) -> str:
    """The one problem of an executed result that is no rejection either."""
    result = parse_result(fields)
    (problem,) = result.problems
    assert result.is_unreadable
    assert not result.rejected
    assert not any(fill.cumulative_qty for fill in result.fills)
    assert len(problem) <= 200
    return problem


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


# --- executed -------------------------------------------------------------------------------------------------------


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


# --- only confirmed quantity counts ---------------------------------------------------------------------------------


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


# --- order ids and sides --------------------------------------------------------------------------------------------


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


# --- the venue's own and ccxt's orders ------------------------------------------------------------------------------

RAW = '{"orderId":8389765591,"symbol":"BTCUSDT","status":"FILLED","executedQty":"0.028","origQty":"0.05","side":"SELL"}'
CCXT = '{"id":"8389765591","symbol":"BTC/USDT:USDT","status":"closed","filled":0.028,"amount":0.05,"side":"sell"}'


@pytest.mark.parametrize("order", [RAW, CCXT], ids=["raw", "ccxt"])
def test_a_raw_or_ccxt_order_is_read_by_the_venues_own_reader_in_every_place(order: str):
    flat = {name: str(value) for name, value in json.loads(order).items() if name != "symbol"}
    for entry in (dialect_a(order), dialect_c(order), result_entry(**flat)):
        (fill,) = parse_result(entry, BINANCE).fills
        assert (fill.order_id, fill.side, fill.cumulative_qty) == ("8389765591", SELL, Decimal("0.028"))
        assert "no reader" in problem_of(entry), "another venue's quantity may be contracts"


@pytest.mark.parametrize(
    "order",
    [
        RAW.replace('"orderId"', '"order_id":1,"orderId"'),
        RAW.replace('"executedQty":"0.028",', ""),
        RAW.replace('"orderId":8389765591,', ""),
        CCXT.replace("0.028", "NaN"),
    ],
    ids=["two ids", "no quantity", "no id", "NaN"],
)
def test_a_raw_order_that_is_not_certain_is_a_problem(order: str):
    result = parse_result(dialect_a(order), BINANCE)
    assert len(result.problems) == 1
    assert not any(fill.cumulative_qty for fill in result.fills)


@pytest.mark.parametrize(
    ("named", "venues"),
    [
        ("ETH/USDT:USDT", "ETHUSDT"),
        ("eth/usdt:usdt", "ETHUSDT"),
        ("BTC/USDC:USDC", "BTCUSDC"),
        ("BTC/USDT:USDT-260327", "BTCUSDT_260327"),
        ("BTC/USD:BTC", "BTC/USD:BTC"),
        ("ETHUSDT", "ETHUSDT"),
    ],
)
def test_a_symbol_in_ccxts_form_is_the_venues_symbol(named: str, venues: str):
    assert parse_result(dialect_b(symbol=named), BINANCE).symbol == venues


# --- mixtures -------------------------------------------------------------------------------------------------------


def test_all_dialects_in_one_entry_name_each_order_once():
    entry = {**dialect_a(STEP_A), **dialect_b(order_id="7"), **dialect_c()}
    assert fills_of(entry) == (make_fill("7", SELL, "0.028"), make_fill("8205830455", SELL, "0.028"))


def test_where_only_one_place_has_the_order_id_both_speak_of_the_same_order():
    nested_only = dialect_c('{"order_id":7,"side":"SELL"}', filled_qty="0.028")
    flat_only = dialect_c('{"side":"SELL","filled_qty":0.028}', order_id="7")
    acknowledged_flat = dialect_c('{"side":"SELL","filled_qty":0.028}', order_id="7", filled_qty="0.0")
    for entry in (nested_only, flat_only, acknowledged_flat):
        assert fills_of(entry) == (make_fill("7", SELL, "0.028"),)


def test_a_result_without_any_order_is_understood():
    for entry in (result_entry(), dialect_a(), result_entry(steps_results="", details=""), dialect_c("null")):
        assert fills_of(entry) == ()


# --- what can't be understood ---------------------------------------------------------------------------------------


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


# --- rejections -----------------------------------------------------------------------------------------------------


def test_a_rejection_carries_the_consumption_it_belongs_to():
    result = parse_result(result_entry(executed="False", outcome=" Rejected ", consume_id="c-1"))
    assert (result.rejected, result.consume_id) == (True, "c-1")


@pytest.mark.parametrize("outcome", [None, "", "unknown", "REJECTED?", "filled"])
def test_any_other_outcome_is_no_rejection(outcome: str | None):
    result = parse_result(result_entry(executed="False", outcome=outcome))
    assert (result.rejected, result.consume_id) == (False, None)


def test_what_was_executed_was_not_rejected():
    assert not parse_result(dialect_b(outcome="rejected")).rejected


# --- what went wrong ------------------------------------------------------------------------------------------------


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


NOW_MS = 1_800_000_000_000


def entry(**changes: str) -> dict[str, str]:
    return {"plan_id": "p", "symbol": "BTCUSDT", "executed": "False", **changes}


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
