"""Gate: orders and their outcome; trades and resting orders, complete or an error."""

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
from p33_tasks.venues.gate.orders import GateOrders
from p33_tasks.venues.gate.spec import (
    ORDER,
    ORDERS,
    PLACE,
    TRADES,
)
from tests.support.played_session import NOW_MS
from tests.unit.venues.gate_answers import (
    BTC,
    ETH,
    ID,
    contract,
    order,
    paged,
    place,
    raw,
    reader,
    refusal,
    session_with,
    trades,
    without,
)


def trade(**changes):
    plain = {"trade_id": "7", "order_id": "14381470939", "contract": BTC, "size": "-3", "close_size": "0", "text": ID}
    return without(plain | {"create_time": (NOW_MS - 1000) / 1000} | changes)


DUAL = {"in_dual_mode": True}


def test_an_order_is_signed_contracts_that_only_reduce_and_expires():
    session = session_with()
    report = place(session)
    assert session.params_of(PLACE) == [
        {"contract": BTC, "size": -3, "price": "0", "tif": "ioc", "reduce_only": True, "text": ID}
    ]
    (stamp,) = session.stamps
    assert (stamp.time_ms, stamp.headers) == (NOW_MS - 40, {"X-Gate-Exptime": str(NOW_MS + 860)})
    assert (report.order_id, report.executed_qty, report.is_final) == ("14381470939", Decimal("0.0003"), True)


@pytest.mark.parametrize(
    ("side", "quantity", "sent"),
    [("BUY", "0.0003", 3), ("SELL", "0.00005", "-0.5"), ("BUY", "0.00015", "1.5")],
)
def test_a_buy_is_above_zero_and_half_a_contract_a_text(side, quantity, sent):
    session = session_with(place=order(size=sent, text=ID))
    place(session, side=OrderSide(side), quantity=Decimal(quantity))
    (params,) = session.params_of(PLACE)
    assert params["size"] == sent
    assert type(params["size"]) is type(sent)


@pytest.mark.parametrize(("side", "leg"), [("SELL", Leg.LONG), ("BUY", Leg.SHORT)])
def test_in_dual_mode_the_side_that_only_reduces_is_the_legs(side, leg):
    session = session_with(account=DUAL, place=order(size=-3 if side == "SELL" else 3))
    assert place(session, side=OrderSide(side), leg=leg).is_final
    assert [params["reduce_only"] for params in session.params_of(PLACE)] == [True]


@pytest.mark.parametrize(
    ("side", "leg", "account"),
    [
        ("SELL", Leg.BOTH, DUAL),
        ("SELL", Leg.LONG, {"in_dual_mode": False}),
        ("SELL", Leg.BOTH, {}),
        ("SELL", Leg.BOTH, ExchangeUnavailableError("away")),
    ],
    ids=str,
)
def test_the_other_leg_is_never_closed(side, leg, account):
    session = session_with(account=account)
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session, side=OrderSide(side), leg=leg)
    assert session.params_of(PLACE) == []


def test_a_quantity_that_is_no_exact_number_of_contracts_is_not_sent():
    session = session_with(contracts=[contract(BTC, "0.03")])
    with pytest.raises(OrderRejectedError, match="exact number of contracts"):
        place(session, quantity=Decimal("0.01"))
    assert session.params_of(PLACE) == []


def test_what_is_left_of_an_order_was_not_executed():
    report = place(session_with(place=order(left=-1, finish_as="ioc")))
    assert (report.executed_qty, report.is_final, report.status) == (Decimal("0.0002"), True, "ioc")
    report = place(session_with(place=order(left=-3, status="open", finish_as=...)))
    assert (report.executed_qty, report.is_final, report.status) == (0, False, "open")


