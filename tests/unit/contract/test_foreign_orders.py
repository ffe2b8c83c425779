"""Orders as the venue or ccxt writes them in a result, and mixtures of forms."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.contract.results import parse_result
from p33_tasks.venues.binance_usdm.order_reports import RESULTS as BINANCE
from tests.factories import make_fill, result_entry
from tests.unit.contract.said_in_results import (
    SELL,
    STEP_A,
    dialect_a,
    dialect_b,
    dialect_c,
    fills_of,
    problem_of,
)

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
