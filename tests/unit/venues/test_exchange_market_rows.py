"""The rules of market orders."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import MarketRules
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.market_rows import read_markets
from p33_tasks.venues.exact_json import loads_exact

DATA = Path(__file__).parents[2] / "data"


def lot(name="LOT_SIZE", *, step="0.001", minimum="0.001", maximum="1000"):
    values = {"filterType": name, "stepSize": step, "minQty": minimum, "maxQty": maximum}
    return {key: value for key, value in values.items() if value is not None}


def market(symbol="BTCUSDT", *, status="TRADING", filters=None):
    filters = [lot(), lot("MARKET_LOT_SIZE", maximum="120")] if filters is None else filters
    return {"symbol": symbol, "status": status, "filters": filters}


def read(*symbols, wanted=("BTCUSDT",)):
    return read_markets(loads_exact(json.dumps({"symbols": symbols})), wanted)


def rules(lot_size, market_lot_size):
    return read(market(filters=[lot(**lot_size), lot("MARKET_LOT_SIZE", **market_lot_size)])).markets["BTCUSDT"]


def test_lot_size_and_market_lot_size_combine():
    assert read(market()).markets["BTCUSDT"] == MarketRules(
        symbol="BTCUSDT", step_size=Decimal("0.001"), min_qty=Decimal("0.001"), max_market_qty=Decimal(120)
    )


def test_the_step_is_a_multiple_of_both_steps():
    assert rules({"step": "0.04"}, {"step": "0.06"}).step_size == Decimal("0.12")


@pytest.mark.parametrize(("first", "second"), [("0", "0.1"), ("0.1", "0.00000000")])
def test_a_step_of_zero_sets_none(first, second):
    assert rules({"step": first}, {"step": second}).step_size == Decimal("0.1")


def test_the_minimum_is_the_greater_one():
    assert rules({"minimum": "0.001"}, {"minimum": "0.01"}).min_qty == Decimal("0.01")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("1000", "120", "120"), ("0", "120", "120"), ("1000", "0", "1000"), ("0", "0", None)],
)
def test_the_maximum_is_the_smaller_one_above_zero(first, second, expected):
    found = rules({"maximum": first}, {"maximum": second}).max_market_qty
    assert found == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("status", ["SETTLING", "PENDING_TRADING", "BREAK", "CLOSE", "", None, 1])
def test_a_symbol_that_is_not_trading_is_spoiled_and_the_reason_names_its_status(status):
    assert f"{status!r}" in read(market(status=status)).invalid["BTCUSDT"]


def test_a_delisted_symbol_spoils_itself_only():
    report = read(market("ETHUSDT"), wanted=["BTCUSDT", "ETHUSDT"])
    assert report.markets.keys() == {"ETHUSDT"}
    assert "doesn't list it" in report.invalid["BTCUSDT"]


def test_a_symbol_listed_twice_is_spoiled():
    assert "2 times" in read(market(), market()).invalid["BTCUSDT"]


@pytest.mark.parametrize(
    "filters",
    [
        {"of": "another shape"},
        [],
        [lot()],
        [lot("MARKET_LOT_SIZE")],
        [lot(), lot(), lot("MARKET_LOT_SIZE")],
        [lot(step="0"), lot("MARKET_LOT_SIZE", step="0")],
        [lot(step=None), lot("MARKET_LOT_SIZE")],
        [lot(step="abc"), lot("MARKET_LOT_SIZE")],
        [lot(step="-1"), lot("MARKET_LOT_SIZE")],
        [lot(step="1e400"), lot("MARKET_LOT_SIZE")],
        [lot(minimum="-1"), lot("MARKET_LOT_SIZE")],
        [lot(maximum=""), lot("MARKET_LOT_SIZE")],
        [lot(step="9" * 30), lot("MARKET_LOT_SIZE", step="9" * 29 + "8")],
        "LOT_SIZE",
    ],
)
def test_rules_that_cannot_be_told_are_spoiled(filters):
    report = read(market(filters=filters))
    assert report.markets == {}
    assert report.invalid.keys() == {"BTCUSDT"}


def test_a_symbol_without_filters_is_spoiled():
    assert "filters" in read({"symbol": "BTCUSDT", "status": "TRADING"}).invalid["BTCUSDT"]


def test_the_documented_example_has_no_lot_size_and_is_spoiled():
    answer = loads_exact((DATA / "binance_exchangeinfo_docs.json").read_text())
    assert "LOT_SIZE" in read_markets(answer, ["BLZUSDT"]).invalid["BLZUSDT"]


@pytest.mark.parametrize("answer", [None, [], {}, {"symbols": None}, {"symbols": {}}, "x", 1])
def test_an_answer_without_a_list_of_symbols_is_malformed(answer):
    with pytest.raises(MalformedResponseError, match="symbols"):
        read_markets(answer, ["BTCUSDT"])