@pytest.mark.parametrize("label", ["POSITION_EMPTY", "INCREASE_POSITION", "INSUFFICIENT_AVAILABLE", "SIZE_TOO_SMALL"])
def test_a_refusal_for_certain_is_a_rejection(label):
    with pytest.raises(OrderRejectedError) as caught:
        place(session_with(place=refusal(label)))
    assert caught.value.code == label


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (refusal("INVALID_PARAM_VALUE"), OrderOutcomeUnknownError),  # could be of a text that was used before
        (refusal("REPEATED_CREATION"), OrderOutcomeUnknownError),
        (refusal("SERVER_ERROR"), OrderOutcomeUnknownError),
        (refusal("NEVER_HEARD_OF"), OrderOutcomeUnknownError),
        (order(text="t-another"), OrderOutcomeUnknownError),
        (order(size=3), OrderOutcomeUnknownError),
        (order(size=0), OrderOutcomeUnknownError),
        (order(left=-4), OrderOutcomeUnknownError),
        (order(status="odd"), OrderOutcomeUnknownError),
        ([], OrderOutcomeUnknownError),
        ("<html>", OrderOutcomeUnknownError),
        (ExchangeUnavailableError("no answer"), OrderOutcomeUnknownError),
        (refusal("REQUEST_EXPIRED"), ExchangeClockError),
        (refusal("INVALID_SIGNATURE"), ExchangeCredentialsError),
        (refusal("TOO_MANY_REQUESTS"), ExchangeRateLimitedError),
    ],
    ids=str,
)
def test_whatever_leaves_doubt_is_unknown_and_never_rejected(sent, error):
    with pytest.raises(error):
        place(session_with(place=sent))


@pytest.mark.parametrize("client_id", ["p33-0f", "t-", "t-" + "x" * 29, "t-a b"])
def test_a_client_order_id_begins_with_t(client_id):
    session = session_with()
    with pytest.raises(ValueError, match="client order id"):
        place(session, client_order_id=client_id)
    assert session.sent == []


def test_an_order_is_looked_for_by_its_text_and_then_among_the_finished():
    session = session_with(order=order())
    assert GateOrders(session).fetch_order(BTC, ID).executed_qty == Decimal("0.0003")
    assert (session.params_of(ORDER), session.params_of(ORDERS)) == ([{"order_id": ID}], [])
    for label in ("ORDER_NOT_FOUND", "CLIENT_ID_NOT_FOUND"):
        session = session_with(order=refusal(label), orders=[order(text="web"), order()])
        assert GateOrders(session).fetch_order(BTC, ID).executed_qty == Decimal("0.0003")
        assert session.params_of(ORDERS) == [{"contract": BTC, "status": "finished"}]
        assert GateOrders(session_with(order=refusal(label))).fetch_order(BTC, ID) is None
    with pytest.raises(MalformedResponseError, match="2 orders"):
        GateOrders(session_with(orders=[order(), order()])).fetch_order(BTC, ID)


@pytest.mark.parametrize(
    "bad", [{"contract": ETH}, {"text": "t-x"}, {"id": ...}, {"left": ""}, {"status": ...}], ids=str
)
def test_an_order_that_cannot_be_read_is_an_error_and_never_not_found(bad):
    with pytest.raises(MalformedResponseError):
        GateOrders(session_with(order=order(**bad))).fetch_order(BTC, ID)


def test_the_recorded_trade_and_order_are_read():
    (listed,) = raw("orders_finished.json")
    session = session_with(order=listed)
    assert reader(session).fetch_order_state(BTC, "14381470939").executed_qty == Decimal("0.0001")
    doge = [contract("DOGE_USDT", "10")]
    session = session_with(contracts=doge, trades=[raw("fills.json")])
    window = {"since_ms": 1_645_465_199_000, "until_ms": 1_645_465_200_000}
    (found,) = reader(session).fetch_trades("DOGE_USDT", **window)
    assert (found.trade_id, found.side, found.quantity, found.time_ms) == (
        "20835133",
        OrderSide.SELL,
        Decimal(50),
        1_645_465_199_547,
    )
    assert session.params_of(TRADES) == [{"contract": "DOGE_USDT", "from": 1_645_465_199, "to": 1_645_465_200}]


