"""Hyperliquid: proven, proven flat or unknown; whose address it is; fills and orders, complete or an error."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ConfigurationError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.settings import load_settings
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.hyperliquid.account_rows import read_markets
from p33_tasks.venues.hyperliquid.order_rows import read_order, read_resting
from p33_tasks.venues.hyperliquid.orders import HyperliquidOrders, limit_price
from p33_tasks.venues.hyperliquid.position_rows import read_positions
from p33_tasks.venues.hyperliquid.spec import (
    DEXES,
    FILLS,
    META,
    MOST_DEXES,
    ORDER,
    PLACE,
    POSITIONS,
    PRICES,
    RESTING,
    ROLE,
)
from p33_tasks.venues.hyperliquid.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession

DATA = Path(__file__).parents[2] / "data" / "venues" / "hyperliquid"
ACCOUNT, AGENT, OTHER = (f"0x{'0' * 38}{tail}" for tail in ("a1", "a9", "b2"))
DAY_MS = 86_400_000
LIVE = False
ID = "0x7033330f0f0f0f0f0f0f0f0f0f0f0fff"
MARK = {"markPx": "100.0123"}
PRICED = [{"universe": [{"name": "BTC", "szDecimals": 2}]}, [MARK]]


def raw(name):
    return json.loads((DATA / f"{name}.json").read_text())


def row(coin="BTC", szi="1.5", kind="oneWay", **changes):
    return {"type": kind, "position": {"coin": coin, "szi": szi, "entryPx": "10.5"} | changes}


def state(*rows, **changes):
    return {"assetPositions": list(rows), "time": NOW_MS} | changes


def read(*rows, symbols=("BTC", "ETH"), dex=""):
    return read_positions(loads_exact(json.dumps(state(*rows))), symbols, dex=dex)


def amounts(report):
    return {symbol: str(position.position_amt) for symbol, position in report.positions.items()}


def fill(tid=1, **changes):
    plain = {"coin": "BTC", "side": "A", "sz": "0.03", "tid": tid, "oid": 7, "time": NOW_MS - 1000, "dir": "Close Long"}
    return plain | changes


def order(status="filled", **changes):
    plain = {"coin": "BTC", "side": "A", "oid": 7, "origSz": "0.05", "sz": "0.02", "timestamp": NOW_MS, "cloid": None}
    return {"status": "order", "order": {"order": plain | changes, "status": status, "statusTimestamp": NOW_MS}}


def statuses(*each):
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(each)}}}


def session_with(**answers):
    named = {"role": ROLE, "positions": POSITIONS, "meta": META, "order": ORDER, "fills": FILLS, "resting": RESTING}
    named |= {"place": PLACE, "prices": PRICES, "dexes": DEXES}
    plain = {ROLE: {"role": "user"}, POSITIONS: state(), META: raw("meta"), ORDER: order(), FILLS: [], RESTING: []}
    return PlayedSession(VENUE.spec, plain | {named[name]: answer for name, answer in answers.items()})


def reader(session):
    return VENUE.reader(session, "source", LIVE)


# --- positions ------------------------------------------------------------------------------------------------------


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


# --- whose address it is --------------------------------------------------------------------------------------------


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


SPOT = ("@107", "PURR/USDC", "UBTC/USDC")  # how the venue names spot pairs in lists that hold both


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
    with pytest.raises(ConfigurationError, match="set both or neither"):
        load_settings(environ | {"P33_EXCHANGE": "bybit"})
    with pytest.raises(ConfigurationError, match="set both or neither"):
        load_settings({"P33_EXCHANGE": "hyperliquid", "P33_API_SECRET": "s"})


# --- market rules ---------------------------------------------------------------------------------------------------


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


# --- orders and fills -----------------------------------------------------------------------------------------------


def test_the_recorded_order_is_open_and_what_is_left_is_not_executed():
    found = read_order(raw("order_status"), "ETH")
    assert (found.status, found.is_final, found.side) == ("open", False, OrderSide.BUY)
    assert (str(found.quantity), found.executed_qty, found.client_order_id) == ("0.1", 0, "")
    assert read_order(order("reduceOnlyCanceled"), "BTC").executed_qty == Decimal("0.03")
    assert read_order({"status": "unknownOid"}, "BTC") is None


@pytest.mark.parametrize("status", ["open", "triggered", "aNewWord", "Filled"])
def test_an_unknown_status_ends_nothing(status):
    assert not read_order(order(status), "BTC").is_final


@pytest.mark.parametrize(
    "changes", [{"coin": "ETH"}, {"side": "b"}, {"sz": "0.06"}, {"sz": None}, {"oid": None}, {"cloid": 3}]
)
def test_an_order_that_cant_be_read_is_an_error(changes):
    with pytest.raises(MalformedResponseError):
        read_order(order(**changes), "BTC")


def test_recorded_open_orders_know_their_triggers():
    found = read_resting(raw("frontend_open_orders_reduce_only_triggers"), "INJ")
    assert [(each.reduce_only, each.is_conditional) for each in found] == [(True, True), (True, True), (False, False)]
    assert {str(each.open_qty) for each in found} == {"12.5"}
    assert read_resting(raw("frontend_open_orders_reduce_only_triggers"), "BTC") == ()


def test_a_liquidation_is_the_accounts_own_only_where_it_names_it():
    (recorded,) = raw("ws_user_fill_liquidation")["data"]["fills"]
    session = session_with(fills=[recorded])
    window = {"since_ms": recorded["time"] - 1, "until_ms": recorded["time"] + 1}
    assert reader(session).fetch_forced_orders("BTC", **window) == ()
    session.account = recorded["liquidation"]["liquidatedUser"]
    (forced,) = reader(session).fetch_forced_orders("BTC", **window)
    assert (forced.kind, str(forced.executed_qty)) == (ForcedKind.LIQUIDATION, "0.001")
    adl = session_with(fills=[fill(dir="Auto-Deleveraging")])
    (forced,) = reader(adl).fetch_forced_orders("BTC", since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert forced.kind is ForcedKind.ADL


@pytest.mark.parametrize("kept", [slice(2_000), slice(-2_000, None)])
def test_a_full_answer_is_cut_and_read_to_both_ends(kept):
    every = [fill(tid=number, time=NOW_MS - 9_000 + number // 100) for number in range(4_500)]

    def answer(params):
        return [each for each in every if params["startTime"] <= each["time"] <= params["endTime"]][kept]

    session = session_with(fills=answer)
    trades = reader(session).fetch_trades("BTC", since_ms=NOW_MS - DAY_MS, until_ms=NOW_MS)
    assert sorted(int(trade.trade_id) for trade in trades) == list(range(4_500))
    assert {params["aggregateByTime"] for params in session.params_of(FILLS)} == {False}


def test_so_many_fills_that_the_oldest_may_be_gone_are_an_error():
    every = [fill(tid=number, time=NOW_MS - 1 - number) for number in range(10_000)]

    def answer(params):
        return [each for each in every if params["startTime"] <= each["time"] <= params["endTime"]][:2_000]

    venue = reader(session_with(fills=answer))
    with pytest.raises(MalformedResponseError, match="may be gone"):
        venue.fetch_trades("BTC", since_ms=NOW_MS - 20_000, until_ms=NOW_MS - 9_900)
    with pytest.raises(MalformedResponseError, match="may be gone"):
        reader(session_with(fills=[fill()] * 2_000)).fetch_trades("BTC", since_ms=NOW_MS - DAY_MS, until_ms=NOW_MS)


@pytest.mark.parametrize(
    "odd", [fill(coin=None), fill(tid=None), fill(sz="0"), fill(side="S"), fill(time=None), fill(liquidation={}), 7]
)
def test_a_fill_that_cant_be_read_makes_the_list_incomplete(odd):
    with pytest.raises(ExchangeError):
        reader(session_with(fills=[fill(), odd])).fetch_trades("BTC", since_ms=NOW_MS - 2000, until_ms=NOW_MS)


def test_an_orders_trades_sum_up_to_what_it_executed():
    others = [fill(tid=2, oid=8), fill(tid=3, coin="@107"), fill(tid=4, coin="ETH")]
    venue = reader(session_with(fills=[fill(), *others]))
    assert [trade.trade_id for trade in venue.fetch_order_trades("BTC", "7")] == ["1"]
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(session_with(fills=others)).fetch_order_trades("BTC", "7")


# --- orders for the executor ----------------------------------------------------------------------------------------


def placed(client, side=OrderSide.SELL, symbol="BTC", **changes):
    plain = {"quantity": Decimal("0.02"), "client_order_id": ID, "recv_window_ms": 4_000, "window_start_ms": NOW_MS}
    return client.place_reduce_only_market(symbol=symbol, side=side, **(plain | changes))


def orders_with(**answers):
    session = session_with(**{"place": raw("order_answers")[0], "prices": PRICED, "dexes": [None]} | answers)
    return HyperliquidOrders(session), session


@pytest.mark.parametrize(("side", "price"), [(OrderSide.SELL, "95.011"), (OrderSide.BUY, "105.02")])
def test_an_order_is_immediate_only_reduces_and_expires(side, price):
    client, session = orders_with()
    report = placed(client, side)
    assert (report.executed_qty, report.is_final, report.client_order_id) == (Decimal("0.02"), True, ID)
    (sent,) = session.params_of(PLACE)
    (wanted,) = sent["action"]["orders"]
    assert list(wanted) == ["a", "b", "p", "s", "r", "t", "c"], "the signature is over this order"
    expected = {"a": 0, "b": side is OrderSide.BUY, "p": price, "s": "0.02", "r": True, "c": ID}
    assert wanted == expected | {"t": {"limit": {"tif": "Ioc"}}}
    assert sent["expiresAfter"] == NOW_MS + 4_000
    assert NOW_MS <= sent["nonce"] < NOW_MS + 256
    assert "vaultAddress" not in sent


def test_a_sub_account_is_named_and_another_dex_counts_from_its_own_number():
    priced = [{"universe": [{"name": "xyz:A", "szDecimals": 2}, {"name": "xyz:B", "szDecimals": 2}]}, [{}, MARK]]
    client, session = orders_with(
        role={"role": "subAccount", "data": {"master": OTHER}}, prices=priced, dexes=[None, {"name": "xyz"}]
    )
    placed(client, symbol="XYZ:B")
    (sent,) = session.params_of(PLACE)
    assert (sent["action"]["orders"][0]["a"], sent["vaultAddress"]) == (110_001, ACCOUNT)


@pytest.mark.parametrize(
    ("mark", "decimals", "sell", "buy"),
    [("95123.4", 5, "90367", "99880"), ("0.0123456", 0, "0.011728", "0.012963"), ("1234567", 2, "1172838", "1296296")],
)
def test_a_price_has_five_digits_or_is_whole(mark, decimals, sell, buy):
    assert str(limit_price(Decimal(mark), OrderSide.SELL, decimals)) == sell
    assert str(limit_price(Decimal(mark), OrderSide.BUY, decimals)) == buy


@pytest.mark.parametrize(
    "answers",
    [
        {"prices": [{"universe": [{"name": "BTC", "szDecimals": 5, "isDelisted": True}]}, [MARK]]},
        {"prices": [{"universe": [{"name": "ETH", "szDecimals": 5}]}, [MARK]]},
        {"prices": [{"universe": [{"name": "BTC", "szDecimals": 1}]}, [MARK]]},
        {"prices": [{"universe": [{"name": "BTC", "szDecimals": 5}]}, [{"markPx": "0"}]]},
        {"prices": [{"universe": [{"name": "BTC", "szDecimals": 5}]}, []]},
        {"prices": ExchangeUnavailableError("away")},
        {"role": ExchangeUnavailableError("away")},
    ],
)
def test_nothing_is_sent_for_what_cannot_be_traded(answers):
    client, session = orders_with(**answers)
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        placed(client)
    assert session.params_of(PLACE) == []


def test_a_leg_is_refused():
    client, session = orders_with()
    with pytest.raises(OrderRejectedError, match="no hedge mode"):
        placed(client, leg=Leg.LONG)
    assert session.sent == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Reduce only order would increase position. asset=0", "err order"),
        ("Order could not immediately match against any resting orders. asset=0", "err order"),
        ("Order has invalid size.", "err market"),
        ("Order must have minimum value of $10.", "err market"),
    ],
)
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_documented_refusal_is_certain_wherever_it_stands(text, code, is_whole):
    client, _ = orders_with(place={"status": "err", "response": text} if is_whole else statuses({"error": text}))
    with pytest.raises(OrderRejectedError) as refused:
        placed(client)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "answer",
    [
        statuses({"error": "something new"}),
        statuses("waitingForFill"),
        statuses(),
        statuses({"filled": {"totalSz": "0.02", "oid": 7}}, {"filled": {"totalSz": "0.02", "oid": 8}}),
        statuses({"filled": {"totalSz": "0.03", "oid": 7}}),
        statuses({"filled": {"totalSz": "0", "oid": 7}}),
        statuses({"filled": {"totalSz": "0.02"}}),
        {"status": "ok"},
        {"status": "err", "response": "something new"},
        {"status": "err", "response": "Invalid nonce: duplicate nonce 1"},
        ExchangeUnavailableError("no answer"),
        "",
    ],
)
def test_whatever_leaves_doubt_is_unknown_and_sent_once(answer):
    client, session = orders_with(place=answer)
    with pytest.raises(OrderOutcomeUnknownError, match=ID):
        placed(client)
    assert len(session.params_of(PLACE)) == 1


def test_a_partial_fill_is_the_end_of_an_order_and_a_resting_one_is_asked_for():
    client, _ = orders_with(place=statuses({"filled": {"totalSz": "0.01", "oid": 7}}))
    report = placed(client)
    assert (report.executed_qty, report.quantity, report.is_final) == (Decimal("0.01"), Decimal("0.02"), True)
    client, session = orders_with(place=statuses({"resting": {"oid": 7}}), order={"status": "unknownOid"})
    assert placed(client).is_final is False
    assert session.params_of(ORDER) == [{"user": ACCOUNT, "oid": ID}]


def test_an_order_is_found_by_its_own_id_only():
    client, _ = orders_with(order=order(cloid=ID))
    assert client.fetch_order("BTC", ID).executed_qty == Decimal("0.03")
    client, _ = orders_with(order=order(cloid=f"0x{'0' * 32}"))
    with pytest.raises(MalformedResponseError, match="another order"):
        client.fetch_order("BTC", ID)
