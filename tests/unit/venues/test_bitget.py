"""Bitget: proven, proven flat or unknown; orders and their outcome; fills and resting orders, complete or an error."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.bitget.account_rows import read_account, read_hedge_mode, read_key, read_markets
from p33_tasks.venues.bitget.orders import BitgetOrders
from p33_tasks.venues.bitget.position_rows import read_positions
from p33_tasks.venues.bitget.spec import (
    ACCOUNT,
    CONTRACTS,
    FILL_HISTORY,
    KEY,
    ORDER,
    ORDER_FILLS,
    PENDING,
    PLACE,
    PLAN_PENDING,
    POSITION,
    POSITIONS,
)
from p33_tasks.venues.bitget.venue import VENUE
from p33_tasks.venues.build import venue_source
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.http_errors import Answer, failure_of
from tests.support.played_session import NOW_MS, PlayedSession

DATA = Path(__file__).parents[2] / "data" / "venues" / "bitget"
LIVE, TEST = False, True
BTC, ETH = "BTCUSDT", "ETHUSDT"
ID = "p33-0f0f0f0f"


def raw(name):
    return json.loads((DATA / name).read_text())


def answer(data, code="00000"):
    return {"code": code, "msg": "success", "requestTime": 1, "data": data}


def without(fields):
    return {name: value for name, value in fields.items() if value is not ...}


def row(**changes):
    plain = {"symbol": BTC, "marginCoin": "USDT", "holdSide": "long", "total": "1.5", "marginMode": "crossed"}
    return without(plain | {"posMode": "one_way_mode"} | changes)


def leg(side, **changes):
    return row(holdSide=side, posMode="hedge_mode", **changes)


def read(*rows, symbols=(BTC, ETH), hedge=False, **changes):
    body = loads_exact(json.dumps(answer(list(rows)) | changes))
    return read_positions(body, symbols, hedge_mode=hedge)


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


def legs(report):
    return [each.position_amt for each in report.positions[BTC].legs]


def order(**changes):
    plain = {
        "orderId": "o1",
        "clientOid": ID,
        "symbol": BTC,
        "side": "sell",
        "posSide": "net",
        "posMode": "one_way_mode",
        "tradeSide": "sell_single",
        "size": "0.03",
        "baseVolume": "0.03",
        "state": "filled",
        "reduceOnly": "YES",
        "cTime": str(NOW_MS),
    }
    return without(plain | changes)


def fill(**changes):
    plain = {
        "tradeId": "t1",
        "orderId": "o1",
        "symbol": BTC,
        "side": "sell",
        "posMode": "one_way_mode",
        "tradeSide": "sell_single",
        "baseVolume": "0.03",
        "cTime": str(NOW_MS - 1000),
    }
    return without(plain | changes)


def listed(name, *rows, end=None):
    return answer({name: list(rows) or None, "endId": end})


ACK = answer({"orderId": "o1", "clientOid": ID})
MISSING = answer(None, "40109")


def refusal(code):
    return answer(None, str(code))


def session_with(**answers):
    named = {
        "place": PLACE,
        "order": ORDER,
        "position": POSITION,
        "positions": POSITIONS,
        "account": ACCOUNT,
        "key": KEY,
        "fills": FILL_HISTORY,
        "order_fills": ORDER_FILLS,
        "pending": PENDING,
        "plans": PLAN_PENDING,
    }
    plain = {
        PLACE: ACK,
        ORDER: MISSING,
        POSITION: answer([row(total="0.05")]),
        POSITIONS: answer([]),
        ACCOUNT: answer({"marginCoin": "USDT", "posMode": "one_way_mode"}),
        KEY: answer({"userId": "714229403"}),
        **dict.fromkeys((FILL_HISTORY, ORDER_FILLS), listed("fillList")),
        **dict.fromkeys((PENDING, PLAN_PENDING), listed("entrustedList")),
    }
    return PlayedSession(VENUE.spec, plain | {named[name]: value for name, value in answers.items()})


def place(session, **changes):
    arguments = {
        "symbol": BTC,
        "side": OrderSide.SELL,
        "quantity": Decimal("0.03"),
        "client_order_id": ID,
        "recv_window_ms": 900,
        "window_start_ms": NOW_MS - 40,
    }
    return BitgetOrders(session).place_reduce_only_market(**(arguments | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


# --- positions ------------------------------------------------------------------------------------------------------


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


# --- market rules, account ------------------------------------------------------------------------------------------


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


# --- orders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", ["crossed", "isolated"])
def test_an_order_reduces_only_in_the_positions_own_margin_mode(margin):
    session = session_with(position=answer([row(marginMode=margin)]), order=answer(order()))
    report = place(session)
    assert session.params_of(PLACE) == [
        {
            "symbol": BTC,
            "marginMode": margin,
            "size": "0.03",
            "orderType": "market",
            "clientOid": ID,
            "side": "sell",
            "reduceOnly": "YES",
        }
    ]
    assert session.params_of(POSITION) == [{"symbol": BTC}]
    assert [stamp.time_ms for stamp in session.stamps] == [NOW_MS - 40]
    assert (report.executed_qty, report.is_final, report.side) == (Decimal("0.03"), True, OrderSide.SELL)


@pytest.mark.parametrize(("side", "closed", "sent"), [("SELL", "long", "buy"), ("BUY", "short", "sell")])
def test_a_hedge_close_has_the_positions_side(side, closed, sent):
    both = answer([leg("long"), leg("short", marginMode="isolated")])
    found = answer(order(side=sent, posSide=closed, posMode="hedge_mode", tradeSide="close"))
    session = session_with(position=both, order=found)
    report = place(session, side=OrderSide(side), leg=Leg(closed.upper()))
    (params,) = session.params_of(PLACE)
    assert (params["side"], params["tradeSide"], "reduceOnly" in params) == (sent, "close", False)
    assert params["marginMode"] == ("crossed" if closed == "long" else "isolated")
    assert report.side is OrderSide(side), "what it does to the position, not the venue's word"


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([], Leg.BOTH),
        ([row(total="0")], Leg.BOTH),
        ([row(holdSide="short")], Leg.BOTH),  # a sell would add to it
        ([leg("short")], Leg.BOTH),
        ([leg("long")], Leg.BOTH),  # hedge mode: no leg is named
        ([row()], Leg.LONG),  # one-way: the leg isn't there
        ([row(), row(marginMode="isolated")], Leg.BOTH),
        ([row(posMode="odd")], Leg.BOTH),
        ([row(), leg("long")], Leg.BOTH),
        ([row(symbol=ETH)], Leg.BOTH),
        (["x"], Leg.BOTH),
    ],
    ids=str,
)
def test_without_one_position_to_reduce_nothing_is_sent(rows, named):
    session = session_with(position=answer(rows))
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session, leg=named)
    assert session.params_of(PLACE) == []


@pytest.mark.parametrize("error", [ExchangeUnavailableError("away"), refusal(40085)], ids=str)
def test_a_position_that_cannot_be_read_sends_nothing(error):
    session = session_with(position=error)
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session)
    assert session.params_of(PLACE) == []


def test_an_acknowledgement_is_no_fill():
    report = place(session_with())
    assert (report.status, report.order_id, report.executed_qty, report.is_final) == ("acknowledged", "o1", 0, False)


@pytest.mark.parametrize("code", [22002, 40774, 40762, 43012, 45110, 45006])
def test_a_refusal_for_certain_is_a_rejection(code):
    with pytest.raises(OrderRejectedError) as caught:
        place(session_with(place=refusal(code)))
    assert caught.value.code == str(code)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (refusal(40786), OrderOutcomeUnknownError),  # the clientOid was used before
        (refusal(40010), OrderOutcomeUnknownError),  # timed out
        (refusal(40725), OrderOutcomeUnknownError),
        (refusal(49999), OrderOutcomeUnknownError),
        (answer({"orderId": None, "clientOid": ID}), OrderOutcomeUnknownError),  # it cancelled older ones first
        (answer({"orderId": "o1", "clientOid": "another"}), OrderOutcomeUnknownError),
        (answer([]), OrderOutcomeUnknownError),
        ("<html>", OrderOutcomeUnknownError),
        (ExchangeUnavailableError("no answer"), OrderOutcomeUnknownError),
        (refusal(40008), ExchangeClockError),
        (refusal(40009), ExchangeCredentialsError),
        (refusal(429), ExchangeRateLimitedError),
    ],
    ids=str,
)
def test_whatever_leaves_doubt_is_unknown_and_never_rejected(sent, error):
    with pytest.raises(error):
        place(session_with(place=sent))


def test_an_order_is_found_by_its_client_id():
    session = session_with(order=answer(order(baseVolume="0.01", state="canceled")))
    report = BitgetOrders(session).fetch_order(BTC, ID)
    assert (report.executed_qty, report.is_final) == (Decimal("0.01"), True)
    assert session.params_of(ORDER) == [{"symbol": BTC, "clientOid": ID}]
    for code in (25204, 40109, 40768, 43001):
        assert BitgetOrders(session_with(order=refusal(code))).fetch_order(BTC, ID) is None


@pytest.mark.parametrize(
    "found",
    [
        order(symbol=ETH),
        order(clientOid="another"),
        order(baseVolume="0.04"),
        order(baseVolume=""),
        order(side="SELL"),
        order(posSide="odd"),
        order(posMode="odd"),
        order(state=...),
        order(posMode="hedge_mode"),
        order(posMode="hedge_mode", posSide="long"),
        order(posMode="hedge_mode", posSide="long", tradeSide="burst_close_short"),
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_is_an_error_and_never_not_found(found):
    with pytest.raises(MalformedResponseError):
        BitgetOrders(session_with(order=answer(found))).fetch_order(BTC, ID)


@pytest.mark.parametrize(("state", "final"), [("live", False), ("partially_filled", False), ("odd", False)])
def test_an_order_is_over_only_by_a_documented_word(state, final):
    assert BitgetOrders(session_with(order=answer(order(state=state)))).fetch_order(BTC, ID).is_final is final


# --- what happened --------------------------------------------------------------------------------------------------


def test_the_recorded_close_of_a_long_says_buy_and_is_a_sell():
    session = session_with(fills=listed("fillList", raw("fills.json")))
    (trade,) = trades(session, since=1_700_720_700_000, until=1_700_720_701_000)
    assert (trade.leg, trade.side, trade.quantity) == (Leg.LONG, OrderSide.SELL, Decimal("0.001"))


@pytest.mark.parametrize(
    ("side", "action", "expected"),
    [
        ("buy", "open", (Leg.LONG, OrderSide.BUY)),
        ("sell", "open", (Leg.SHORT, OrderSide.SELL)),
        ("sell", "close", (Leg.SHORT, OrderSide.BUY)),
    ],
)
def test_a_fill_in_hedge_mode_has_its_leg(side, action, expected):
    session = session_with(fills=listed("fillList", fill(side=side, tradeSide=action, posMode="hedge_mode")))
    (trade,) = trades(session)
    assert (trade.leg, trade.side) == expected


@pytest.mark.parametrize(
    ("mode", "action", "kind", "expected"),
    [
        ("hedge_mode", "burst_close_long", ForcedKind.LIQUIDATION, Leg.LONG),
        ("hedge_mode", "reduce_close_short", ForcedKind.LIQUIDATION, Leg.SHORT),
        ("hedge_mode", "dte_sys_adl_close_short", ForcedKind.ADL, Leg.SHORT),
        ("one_way_mode", "burst_sell_single", ForcedKind.LIQUIDATION, Leg.BOTH),
        ("one_way_mode", "delivery_buy_single", ForcedKind.SETTLEMENT, Leg.BOTH),
        ("one_way_mode", "dte_sys_adl_sell_in_single_side_mode", ForcedKind.ADL, Leg.BOTH),
    ],
)
def test_the_venues_own_orders_have_its_mark(mode, action, kind, expected):
    rows = listed("fillList", fill(posMode=mode, tradeSide=action))
    (forced,) = reader(session_with(fills=rows)).fetch_forced_orders(BTC, since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert (forced.kind, forced.leg) == (kind, expected)


def test_fills_of_every_page_oldest_first():
    def page(params):
        start = int(params.get("idLessThan", "t300")[1:])
        rows = [fill(tradeId=f"t{n}", cTime=str(NOW_MS - 1000 + n)) for n in range(start - 1, max(start - 101, 50), -1)]
        return listed("fillList", *rows, end=rows[-1]["tradeId"])

    session = session_with(fills=page)
    assert [trade.trade_id for trade in trades(session)] == [f"t{n}" for n in range(51, 300)]
    assert [params.get("idLessThan") for params in session.params_of(FILL_HISTORY)] == [None, "t200", "t100"]


@pytest.mark.parametrize(
    "data",
    [
        {"fillList": [fill()] * 100, "endId": None},
        {"fillList": [fill()] * 100, "endId": "same"},
        {"fillList": None, "endId": "t1"},
        {"endId": None},
        {"fillList": {}},
        [],
        None,
    ],
    ids=lambda data: str(data)[-40:],
)
def test_a_list_that_cannot_be_read_to_its_end_is_an_error(data):
    with pytest.raises(MalformedResponseError):
        trades(session_with(fills=answer(data)))


@pytest.mark.parametrize(
    "bad",
    [
        fill(symbol=ETH),
        fill(baseVolume="0"),
        fill(baseVolume=""),
        fill(side=""),
        fill(tradeId=""),
        fill(cTime=""),
        fill(tradeSide="odd_single"),
        fill(tradeSide="buy_single"),
        fill(tradeSide="close"),
        fill(tradeSide="burst_close_long"),
        fill(posMode="hedge_mode"),
        "x",
    ],
    ids=str,
)
def test_a_list_with_a_fill_that_cannot_be_read_is_an_error(bad):
    with pytest.raises(MalformedResponseError):
        trades(session_with(fills=listed("fillList", fill(tradeId="t0"), bad)))


def test_an_orders_fills_close_with_what_the_order_says():
    session = session_with(order_fills=listed("fillList", fill()), order=answer(order()))
    assert [trade.quantity for trade in reader(session).fetch_order_trades(BTC, "o1")] == [Decimal("0.03")]
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(session_with(order=answer(order()))).fetch_order_trades(BTC, "o1")
    with pytest.raises(MalformedResponseError, match="is not known"):
        reader(session_with(order_fills=listed("fillList", fill()))).fetch_order_trades(BTC, "o1")


def test_resting_orders_trigger_orders_too():
    resting = order(state=..., status="live", baseVolume="0.01", size="0.03")
    plan = order(orderId="p1", planType="pos_loss", state=..., size="0.02", tradeSide="close", reduceOnly=...)
    session = session_with(
        pending=listed("entrustedList", resting),
        plans=lambda params: listed("entrustedList", *([plan] if params["planType"] == "profit_loss" else [])),
    )
    found = reader(session).fetch_resting_orders(BTC)
    assert [(o.order_id, o.open_qty, o.is_conditional, o.reduce_only) for o in found] == [
        ("o1", Decimal("0.02"), False, True),
        ("p1", Decimal("0.02"), True, True),
    ]
    with pytest.raises(MalformedResponseError):
        reader(session_with(plans=listed("entrustedList", plan | {"size": ""}))).fetch_resting_orders(BTC)


def test_every_request_is_declared():
    assert {ACCOUNT, CONTRACTS, KEY, ORDER_FILLS} <= set(VENUE.spec.endpoints)