@pytest.mark.parametrize(
    ("size", "close", "leg"), [("3", "0", "LONG"), ("-3", "-3", "LONG"), ("-3", "0", "SHORT"), ("3", "3", "SHORT")]
)
def test_a_trade_in_dual_mode_has_its_leg(size, close, leg):
    session = session_with(account=DUAL, trades=[trade(size=size, close_size=close)])
    assert [each.leg for each in trades(session)] == [Leg(leg)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("liquidation", ForcedKind.LIQUIDATION),
        ("liq-12345", ForcedKind.LIQUIDATION),
        ("hedge-liq-12345", ForcedKind.LIQUIDATION),
        ("pm_liquidate", ForcedKind.LIQUIDATION),
        ("comb_margin_liquidate", ForcedKind.LIQUIDATION),
        ("scm_liquidate", ForcedKind.LIQUIDATION),
        ("insurance", ForcedKind.LIQUIDATION),
        ("auto_deleveraging", ForcedKind.ADL),
    ],
)
def test_the_venues_own_orders_have_its_mark(text, kind):
    rows = [trade(text=text), trade(trade_id="8", text="web", order_id="9")]
    (forced,) = reader(session_with(trades=rows)).fetch_forced_orders(BTC, since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert (forced.kind, forced.order_id) == (kind, "14381470939")


def test_trades_of_every_page_oldest_first():
    rows = [trade(trade_id=str(n), create_time=(NOW_MS - 1000 + n) / 1000) for n in range(249, 0, -1)]
    session = session_with(trades=paged(rows))
    assert [each.trade_id for each in trades(session)] == [str(n) for n in range(1, 250)]
    assert [params.get("offset") for params in session.params_of(TRADES)] == [None, 100, 200]


@pytest.mark.parametrize(
    "bad",
    [
        trade(contract=ETH),
        trade(size="0"),
        trade(size=""),
        trade(trade_id=...),
        trade(create_time=...),
        trade(create_time="x"),
        trade(text=7),
        "x",
    ],
    ids=str,
)
def test_a_list_with_a_trade_that_cannot_be_read_is_an_error(bad):
    with pytest.raises(MalformedResponseError):
        trades(session_with(trades=[trade(trade_id="0"), bad]))


@pytest.mark.parametrize("close", ["-2", "-4", ...])
def test_a_trade_in_dual_mode_opens_or_closes_and_never_both(close):
    with pytest.raises(MalformedResponseError):
        trades(session_with(account=DUAL, trades=[trade(close_size=close)]))


def test_an_orders_trades_close_with_what_the_order_says():
    session = session_with(order_trades=[trade()], order=order())
    assert reader(session).fetch_order_trades(BTC, "14381470939")[0].quantity == Decimal("0.0003")
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(session_with(order=order())).fetch_order_trades(BTC, "14381470939")
    with pytest.raises(MalformedResponseError, match="another order"):
        reader(session_with(order=order())).fetch_order_state(BTC, "1")


def test_resting_orders_price_triggered_ones_too():
    trigger = {"id": 5, "initial": {"contract": BTC, "size": -2, "text": "web", "is_reduce_only": True}}
    session = session_with(account=DUAL, orders=[order(status="open", left=-2, finish_as=...)], triggers=[trigger])
    found = reader(session).fetch_resting_orders(BTC)
    assert [(o.order_id, o.open_qty, o.is_conditional, o.reduce_only, o.leg) for o in found] == [
        ("14381470939", Decimal("0.0002"), False, True, Leg.LONG),
        ("5", Decimal("0.0002"), True, True, Leg.LONG),
    ]
    trigger["initial"]["size"] = 0  # it closes whatever there is
    with pytest.raises(MalformedResponseError):
        reader(session_with(triggers=[trigger])).fetch_resting_orders(BTC)
