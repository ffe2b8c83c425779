"""Positions: proven, proven flat, or unknown."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.position_rows import read_positions
from p33_tasks.venues.exact_json import loads_exact

DATA = Path(__file__).parents[2] / "data"
VENUE_DATA = DATA / "venues" / "binanceusdm"


def row(**changes):
    plain = {
        "symbol": "BTCUSDT",
        "positionSide": "BOTH",
        "positionAmt": "0.036",
        "entryPrice": "67445.9",
        "markPrice": "67502.68519858",
        "leverage": "10",
        "unRealizedProfit": "2.04426709",
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def read(*rows, symbols=("BTCUSDT",)):
    return read_positions(loads_exact(json.dumps(rows)), symbols)


def test_the_documented_v2_answer_proves_a_flat_position():
    report = read_positions(loads_exact((DATA / "binance_positionrisk_v2_docs.json").read_text()), ["BTCUSDT"])
    position = report.positions["BTCUSDT"]
    assert (position.position_amt, position.leverage, position.hedge_mode) == (Decimal(0), Decimal(10), False)
    assert position.mark_price == Decimal("6679.50671178")
    assert report.invalid == {}


def test_recorded_v3_rows_have_the_same_fields_and_keep_every_digit():
    case = json.loads((DATA / "binance_positionrisk_v3_recorded.json").read_text())["cases"][0]
    position = read(*case["httpResponse"]).positions["BTCUSDT"]
    assert position.position_amt == Decimal("0.009")
    assert (position.mark_price, position.leverage) == (Decimal("67502.68519858"), None)


def test_a_short_keeps_its_sign():
    assert read(row(positionAmt="-0.012")).positions["BTCUSDT"].position_amt == Decimal("-0.012")


def test_an_entry_price_of_zero_does_not_drop_the_row():
    assert read(row(entryPrice="0.0")).positions["BTCUSDT"].position_amt == Decimal("0.036")


def test_the_side_comes_from_the_amount_whatever_the_notional_says():
    assert read(row(positionAmt="-0.012", notional="810.0")).positions["BTCUSDT"].position_amt < 0


def test_an_exact_json_number_keeps_its_digits():
    report = read_positions(loads_exact(json.dumps([row()]).replace('"0.036"', "0.0360")), ["BTCUSDT"])
    assert str(report.positions["BTCUSDT"].position_amt) == "0.0360"


@pytest.mark.parametrize("answer", [None, {}, "", "[]", 0, True, {"BTCUSDT": {}}])
def test_an_answer_that_is_no_list_of_rows_is_malformed(answer):
    with pytest.raises(MalformedResponseError, match="a list of rows was expected"):
        read_positions(answer, ["BTCUSDT"])


def test_a_missing_row_is_unknown_and_not_flat():
    report = read(row(symbol="ETHUSDT"))
    assert report.positions == {}
    assert "no row" in report.invalid["BTCUSDT"]


def test_an_empty_list_proves_nothing():
    assert read().positions == {}
    assert read().invalid.keys() == {"BTCUSDT"}


@pytest.mark.parametrize(
    "amount",
    ["", " ", "abc", "NaN", "Infinity", "-Infinity", "1e400", "0x1", "1,5", "\u0661", None, True, [], {}, ["0"], ...],
)
def test_a_bad_amount_spoils_its_symbol_and_no_other(amount):
    report = read(row(positionAmt=amount), row(symbol="ETHUSDT"), symbols=["BTCUSDT", "ETHUSDT"])
    assert report.positions.keys() == {"ETHUSDT"}
    assert "positionAmt" in report.invalid["BTCUSDT"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e400", "1e99999999999999999999", "9" * 5000])
def test_a_bad_json_number_spoils_its_symbol_and_no_other(literal):
    text = json.dumps([row(), row(symbol="ETHUSDT")]).replace('"0.036"', literal, 1)
    report = read_positions(loads_exact(text), ["BTCUSDT", "ETHUSDT"])
    assert report.positions.keys() == {"ETHUSDT"}
    assert "positionAmt" in report.invalid["BTCUSDT"]


def test_a_float_from_another_json_reader_is_not_accepted():
    assert "positionAmt" in read_positions([row(positionAmt=0.036)], ["BTCUSDT"]).invalid["BTCUSDT"]


@pytest.mark.parametrize("field", ["entryPrice", "markPrice", "leverage", "unRealizedProfit"])
def test_a_field_that_is_there_must_be_a_number(field):
    assert field in read(row(**{field: "n/a"})).invalid["BTCUSDT"]


@pytest.mark.parametrize("rows", [[row(), row()], [row(), row(positionAmt="0.5")]])
def test_a_duplicated_row_spoils_its_symbol(rows):
    assert "more than one" in read(*rows).invalid["BTCUSDT"]


def test_an_amount_given_twice_in_one_row_spoils_its_symbol():
    text = json.dumps([row()]).replace('"positionAmt"', '"positionAmt": "0", "positionAmt"')
    assert "unreadable" in read_positions(loads_exact(text), ["BTCUSDT"]).invalid["BTCUSDT"]


@pytest.mark.parametrize("side", ["", "both", "NONE", None, 1, [], {}, ...])
def test_an_unknown_position_side_spoils_its_symbol(side):
    assert "positionSide" in read(row(positionSide=side)).invalid["BTCUSDT"]


@pytest.mark.parametrize("extra", [[], [row(positionSide="BOTH", positionAmt="0")]])
def test_long_and_short_legs_are_hedge_mode_with_their_sum(extra):
    legs = [row(positionSide="LONG", positionAmt="0.3"), row(positionSide="SHORT", positionAmt="-0.1"), *extra]
    position = read(*legs).positions["BTCUSDT"]
    assert (position.hedge_mode, position.position_amt) == (True, Decimal("0.2"))


def test_both_legs_are_reported_with_their_own_signs_and_fields():
    report = read_positions(loads_exact((VENUE_DATA / "position_risk_hedge_two_legs.json").read_text()), ["BTCUSDT"])
    position = report.positions["BTCUSDT"]
    assert (position.position_mode, position.position_amt) == ("hedge", Decimal("0.001"))
    long, short = position.legs
    assert (long.leg, short.leg) == (Leg.LONG, Leg.SHORT)
    assert (long.position_amt, short.position_amt) == (Decimal("0.001"), 0)
    assert (long.entry_price, long.unrealized_pnl) == (Decimal("22185.2"), Decimal("-1.06214947"))


def test_a_one_way_symbol_has_no_legs():
    position = read(row()).positions["BTCUSDT"]
    assert (position.position_mode, position.legs) == ("one_way", ())


@pytest.mark.parametrize(("long", "short"), [("-0.1", "0"), ("0.1", "0.1"), ("-0.000001", "-1"), ("0", "1E-8")])
def test_a_leg_on_the_other_side_is_an_invalid_row(long, short):
    legs = [row(positionSide="LONG", positionAmt=long), row(positionSide="SHORT", positionAmt=short)]
    report = read(*legs, row(symbol="ETHUSDT"), symbols=("BTCUSDT", "ETHUSDT"))
    assert report.positions.keys() == {"ETHUSDT"}
    assert "leg is" in report.invalid["BTCUSDT"]


def test_a_one_way_amount_beside_legs_is_an_invalid_row():
    legs = [row(positionSide=side, positionAmt="0") for side in ("LONG", "SHORT")]
    assert "neither long nor short" in read(row(positionAmt="0.1"), *legs).invalid["BTCUSDT"]


def test_legs_that_cancel_out_are_hedge_mode_too():
    legs = [row(positionSide="LONG", positionAmt="0.1"), row(positionSide="SHORT", positionAmt="-0.1")]
    position = read(*legs).positions["BTCUSDT"]
    assert (position.hedge_mode, position.position_amt) == (True, Decimal(0))


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_a_lone_leg_is_unknown(side):
    assert side in read(row(positionSide=side, positionAmt="0")).invalid["BTCUSDT"]


@pytest.mark.parametrize("stray", ["BTCUSDT", None, 7, [], {}, {"symbol": ["BTCUSDT"]}, {"symbol": None}])
def test_a_row_that_is_nobodys_spoils_nobody(stray):
    assert read(stray, row()).positions.keys() == {"BTCUSDT"}


def test_rows_of_symbols_not_asked_for_are_passed_over():
    assert read(row(), row(symbol="OLDUSDT", positionAmt="x")).invalid == {}
