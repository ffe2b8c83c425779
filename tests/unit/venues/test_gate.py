"""Gate: contracts and pages; proven, proven flat or unknown."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.errors import (
    ExchangeError,
    MalformedResponseError,
)
from p33_tasks.venues.build import venue_source
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.gate.account_rows import read_account, read_contracts, read_hedge_mode, read_key
from p33_tasks.venues.gate.position_rows import read_positions
from p33_tasks.venues.gate.spec import (
    POSITIONS,
)
from p33_tasks.venues.gate.venue import VENUE
from p33_tasks.venues.http_errors import Answer, failure_of
from tests.unit.venues.gate_answers import (
    BTC,
    CONTRACT_LIST,
    ETH,
    LIVE,
    TEST,
    ZG,
    contract,
    paged,
    raw,
    reader,
    session_with,
    without,
)


def row(**changes):
    return without({"contract": BTC, "mode": "single", "size": "15"} | changes)


def read(*rows, symbols=(BTC, ETH), hedge=False):
    contracts = read_contracts(CONTRACT_LIST)
    return read_positions(loads_exact(json.dumps(rows)), symbols, contracts=contracts, hedge_mode=hedge)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


def legs(report):
    return [each.position_amt for each in report.positions[BTC].legs]


def numbered(count, size="1"):
    return [row(contract=f"C{number:03d}_USDT", size=size) for number in range(count)]


def test_the_recorded_position_is_contracts_times_the_multiplier():
    assert amounts(read(*raw("positions_single_long.json"))) == {BTC: Decimal("0.0001"), ETH: 0}


def test_both_legs_are_read_from_string_sizes():
    rows = [each for each in raw("positions_dual_both_legs_string_sizes.json") if each["contract"] == BTC]
    assert legs(read(*rows, hedge=True)) == [Decimal("0.001"), Decimal("-0.0002")]


@given(st.decimals(min_value="-99999", max_value="99999", places=3))
def test_every_amount_keeps_its_sign_and_digits(contracts):
    assert read(row(size=f"{contracts:f}")).positions[BTC].position_amt == contracts * Decimal("0.0001")


@pytest.mark.parametrize("size", ["2", "-2"])
def test_a_short_leg_is_short_whatever_its_sign(size):
    assert legs(read(row(mode="dual_short", size=size), hedge=True)) == [0, Decimal("-0.0002")]


def test_half_a_contract_is_never_flat():
    assert read(row(size="0.5")).positions[BTC].position_amt == Decimal("0.00005")


def test_a_flat_symbol_has_the_accounts_mode():
    assert legs(read(hedge=True)) == [0, 0]
    assert not read().positions[BTC].hedge_mode


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "dual_long"},
        {"mode": "odd"},
        {"mode": ...},
        {"size": ""},
        {"size": None},
        {"size": ...},
        {"size": "1,5"},
        {"size": True},
    ],
    ids=str,
)
def test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only(changes):
    report = read(row(**changes), row(contract=ETH, size=2))
    assert (report.invalid.keys(), amounts(report)) == ({BTC}, {ETH: Decimal("0.02")})


@pytest.mark.parametrize(
    ("rows", "hedge"),
    [
        ([row(), row()], False),
        ([row(mode="dual_long"), row(mode="dual_long")], True),
        ([row(), row(mode="dual_short")], True),
        ([row(mode="dual_long", size="-1")], True),
    ],
    ids=str,
)
def test_rows_that_contradict_are_no_position(rows, hedge):
    assert BTC in read(*rows, hedge=hedge).invalid


@pytest.mark.parametrize("stranger", [row(contract="BTC_USD"), row(contract=...), row(contract=7), "x", None])
@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_something_else_leaves_absent_symbols_unknown(stranger, hedge):
    report = read(row(mode="dual_long") if hedge else row(), stranger, hedge=hedge)
    assert ETH in report.invalid
    assert (BTC in report.invalid) is hedge  # its short leg is absent


@pytest.mark.parametrize("hedge", [False, True])
def test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown(hedge):
    """The account was switched between the two answers: which mode an absent symbol is of is unknown."""
    report = read(row() if hedge else row(mode="dual_long"), hedge=hedge)
    assert report.invalid.keys() == {BTC, ETH}
    assert read(hedge=hedge).positions.keys() == {BTC, ETH}


def test_an_open_symbol_without_a_contract_size_is_unknown():
    assert "SOL_USDT" in read(row(contract="SOL_USDT"), symbols=["SOL_USDT"]).invalid
    inverse = read_contracts([contract(BTC, "0.0001", type="inverse")])
    assert BTC in read_positions([row()], [BTC], contracts=inverse, hedge_mode=False).invalid


def test_pages_are_read_to_one_that_is_not_full_and_twice():
    session = session_with(positions=paged([*numbered(100), row()]))
    assert reader(session).fetch_positions([BTC]).positions[BTC].position_amt == Decimal("0.0015")
    assert [params.get("offset") for params in session.params_of(POSITIONS)] == [None, 100, None, 100]
    session = session_with(positions=paged([row()]))
    assert reader(session).fetch_positions([ETH]).positions[ETH].position_amt == 0
    assert len(session.params_of(POSITIONS)) == 1


def test_a_row_that_moved_between_pages_is_unknown_and_not_flat():
    readings = iter(([*numbered(100)], [], [*numbered(100)], [row()]))
    session = session_with(positions=lambda _params: next(readings))
    assert BTC in reader(session).fetch_positions([BTC]).invalid


def test_a_page_larger_than_asked_for_and_pages_without_end_prove_nothing():
    for answer in (numbered(101), lambda _params: numbered(100)):
        with pytest.raises(MalformedResponseError):
            reader(session_with(positions=answer)).fetch_positions([BTC])


@pytest.mark.parametrize("body", [{}, {"data": []}, "null", 7])
def test_an_answer_that_is_no_list_proves_nothing(body):
    with pytest.raises(MalformedResponseError):
        reader(session_with(positions=body)).fetch_positions([BTC])


@given(
    st.lists(
        st.none()
        | st.sampled_from(["x", BTC])
        | st.dictionaries(
            st.sampled_from(["contract", "mode", "size"]),
            st.none() | st.booleans() | st.integers() | st.sampled_from([BTC, "single", "dual_long", "1.5", "0"]),
        ),
        max_size=4,
    ),
    st.booleans(),
)
def test_no_answer_makes_anything_up(rows, hedge):
    report = read_positions(rows, [BTC, ETH], contracts=read_contracts(CONTRACT_LIST), hedge_mode=hedge)
    assert report.positions.keys() | report.invalid.keys() == {BTC, ETH}
    assert report.positions.keys().isdisjoint(report.invalid)


def test_the_scope_is_sent_and_is_part_of_the_source():
    assert dict(POSITIONS.params) == {"settle": "usdt", "limit": "100", "holding": "true"}
    assert venue_source("gate", LIVE, None) == "gate api.gateio.ws usdt"
    assert venue_source("gate", TEST, None) == "gate api-testnet.gateapi.io usdt"


def test_the_recorded_contract_has_its_rules():
    rules = read_contracts([raw("contracts.json")]).rules([ZG]).markets[ZG]
    assert (rules.step_size, rules.min_qty, rules.max_market_qty) == (Decimal(1), Decimal(1), Decimal(300_000))


def test_contract_steps_become_base_steps():
    listed = [contract(BTC, "0.0001"), contract(ETH, "0.01", enable_decimal=True, order_size_min="0.1")]
    report = read_contracts(listed).rules([BTC, ETH])
    assert (report.markets[BTC].step_size, report.markets[BTC].max_market_qty) == (Decimal("0.0001"), Decimal(30))
    assert report.markets[ETH].step_size == Decimal("0.001")


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "prelaunch"},
        {"status": "delisted"},
        {"status": None},
        {"status": ...},
        {"in_delisting": True},
        {"in_delisting": ...},
        {"type": "inverse"},
        {"quanto_multiplier": "0"},
        {"quanto_multiplier": ""},
        {"order_size_min": 0},
        {"order_size_max": "0", "market_order_size_max": "0"},
    ],
    ids=str,
)
def test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules(changes):
    report = read_contracts([without(contract(BTC, "0.0001") | changes)]).rules([BTC])
    assert report.invalid.keys() == {BTC}


def test_a_contract_listed_twice_has_no_rules_and_no_list_is_no_answer():
    assert BTC in read_contracts([contract(BTC, "1"), contract(BTC, "1")]).rules([BTC]).invalid
    for answer in ([], {}, None):
        with pytest.raises(MalformedResponseError):
            read_contracts(answer)


@pytest.mark.parametrize(
    ("account", "mode"),
    [
        ({"in_dual_mode": True}, True),
        ({"in_dual_mode": False, "position_mode": "single"}, False),
        ({"in_dual_mode": True, "position_mode": "dual"}, True),
        ({"in_dual_mode": True, "position_mode": "single"}, None),
        ({"in_dual_mode": True, "position_mode": "dual_plus"}, None),
        ({"in_dual_mode": "true"}, None),
        ({}, None),
        ([], None),
    ],
    ids=str,
)
def test_the_position_mode_is_known_or_an_error(account, mode):
    if mode is None:
        with pytest.raises(MalformedResponseError):
            read_hedge_mode(account)
    else:
        assert read_hedge_mode(account) is mode


def test_the_account_and_the_keys_rights():
    detail = {"user_id": 1, "ip_whitelist": ["127.0.0.1"], "key": {"mode": 1}}
    assert (read_account(detail).kind, read_account(detail).problem) == ("classic account", None)
    assert read_account({"key": {"mode": 9}}).problem
    futures = [{"name": "futures", "read_only": False}]
    key = read_key(detail, [{"perms": futures}])
    assert (key.futures, key.withdrawals, key.ip_restricted) == (True, False, True)
    key = read_key({"ip_whitelist": []}, {"perms": [{"name": "wallet", "read_only": False}]})
    assert (key.futures, key.withdrawals, key.ip_restricted) == (False, True, False)
    with pytest.raises(MalformedResponseError, match="2 keys"):
        read_key(detail, [{"perms": futures}] * 2)


def test_every_recorded_error_is_an_error():
    for sample in raw("errors.json"):
        answered = Answer(status=sample["http"], headers={}, text=json.dumps(sample["body"]))
        assert isinstance(failure_of(answered, VENUE.spec.errors, "x", str, 1), ExchangeError)
