"""Bybit: orders and their outcome; trades, forced orders and resting orders, complete or an error."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.apply.result import Outcome
from p33_tasks.demo.executor.reports import of_order
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
    StoreError,
)
from p33_tasks.venues.bybit.orders import BybitOrders
from p33_tasks.venues.bybit.spec import EXECUTIONS, ORDER_HISTORY, ORDERS, PLACE, SYMBOL_POSITION
from p33_tasks.venues.bybit.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession, place_order

DATA = Path(__file__).parents[2] / "data" / "venues" / "bybit"
ID = "p33-0f0f0f0f"
LIVE = False


def page(*rows, cursor=""):
    return {
        "retCode": 0,
        "retMsg": "OK",
        "result": {"category": "linear", "list": list(rows), "nextPageCursor": cursor},
    }


def refusal(code, text="no"):
    return {"retCode": code, "retMsg": text, "result": {}}


ACK = {"retCode": 0, "retMsg": "OK", "result": {"orderId": "o1", "orderLinkId": ID}}


def order(**changes):
    plain = {
        "orderId": "o1",
        "orderLinkId": ID,
        "symbol": "BTCUSDT",
        "side": "Sell",
        "qty": "0.010",
        "cumExecQty": "0.010",
        "leavesQty": "0",
        "orderStatus": "Filled",
        "positionIdx": 0,
        "reduceOnly": True,
        "createdTime": str(NOW_MS),
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def execution(**changes):
    plain = {
        "execId": "e1",
        "orderId": "o1",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "execQty": "0.010",
        "closedSize": "0.010",
        "execType": "Trade",
        "createType": "CreateByUser",
        "execTime": str(NOW_MS),
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


ONE_WAY = page({"symbol": "BTCUSDT", "positionIdx": 0})
HEDGE = page({"symbol": "BTCUSDT", "positionIdx": 1}, {"symbol": "BTCUSDT", "positionIdx": 2})


def session_with(**answers):
    named = {
        "place": PLACE,
        "orders": ORDERS,
        "history": ORDER_HISTORY,
        "executions": EXECUTIONS,
        "position": SYMBOL_POSITION,
    }
    plain = {PLACE: ACK, ORDERS: page(), ORDER_HISTORY: page(), EXECUTIONS: page(), SYMBOL_POSITION: ONE_WAY}
    return PlayedSession(VENUE.spec, plain | {named[name]: answer for name, answer in answers.items()})


def place(session, **changes):
    order = {"symbol": "BTCUSDT", "quantity": "0.010", "client_order_id": ID}
    return place_order(BybitOrders(session), **(order | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 1000, until=NOW_MS + 1000):
    return reader(session).fetch_trades("BTCUSDT", since_ms=since, until_ms=until)


# --- orders ---------------------------------------------------------------------------------------------------------


def test_an_order_reduces_only_and_is_signed_with_its_own_time_and_window():
    session = session_with(orders=page(order()))
    report = place(session)
    assert session.params_of(PLACE) == [
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Sell",
            "orderType": "Market",
            "qty": "0.01",
            "reduceOnly": True,
            "positionIdx": 0,
            "orderLinkId": ID,
        }
    ]
    (stamp,) = session.stamps
    assert (stamp.time_ms, stamp.options) == (NOW_MS - 40, {"recvWindow": 900})
    assert (report.executed_qty, report.is_final) == (Decimal("0.010"), True)
    assert of_order(report, "c").outcome is Outcome.EXECUTED


@pytest.mark.parametrize(("leg", "side", "index"), [(Leg.LONG, OrderSide.SELL, 1), (Leg.SHORT, OrderSide.BUY, 2)])
def test_a_leg_is_closed_by_the_index_of_the_position(leg, side, index):
    session = session_with()
    place(session, leg=leg, side=side)
    (sent,) = session.params_of(PLACE)
    assert (sent["positionIdx"], sent["side"]) == (index, side.value.title())


def test_an_acknowledgement_is_no_fill():
    report = place(session_with())
    assert (report.status, report.executed_qty, report.is_final) == ("Acknowledged", 0, False)
    assert of_order(report, "c").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("error", [ExchangeUnavailableError("away"), StoreError("no budget: Redis is away")])
def test_an_acknowledgement_stands_where_the_order_cannot_be_asked_for(error):
    """A StoreError of an order says that nothing was sent, and its executor sends it again."""
    assert place(session_with(orders=error)).status == "Acknowledged"


@pytest.mark.parametrize("code", [110017, 110001 + 2, 110007, 110094, 10001])
def test_a_refusal_for_certain_is_a_rejection(code):
    with pytest.raises(OrderRejectedError) as caught:
        place(session_with(place=refusal(code)))
    assert caught.value.code == str(code)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (refusal(110072), OrderOutcomeUnknownError),  # the id was used before: the first order may have been executed
        (refusal(110079), OrderOutcomeUnknownError),
        (refusal(10000), OrderOutcomeUnknownError),
        (refusal(10016), OrderOutcomeUnknownError),
        (refusal(99999), OrderOutcomeUnknownError),
        ("<html>", OrderOutcomeUnknownError),
        ({"retCode": 0, "result": {}}, OrderOutcomeUnknownError),
        ({"retCode": 0, "result": {"orderId": "o1", "orderLinkId": "another"}}, OrderOutcomeUnknownError),
        ({"result": {"orderId": "o1", "orderLinkId": ID}}, OrderOutcomeUnknownError),
        (ExchangeUnavailableError("no answer"), OrderOutcomeUnknownError),
        (refusal(10002), ExchangeClockError),
        (refusal(10003), ExchangeCredentialsError),
        (refusal(10006), ExchangeRateLimitedError),
    ],
    ids=str,
)
def test_whatever_leaves_doubt_is_unknown_and_never_rejected(answer, error):
    with pytest.raises(error):
        place(session_with(place=answer))


@pytest.mark.parametrize(
    "changes",
    [{"quantity": Decimal(0)}, {"client_order_id": "a b"}, {"client_order_id": "x" * 37}, {"recv_window_ms": 0}],
)
def test_what_is_not_usable_is_not_sent(changes):
    session = session_with()
    with pytest.raises(ValueError, match=r"use 1 to|above zero"):
        place(session, **changes)
    assert session.sent == []


def test_an_order_is_looked_for_among_the_recent_and_then_in_the_history():
    session = session_with(history=page(order(orderStatus="Cancelled", cumExecQty="0.004")))
    report = BybitOrders(session).fetch_order("BTCUSDT", ID)
    assert (report.executed_qty, report.is_final) == (Decimal("0.004"), True)
    assert session.params_of(ORDERS) == session.params_of(ORDER_HISTORY) == [{"symbol": "BTCUSDT", "orderLinkId": ID}]
    assert BybitOrders(session_with()).fetch_order("BTCUSDT", ID) is None
    assert BybitOrders(session_with(orders=refusal(110001))).fetch_order("BTCUSDT", ID) is None


@pytest.mark.parametrize(
    ("status", "final"),
    [("New", False), ("PartiallyFilled", False), ("Filled", True), ("Rejected", True), ("SomethingNew", False)],
)
def test_an_order_is_over_only_by_a_documented_word(status, final):
    report = BybitOrders(session_with(orders=page(order(orderStatus=status)))).fetch_order("BTCUSDT", ID)
    assert report.is_final is final


@pytest.mark.parametrize(
    "rows",
    [
        [order(symbol="ETHUSDT")],
        [order(orderLinkId="another")],
        [order(cumExecQty="0.011")],
        [order(cumExecQty="-1")],
        [order(cumExecQty=...)],
        [order(qty="")],
        [order(side="sell")],
        [order(orderId="")],
        [order(positionIdx=5)],
        [order(), order(orderId="o2")],
        ["x"],
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_is_an_error_and_never_not_found(rows):
    with pytest.raises(MalformedResponseError):
        BybitOrders(session_with(orders=page(*rows))).fetch_order("BTCUSDT", ID)


# --- what happened --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", ["spot", "inverse", "option", "", 7])
def test_an_answer_of_another_category_is_no_answer_about_orders_or_trades(category):
    """Spot and inverse contracts have symbols of the same names."""

    def of(answer):
        return answer | {"result": answer["result"] | {"category": category}}

    with pytest.raises(MalformedResponseError):
        BybitOrders(session_with(orders=of(page(order())))).fetch_order("BTCUSDT", ID)
    with pytest.raises(MalformedResponseError):
        reader(session_with(orders=of(page()))).fetch_resting_orders("BTCUSDT")
    with pytest.raises(MalformedResponseError):
        trades(session_with(executions=of(page(execution()))))
    with pytest.raises(MalformedResponseError):
        trades(session_with(executions=page(execution()), position=of(ONE_WAY)))


def test_trades_of_every_page_oldest_first_without_funding():
    first = page(
        execution(execId="e2", execTime=str(NOW_MS + 5)), execution(execType="Funding", execId="f"), cursor="c"
    )
    second = page(execution(execId="e1"))
    session = session_with(executions=lambda params: second if params.get("cursor") else first)
    assert [(t.trade_id, t.leg, t.side, t.quantity) for t in trades(session)] == [
        ("e1", Leg.BOTH, OrderSide.SELL, Decimal("0.010")),
        ("e2", Leg.BOTH, OrderSide.SELL, Decimal("0.010")),
    ]
    assert session.params_of(EXECUTIONS)[0] == {
        "symbol": "BTCUSDT",
        "startTime": NOW_MS - 1000,
        "endTime": NOW_MS + 1000,
    }


def test_recorded_executions_are_read():
    recorded = json.loads((DATA / "executions.json").read_text())
    recorded["result"]["list"] = recorded["result"]["list"][:1]
    session = session_with(executions=lambda params: page() if params.get("cursor") else recorded)
    (trade,) = trades(session, since=1_672_282_722_000, until=1_672_282_723_000)
    assert (trade.quantity, trade.side, trade.order_id) == (
        Decimal("0.100"),
        OrderSide.BUY,
        "efd60638-39ca-0ae7-124b-520b571897cd",
    )


@pytest.mark.parametrize(
    ("side", "closed", "leg"),
    [("Sell", "0.010", Leg.LONG), ("Sell", "0", Leg.SHORT), ("Buy", "0.010", Leg.SHORT), ("Buy", "0", Leg.LONG)],
)
def test_in_hedge_mode_the_leg_is_what_the_trade_opened_or_closed(side, closed, leg):
    session = session_with(executions=page(execution(side=side, closedSize=closed)), position=HEDGE)
    assert [trade.leg for trade in trades(session)] == [leg]


@pytest.mark.parametrize(
    ("rows", "position"),
    [
        ([execution(execType="Unheard")], ONE_WAY),
        ([execution(symbol="ETHUSDT")], ONE_WAY),
        ([execution(execQty="0")], ONE_WAY),
        ([execution(execQty="-1")], ONE_WAY),
        ([execution(side="")], ONE_WAY),
        ([execution(execId="")], ONE_WAY),
        ([execution(execTime="soon")], ONE_WAY),
        ([execution(), execution(execQty="0.011")], ONE_WAY),  # one id, two trades
        ([execution(closedSize="0.004")], HEDGE),
        ([execution(closedSize=...)], HEDGE),
        ([execution()], page()),
        ([execution()], page({"symbol": "BTCUSDT", "positionIdx": 1})),
        ([execution()], page({"symbol": "ETHUSDT", "positionIdx": 0})),
    ],
    ids=str,
)
def test_a_list_with_a_trade_that_cannot_be_read_is_an_error(rows, position):
    with pytest.raises((ExchangeError, ValueError)):
        trades(session_with(executions=page(*rows), position=position))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"execType": "BustTrade"}, ForcedKind.LIQUIDATION),
        ({"execType": "AdlTrade"}, ForcedKind.ADL),
        ({"execType": "Delivery"}, ForcedKind.SETTLEMENT),
        ({"createType": "CreateByLiq"}, ForcedKind.LIQUIDATION),
        ({"createType": "CreateByAdl_PassThrough"}, ForcedKind.ADL),
    ],
)
def test_the_venues_own_orders_have_its_mark(changes, kind):
    rows = [
        execution(**changes),
        execution(execId="e2", execQty="0.005", **changes),
        execution(execId="e3", orderId="o9"),
    ]
    session = session_with(executions=page(*rows))
    (forced,) = reader(session).fetch_forced_orders("BTCUSDT", since_ms=NOW_MS - 1, until_ms=NOW_MS + 1)
    assert (forced.kind, forced.executed_qty, forced.order_id) == (kind, Decimal("0.015"), "o1")


def test_an_orders_trades_close_with_what_the_order_says():
    session = session_with(executions=page(execution()), orders=page(order()))
    assert len(reader(session).fetch_order_trades("BTCUSDT", "o1")) == 1
    cut = session_with(executions=page(execution(execQty="0.004")), orders=page(order()))
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(cut).fetch_order_trades("BTCUSDT", "o1")
    with pytest.raises(MalformedResponseError, match="is not known"):
        reader(session_with(executions=page(execution()))).fetch_order_trades("BTCUSDT", "o1")


def test_the_state_of_an_order():
    state = reader(session_with(history=page(order()))).fetch_order_state("BTCUSDT", "o1")
    assert (state.executed_qty, state.is_final, state.created_ms) == (Decimal("0.010"), True, NOW_MS)
    assert reader(session_with()).fetch_order_state("BTCUSDT", "o1") is None


def test_resting_orders_of_every_page_conditional_ones_too():
    first = page(order(orderStatus="New", cumExecQty="0.004", leavesQty="0.006"), cursor="c")
    stop = order(orderId="o2", orderStatus="Untriggered", cumExecQty="0", leavesQty="0", positionIdx=1)
    second = page(stop, order(orderId="o3"))
    session = session_with(orders=lambda params: second if params.get("cursor") else first)
    found = reader(session).fetch_resting_orders("BTCUSDT")
    assert [(o.order_id, o.open_qty, o.is_conditional, o.leg, o.reduce_only) for o in found] == [
        ("o1", Decimal("0.006"), False, Leg.BOTH, True),
        ("o2", Decimal("0.010"), True, Leg.LONG, True),
    ]


def test_a_resting_order_of_an_unknown_status_is_an_error():
    with pytest.raises(MalformedResponseError):
        reader(session_with(orders=page(order(orderStatus="Odd")))).fetch_resting_orders("BTCUSDT")


@pytest.mark.parametrize("span", [0, -1, 7 * 86_400_000 + 1])
def test_a_window_is_at_most_seven_days(span):
    with pytest.raises(ValueError, match="window"):
        trades(session_with(), since=NOW_MS, until=NOW_MS + span)
