"""Bitget: orders and their outcome; fills and resting orders, complete or an error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.bitget.orders import BitgetOrders
from p33_tasks.venues.bitget.spec import (
    ACCOUNT,
    CONTRACTS,
    FILL_HISTORY,
    KEY,
    ORDER,
    ORDER_FILLS,
    PLACE,
    POSITION,
)
from p33_tasks.venues.bitget.venue import VENUE
from tests.support.played_session import NOW_MS
from tests.unit.venues.bitget_answers import (
    BTC,
    ETH,
    ID,
    answer,
    leg,
    listed,
    order,
    place,
    raw,
    reader,
    refusal,
    row,
    session_with,
    without,
)


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


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


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
