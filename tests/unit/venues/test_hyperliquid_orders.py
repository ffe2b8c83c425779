"""Hyperliquid: fills and orders, complete or an error; orders and their outcome."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.hyperliquid.order_rows import read_order, read_resting
from p33_tasks.venues.hyperliquid.orders import HyperliquidOrders, limit_price
from p33_tasks.venues.hyperliquid.spec import (
    FILLS,
    ORDER,
    PLACE,
)
from tests.support.played_session import NOW_MS
from tests.unit.venues.hyperliquid_answers import (
    ACCOUNT,
    OTHER,
    fill,
    order,
    raw,
    reader,
    session_with,
)

DAY_MS = 86_400_000


ID = "0x7033330f0f0f0f0f0f0f0f0f0f0f0fff"


MARK = {"markPx": "100.0123"}


PRICED = [{"universe": [{"name": "BTC", "szDecimals": 2}]}, [MARK]]


def statuses(*each):
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(each)}}}


def placed(client, side=OrderSide.SELL, symbol="BTC", **changes):
    plain = {"quantity": Decimal("0.02"), "client_order_id": ID, "recv_window_ms": 4_000, "window_start_ms": NOW_MS}
    return client.place_reduce_only_market(symbol=symbol, side=side, **(plain | changes))


def orders_with(**answers):
    session = session_with(**{"place": raw("order_answers")[0], "prices": PRICED, "dexes": [None]} | answers)
    return HyperliquidOrders(session), session


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
