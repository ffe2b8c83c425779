"""Hyperliquid: proven, proven flat or unknown; whose address it is; market rules."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.errors import (
    ConfigurationError,
    ExchangeCredentialsError,
    ExchangeUnavailableError,
    MalformedResponseError,
)
from p33_tasks.settings import load_settings
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.hyperliquid.account_rows import read_markets
from p33_tasks.venues.hyperliquid.order_rows import read_resting
from p33_tasks.venues.hyperliquid.position_rows import read_positions
from p33_tasks.venues.hyperliquid.spec import (
    MOST_DEXES,
    POSITIONS,
    ROLE,
)
from tests.support.played_session import NOW_MS
from tests.unit.venues.hyperliquid_answers import (
    ACCOUNT,
    AGENT,
    OTHER,
    fill,
    raw,
    reader,
    session_with,
    state,
)


def row(coin="BTC", szi="1.5", kind="oneWay", **changes):
    return {"type": kind, "position": {"coin": coin, "szi": szi, "entryPx": "10.5"} | changes}


def read(*rows, symbols=("BTC", "ETH"), dex=""):
    return read_positions(loads_exact(json.dumps(state(*rows))), symbols, dex=dex)


def amounts(report):
    return {symbol: str(position.position_amt) for symbol, position in report.positions.items()}


SPOT = ("@107", "PURR/USDC", "UBTC/USDC")  # how the venue names spot pairs in lists that hold both


def test_recorded_positions_are_read_with_their_signs():
    for name in ("clearinghouse_state_long_short", "clearinghouse_state_isolated"):
        answer = {"time": NOW_MS} | raw(name)  # the older recording is of before answers had their time
        expected = {each["position"]["coin"]: each["position"]["szi"] for each in answer["assetPositions"]}
        report = read_positions(answer, [coin.upper() for coin in expected], dex="")
        assert {s: p.position_amt for s, p in report.positions.items()} == {
            coin.upper(): Decimal(szi) for coin, szi in expected.items()
        }
    assert report.positions["ETH"].leverage == 20


def test_the_mark_price_is_what_a_position_is_worth_per_unit():
    (position,) = read(row(szi="-1.5", positionValue="15.75"), symbols=["BTC"]).positions.values()
    assert position.mark_price == Decimal("10.5")
    for unknown in (row(), row(szi="0.0", positionValue="0.0")):
        assert read(unknown, symbols=["BTC"]).positions["BTC"].mark_price is None
    assert read(row(positionValue="much"), symbols=["BTC"]).invalid.keys() == {"BTC"}


@pytest.mark.parametrize(
    "odd", [row(coin="xyz:TSLA"), row(coin=None), {"type": "oneWay"}, None, row(coin=""), row(coin="BT\u00c7")]
)
def test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown(odd):
    report = read(row(), odd)
    assert amounts(report) == {"BTC": "1.5"}
    assert report.invalid.keys() == {"ETH"}


@pytest.mark.parametrize("rows", [[row(), row()], [row(kind="hedge")], [row(szi="one")], [row(coin="btc"), row()]])
def test_what_is_not_one_position_is_invalid(rows):
    assert read(*rows).invalid.keys() == {"BTC"}


def test_each_dex_is_asked_for_itself_and_proves_its_own_coins_only():
    def answer(params):
        return state(row(coin="xyz:TSLA", szi="-2")) if params["dex"] == "xyz" else state(row())

    session = session_with(positions=answer)
    report = reader(session).fetch_positions(["BTC", "XYZ:TSLA", "XYZ:GOLD"])
    assert amounts(report) == {"BTC": "1.5", "XYZ:TSLA": "-2", "XYZ:GOLD": "0"}
    assert session.params_of(POSITIONS) == [{"user": ACCOUNT, "dex": dex} for dex in ("", "xyz")]


def test_the_own_dexs_answer_proves_nothing_about_another_dex():
    report = reader(session_with(positions=state(row()))).fetch_positions(["BTC", "XYZ:TSLA"])
    assert amounts(report) == {"BTC": "1.5"}
    assert report.invalid.keys() == {"XYZ:TSLA"}


def test_a_dex_that_cant_be_read_affects_its_coins_only():
    def answer(params):
        return None if params["dex"] else state(row())

    session = session_with(positions=answer, meta=lambda params: None if params["dex"] else raw("meta"))
    for report in (reader(session).fetch_positions(["BTC", "NOSUCH:BTC"]), reader(session).fetch_markets(["NOSUCH:A"])):
        assert all(symbol.startswith("NOSUCH:") for symbol in report.invalid)
        assert len(report.invalid) == 1
    with pytest.raises(ExchangeUnavailableError):
        reader(session_with(positions=ExchangeUnavailableError("away"))).fetch_positions(["XYZ:TSLA"])


def test_more_dexes_than_the_budget_counts_are_not_asked():
    session = session_with(positions=lambda params: state(row(coin=f"{params['dex']}:A")))
    report = reader(session).fetch_positions([f"D{number}:A" for number in range(MOST_DEXES + 1)])
    assert len(session.params_of(POSITIONS)) == MOST_DEXES == len(report.positions)
    assert report.invalid.keys() == {f"D{MOST_DEXES}:A"}


@pytest.mark.parametrize("role", [{"role": "agent", "data": {"user": OTHER}}, {"role": "missing"}, {"role": "agent"}])
def test_the_empty_state_of_an_address_that_is_no_account_is_never_flat(role):
    session = session_with(role=role)
    with pytest.raises(ExchangeCredentialsError) as refused:
        reader(session).fetch_positions(["BTC"])
    assert session.params_of(POSITIONS) == []
    assert role["role"] == "missing" or "API wallet" in str(refused.value)


def test_an_unknown_role_is_an_error():
    with pytest.raises(MalformedResponseError):
        reader(session_with(role={"role": "new"})).fetch_positions(["BTC"])


def test_what_happened_to_spot_pairs_and_other_coins_is_passed_over():
    others = [fill(tid=2 + number, coin=coin, sz="9") for number, coin in enumerate((*SPOT, "PURRY", "xyz:PURR"))]
    session = session_with(fills=[*others, fill(coin="PURR")])
    found = reader(session).fetch_trades("PURR", since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert [(trade.trade_id, str(trade.quantity)) for trade in found] == [("1", "0.03")]


def test_open_orders_of_spot_pairs_and_other_coins_are_passed_over():
    plain = {"coin": "PURR", "side": "A", "sz": "1", "oid": 7, "reduceOnly": True, "isTrigger": False}
    rows = [plain | {"coin": coin, "oid": 8 + number} for number, coin in enumerate((*SPOT, "xyz:PURR"))]
    assert [each.order_id for each in read_resting([*rows, plain], "PURR")] == ["7"]


def test_two_coins_of_one_name_have_no_rules():
    """Their symbols differ in case only, so neither's fills and orders could be told from the other's."""
    coins = [{"name": "kPEPE", "szDecimals": 0}, {"name": "KPEPE", "szDecimals": 0}, {"name": "BTC", "szDecimals": 5}]
    report = read_markets({"universe": coins}, ["KPEPE", "BTC"])
    assert (report.invalid.keys(), report.markets.keys()) == ({"KPEPE"}, {"BTC"})


@pytest.mark.parametrize("role", ["user", "vault", "subAccount"])
def test_the_role_is_asked_once_for_many_refreshes(role):
    session = session_with(role={"role": role, "data": {"master": OTHER}})
    venue = reader(session)
    for _ in range(3):
        assert amounts(venue.fetch_positions(["BTC"])) == {"BTC": "0"}
    assert session.params_of(ROLE) == [{"user": ACCOUNT}]


@pytest.mark.parametrize(
    ("wallet", "role", "problem"),
    [
        (None, None, None),
        (AGENT, {"role": "agent", "data": {"user": ACCOUNT.upper().replace("0X", "0x")}}, None),
        (AGENT, {"role": "agent", "data": {"user": OTHER}}, "no API wallet"),
        (AGENT, {"role": "missing"}, "no API wallet"),
        (ACCOUNT, None, "may withdraw"),
    ],
)
def test_check_tells_what_the_wallet_may_do(wallet, role, problem):
    session = session_with(role=lambda params: {"role": "user"} if params["user"] == ACCOUNT else role)
    session.wallet = wallet
    account = reader(session).fetch_account()
    assert (account.problem is None) is (problem is None)
    assert problem is None or problem in account.problem


def test_positions_need_an_address_and_no_secret():
    environ = {"P33_EXCHANGE": "hyperliquid", "P33_API_KEY": ACCOUNT}
    key, secret = load_settings(environ).api_credentials
    assert (key.get_secret_value(), secret) == (ACCOUNT, None)
    with pytest.raises(ConfigurationError, match="or neither"):
        load_settings(environ | {"P33_EXCHANGE": "bybit"})
    with pytest.raises(ConfigurationError, match="or neither"):
        load_settings({"P33_EXCHANGE": "hyperliquid", "P33_API_SECRET": "s"})


def test_recorded_coins_have_their_step():
    report = read_markets(raw("meta"), ["BTC", "DOGE", "KPEPE", "XYZ"])
    assert {symbol: str(rules.step_size) for symbol, rules in report.markets.items()} == {
        "BTC": "0.00001",
        "DOGE": "1",
        "KPEPE": "1",
    }
    assert report.invalid.keys() == {"XYZ"}


@pytest.mark.parametrize(
    "changes", [{"szDecimals": None}, {"szDecimals": -1}, {"szDecimals": "2"}, {"szDecimals": True}]
)
def test_a_coin_without_a_usable_step_has_no_rules(changes):
    assert read_markets({"universe": [{"name": "BTC", "szDecimals": 5} | changes]}, ["BTC"]).invalid.keys() == {"BTC"}


@pytest.mark.parametrize("answer", [[], {}, {"universe": []}, None])
def test_an_answer_without_coins_is_an_error(answer):
    with pytest.raises(MalformedResponseError):
        read_markets(answer, ["BTC"])
