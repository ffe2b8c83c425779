"""Bitget: proven, proven flat or unknown; market rules and the account."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.errors import (
    ExchangeCredentialsError,
    ExchangeError,
    MalformedResponseError,
)
from p33_tasks.venues.bitget.account_rows import read_account, read_hedge_mode, read_key, read_markets
from p33_tasks.venues.bitget.position_rows import read_positions
from p33_tasks.venues.bitget.spec import (
    PLACE,
    POSITIONS,
)
from p33_tasks.venues.bitget.venue import VENUE
from p33_tasks.venues.build import venue_source
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of
from tests.unit.venues.bitget_answers import (
    BTC,
    ETH,
    LIVE,
    TEST,
    answer,
    leg,
    raw,
    reader,
    refusal,
    row,
    session_with,
)


def read(*rows, symbols=(BTC, ETH), hedge=False, **changes):
    body = loads_exact(json.dumps(answer(list(rows)) | changes))
    return read_positions(body, symbols, hedge_mode=hedge)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


def legs(report):
    return [each.position_amt for each in report.positions[BTC].legs]


def test_the_recorded_positions_are_legs_and_the_other_leg_is_flat():
    assert legs(read(*raw("positions_hedge_long.json")["data"], hedge=True)) == [Decimal("0.002"), 0]
    assert legs(read(*raw("positions_hedge_short_long_digits.json")["data"], hedge=True)) == [0, Decimal("-0.0155")]


@given(st.decimals(min_value="0.0001", max_value="99999", places=4), st.sampled_from(["long", "short"]))
def test_the_side_has_the_sign_and_an_omitted_symbol_is_flat(total, side):
    report = read(row(total=f"{total:f}", holdSide=side))
    assert amounts(report) == {BTC: total if side == "long" else -total, ETH: 0}


def test_a_flat_symbol_has_the_accounts_mode():
    assert legs(read(hedge=True)) == [0, 0]
    assert not read().positions[BTC].hedge_mode


def test_a_closed_row_beside_an_open_one_counts_for_nothing():
    assert amounts(read(row(total="0"), row(holdSide="short"), symbols=[BTC])) == {BTC: Decimal("-1.5")}
    assert amounts(read(row(total="0"), row(holdSide="short", total="0"), symbols=[BTC])) == {BTC: 0}


@pytest.mark.parametrize(
    ("rows", "hedge"),
    [
        ([row(), row(holdSide="short")], False),
        ([row(), row(marginMode="isolated")], False),
        ([leg("long"), leg("long", marginMode="isolated")], True),
    ],
    ids=str,
)
def test_two_open_positions_are_not_one(rows, hedge):
    assert read(*rows, hedge=hedge).invalid.keys() == {BTC}


@pytest.mark.parametrize(
    "changes",
    [
        {"marginMode": "cash"},
        {"marginMode": ...},
        {"posMode": "hedge_mode"},
        {"posMode": "odd"},
        {"posMode": ...},
        {"holdSide": "net"},
        {"holdSide": ...},
        {"total": "-1.5"},
        {"total": ""},
        {"total": None},
        {"total": ...},
        {"total": "1,5"},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only(changes):
    report = read(row(**changes), row(symbol=ETH))
    assert (report.invalid.keys(), amounts(report)) == ({BTC}, {ETH: Decimal("1.5")})


@pytest.mark.parametrize("stranger", [row(symbol="BTCPERP", marginCoin="USDC"), row(symbol=...), row(symbol=7), "x"])
@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_another_margin_coin_leaves_absent_symbols_unknown(stranger, hedge):
    report = read(leg("long") if hedge else row(), stranger, hedge=hedge)
    assert ETH in report.invalid
    assert (BTC in report.invalid) is hedge  # its short leg is absent


@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown(hedge):
    """The account was switched between the two answers: which mode an absent symbol is of is unknown."""
    report = read(row() if hedge else leg("long"), hedge=hedge)
    assert report.invalid.keys() == {BTC, ETH}
    assert read(hedge=hedge).positions.keys() == {BTC, ETH}


@pytest.mark.parametrize("changes", [{"code": "40085"}, {"code": 0}, {"code": None}, {"data": None}, {"data": {}}])
def test_an_answer_that_does_not_say_it_succeeded_proves_nothing(changes):
    with pytest.raises(MalformedResponseError):
        read(**changes)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.sampled_from(["0", "USDT", BTC, "long", "00000", "1.5"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["code", "data", "symbol", "marginCoin", "total", "holdSide", "posMode"]), inner
            )
        ),
        max_leaves=12,
    ),
    st.booleans(),
)
def test_no_answer_makes_anything_up(body, hedge):
    try:
        report = read_positions(body, [BTC, ETH], hedge_mode=hedge)
    except MalformedResponseError:
        return
    assert report.positions.keys() | report.invalid.keys() == {BTC, ETH}
    assert report.positions.keys().isdisjoint(report.invalid)


def test_a_unified_account_is_refused_and_never_flat():
    with pytest.raises(ExchangeCredentialsError, match="40085"):
        reader(session_with(account=refusal(40085))).fetch_positions([BTC])
    with pytest.raises(ExchangeCredentialsError):
        reader(session_with(positions=refusal(40085))).fetch_positions([BTC])


def test_the_scope_is_sent_and_is_part_of_the_source():
    scope = {"productType": "USDT-FUTURES", "marginCoin": "USDT"}
    assert dict(POSITIONS.params) == dict(PLACE.params) == scope
    assert venue_source("bitget", LIVE, None) == "bitget api.bitget.com USDT-FUTURES"
    assert venue_source("bitget", TEST, None) == "bitget api.bitget.com USDT-FUTURES demo"


def test_the_documented_contract_has_its_rules():
    rules = read_markets(raw("contracts.json"), [BTC]).markets[BTC]
    assert (rules.step_size, rules.min_qty, rules.max_market_qty) == (Decimal("0.01"), Decimal("0.01"), Decimal(220))


@pytest.mark.parametrize(
    "changes",
    [
        {"symbolStatus": "maintain"},
        {"symbolStatus": "limit_open"},
        {"symbolStatus": None},
        {"quoteCoin": "USDC"},
        {"supportMarginCoins": []},
        {"supportMarginCoins": None},
        {"sizeMultiplier": "0"},
        {"minTradeNum": "-1"},
        {"maxMarketOrderQty": ""},
    ],
    ids=str,
)
def test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules(changes):
    contracts = raw("contracts.json")
    contracts["data"][0].update(changes)
    assert read_markets(contracts, [BTC]).invalid.keys() == {BTC}
    with pytest.raises(MalformedResponseError):
        read_markets(answer([]), [BTC])


def test_a_contract_listed_twice_has_no_rules():
    contracts = raw("contracts.json")
    contracts["data"] *= 2
    assert read_markets(contracts, [BTC]).invalid.keys() == {BTC}


def test_the_account_its_mode_and_the_keys_rights():
    assert read_hedge_mode(answer({"marginCoin": "USDT", "posMode": "hedge_mode"}))
    assert "multi-asset" in read_account(answer({"assetMode": "union"})).kind
    key = read_key(answer({"authorities": ["coow", "stor"], "ips": "127.0.0.1"}))
    assert (key.futures, key.withdrawals, key.ip_restricted) == (True, False, True)
    key = read_key(answer({"authorities": ["coor", "wwow"], "ips": ""}))
    assert (key.futures, key.withdrawals, key.ip_restricted) == (False, True, False)
    with pytest.raises(MalformedResponseError):
        read_key(answer({"ips": ""}))


@pytest.mark.parametrize("account", [{"posMode": "net"}, {"posMode": None}, {"posMode": "hedge_mode", "marginCoin": 1}])
def test_an_unknown_position_mode_is_an_error(account):
    with pytest.raises(MalformedResponseError):
        read_hedge_mode(answer({"marginCoin": "USDT"} | account))


def test_every_recorded_error_is_an_error():
    for sample in raw("errors.json"):
        answered = Answer(status=sample["http"], headers={}, text=json.dumps(sample["body"]))
        assert isinstance(failure_of(answered, VENUE.spec.errors, "x", str, 1), ExchangeError)
