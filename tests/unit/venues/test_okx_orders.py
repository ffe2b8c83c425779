"""OKX: orders in contracts and their outcome; fills, forced orders and resting orders, complete or an error."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.okx.orders import OkxOrders
from p33_tasks.venues.okx.spec import ALGO_PENDING, FILLS, FILLS_HISTORY, INSTRUMENTS, ORDER, PENDING, PLACE, POSITIONS
from p33_tasks.venues.okx.venue import VENUE
from tests.support.played_session import NOW_MS, PlayedSession

DATA = Path(__file__).parents[2] / "data" / "venues" / "okx"
BTC = "BTC-USDT-SWAP"
ID = "p330f0f0f0f"
LIVE = False


def raw(name):
    return json.loads((DATA / name).read_text())


def answer(*rows, code="0"):
    return {"code": code, "msg": "", "data": list(rows)}


def refusal(code, outer="1"):
    return answer({"clOrdId": ID, "ordId": "", "sCode": str(code), "sMsg": "no"}, code=outer)


ACK = answer({"clOrdId": ID, "ordId": "o1", "sCode": "0", "sMsg": ""})
MISSING = {"code": "51603", "msg": "Order does not exist", "data": []}


def position(**changes):
    return {"instId": BTC, "instType": "SWAP", "mgnMode": "cross", "posSide": "net", "pos": "5"} | changes


def order(**changes):
    plain = {
        "ordId": "o1",
        "clOrdId": ID,
        "instId": BTC,
        "instType": "SWAP",
        "side": "sell",
        "posSide": "net",
        "sz": "3",
        "accFillSz": "3",
        "state": "filled",
        "reduceOnly": "true",
        "cTime": str(NOW_MS),
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def fill(**changes):
    plain = {
        "billId": "b1",
        "tradeId": "77",
        "ordId": "o1",
        "instId": BTC,
        "instType": "SWAP",
        "side": "sell",
        "posSide": "net",
        "fillSz": "3",
        "subType": "2",
        "fillTime": str(NOW_MS - 1000),
    }
    return {name: value for name, value in (plain | changes).items() if value is not ...}


def session_with(**answers):
    named = {
        "place": PLACE,
        "order": ORDER,
        "positions": POSITIONS,
        "fills": FILLS,
        "history": FILLS_HISTORY,
        "pending": PENDING,
        "algo": ALGO_PENDING,
        "instruments": INSTRUMENTS,
    }
    plain = {
        PLACE: ACK,
        ORDER: MISSING,
        POSITIONS: answer(position()),
        INSTRUMENTS: raw("instruments_swap.json"),
        **dict.fromkeys((FILLS, FILLS_HISTORY, PENDING, ALGO_PENDING), answer()),
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
    return OkxOrders(session).place_reduce_only_market(**(arguments | changes))


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


# --- orders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["cross", "isolated"])
def test_an_order_is_in_contracts_of_the_positions_own_margin_mode(mode):
    session = session_with(positions=answer(position(mgnMode=mode)), order=answer(order()))
    report = place(session)
    assert session.params_of(PLACE) == [
        {
            "instId": BTC,
            "tdMode": mode,
            "side": "sell",
            "ordType": "market",
            "sz": "3",
            "clOrdId": ID,
            "reduceOnly": True,
        }
    ]
    assert session.params_of(POSITIONS) == [{"instId": BTC}]
    (stamp,) = session.stamps
    assert (stamp.time_ms, stamp.headers) == (NOW_MS - 40, {"expTime": str(NOW_MS + 860)})
    assert (report.quantity, report.executed_qty, report.is_final) == (Decimal("0.03"), Decimal("0.03"), True)


@pytest.mark.parametrize(("leg", "side"), [("long", OrderSide.SELL), ("short", OrderSide.BUY)])
def test_in_long_short_mode_the_leg_is_named_and_reduce_only_is_not(leg, side):
    both = answer(position(posSide="long"), position(posSide="short", mgnMode="isolated"))
    session = session_with(positions=both)
    place(session, side=side, leg=Leg(leg.upper()))
    (sent,) = session.params_of(PLACE)
    assert (sent["posSide"], sent["side"], "reduceOnly" in sent) == (leg, side.value.lower(), False)
    assert sent["tdMode"] == ("cross" if leg == "long" else "isolated")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [position(pos="0")],
        [position(pos="-5")],  # a sell would add to it
        [position(posSide="short")],
        [position(), position(mgnMode="isolated")],
        [position(posSide="odd")],
        [position(mgnMode="cash")],
        [position(pos="")],
        [position(instId="ETH-USDT-SWAP")],
        [position(instType="FUTURES")],
        ["x"],
    ],
    ids=str,
)
def test_without_one_position_to_reduce_nothing_is_sent(rows):
    session = session_with(positions=answer(*rows))
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session)
    assert session.params_of(PLACE) == []


@pytest.mark.parametrize(
    ("held", "leg", "side"),
    [
        ("long", Leg.SHORT, OrderSide.BUY),
        ("long", Leg.BOTH, OrderSide.SELL),  # a permit without a leg, and the account was put into hedge mode
        ("net", Leg.LONG, OrderSide.SELL),  # and the other way round
    ],
)
def test_an_order_for_another_leg_than_the_open_one_is_not_sent(held, leg, side):
    session = session_with(positions=answer(position(posSide=held)))
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session, leg=leg, side=side)
    assert session.params_of(PLACE) == []


@pytest.mark.parametrize("error", [ExchangeUnavailableError("away"), ExchangeCredentialsError("no")])
def test_a_position_that_cannot_be_read_sends_nothing(error):
    session = session_with(positions=error)
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        place(session)
    assert session.params_of(PLACE) == []


def test_a_quantity_that_is_no_exact_number_of_contracts_is_not_sent():
    listed = raw("instruments_swap.json")
    listed["data"][2]["ctVal"] = "0.03"
    session = session_with(instruments=listed)
    with pytest.raises(OrderRejectedError, match="exact number of contracts"):
        place(session, quantity=Decimal("0.01"))
    assert session.params_of(PLACE) == []


def test_an_acknowledgement_is_no_fill():
    report = place(session_with())
    assert (report.status, report.order_id, report.executed_qty, report.is_final) == ("acknowledged", "o1", 0, False)


@pytest.mark.parametrize("outer", ["0", "1", "2"])
@pytest.mark.parametrize("code", [51169, 51205, 51112, 51023, 51008, 51121])
def test_a_rows_refusal_for_certain_is_a_rejection_whatever_the_envelope_says(code, outer):
    with pytest.raises(OrderRejectedError) as caught:
        place(session_with(place=refusal(code, outer)))
    assert caught.value.code == str(code)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (refusal(51016), OrderOutcomeUnknownError),
        (refusal(51149), OrderOutcomeUnknownError),
        (refusal(50026), OrderOutcomeUnknownError),
        (refusal(54321), OrderOutcomeUnknownError),
        ({"code": "50004", "msg": "time-out", "data": []}, OrderOutcomeUnknownError),
        (answer(), OrderOutcomeUnknownError),
        (answer({"clOrdId": ID, "ordId": "", "sCode": "0"}), OrderOutcomeUnknownError),
        (answer({"clOrdId": "another", "ordId": "o1", "sCode": "0"}), OrderOutcomeUnknownError),
        (answer({"clOrdId": ID, "ordId": "o1"}), OrderOutcomeUnknownError),
        ("<html>", OrderOutcomeUnknownError),
        (ExchangeUnavailableError("no answer"), OrderOutcomeUnknownError),
        ({"code": "50102", "msg": "expired", "data": []}, ExchangeClockError),
        ({"code": "50113", "msg": "signature", "data": []}, ExchangeCredentialsError),
        ({"code": "50011", "msg": "limit", "data": []}, ExchangeRateLimitedError),
        (refusal(50061), ExchangeOrderLimitedError),
    ],
    ids=str,
)
def test_whatever_leaves_doubt_is_unknown_and_never_rejected(sent, error):
    with pytest.raises(error):
        place(session_with(place=sent))


@pytest.mark.parametrize("client_id", ["p33-0f", "", "x" * 33, "a_b"])
def test_a_client_order_id_is_alphanumeric(client_id):
    session = session_with()
    with pytest.raises(ValueError, match="client order id"):
        place(session, client_order_id=client_id)
    assert session.sent == []


def test_an_order_is_found_by_its_client_id_in_base_units():
    session = session_with(order=answer(order(accFillSz="1.5", state="canceled")))
    report = OkxOrders(session).fetch_order(BTC, ID)
    assert (report.quantity, report.executed_qty, report.is_final) == (Decimal("0.03"), Decimal("0.015"), True)
    assert session.params_of(ORDER) == [{"instId": BTC, "clOrdId": ID}]
    assert OkxOrders(session_with()).fetch_order(BTC, ID) is None


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [order(), order()],
        [order(instId="ETH-USDT-SWAP")],
        [order(instType="FUTURES")],
        [order(instType=...)],
        [order(clOrdId="another")],
        [order(accFillSz="4")],
        [order(accFillSz="")],
        [order(side="SELL")],
        [order(posSide="both")],
        [order(state=...)],
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_is_an_error_and_never_not_found(rows):
    with pytest.raises(MalformedResponseError):
        OkxOrders(session_with(order=answer(*rows))).fetch_order(BTC, ID)


@pytest.mark.parametrize(
    ("state", "final"), [("live", False), ("partially_filled", False), ("mmp_canceled", True), ("odd", False)]
)
def test_an_order_is_over_only_by_a_documented_word(state, final):
    assert OkxOrders(session_with(order=answer(order(state=state)))).fetch_order(BTC, ID).is_final is final


# --- what happened --------------------------------------------------------------------------------------------------


def test_the_recorded_fills_are_read_and_the_liquidation_has_its_mark():
    session = session_with(history=raw("fills_swap.json"))
    window = {"since_ms": 1_708_587_370_000, "until_ms": 1_708_587_376_000}
    found = reader(session).fetch_trades(BTC, **window)
    assert [(t.trade_id, t.quantity) for t in found] == [
        ("304961343453912884", Decimal("0.015")),
        ("687201313812610411", Decimal("0.03")),
    ]
    (forced,) = reader(session).fetch_forced_orders(BTC, **window)
    assert (forced.kind, forced.executed_qty, forced.order_id) == (
        ForcedKind.LIQUIDATION,
        Decimal("0.03"),
        "702423841380755440",
    )


def test_recent_fills_and_older_ones_have_their_own_lists():
    session = session_with(fills=answer(fill()))
    assert len(trades(session)) == 1
    assert trades(session, since=NOW_MS - 4 * 86_400_000, until=NOW_MS) == ()
    assert [endpoint for endpoint, _ in session.sent if endpoint in {FILLS, FILLS_HISTORY}] == [FILLS, FILLS_HISTORY]


def test_fills_of_every_page_oldest_first():
    def listed(params):
        start = int(params.get("after", "b300")[1:])
        return answer(
            *(fill(billId=f"b{n}", fillTime=str(NOW_MS - 1000 + n)) for n in range(start - 1, max(start - 101, 50), -1))
        )

    session = session_with(fills=listed)
    found = trades(session)
    assert [trade.trade_id for trade in found] == [f"b{n}" for n in range(51, 300)]
    assert [params.get("after") for params in session.params_of(FILLS)] == [None, "b200", "b100"]


@pytest.mark.parametrize(
    "row",
    [
        fill(instId="ETH-USDT-SWAP"),
        fill(instType="FUTURES"),
        fill(fillSz="0"),
        fill(fillSz="-1"),
        fill(fillSz=""),
        fill(side=""),
        fill(posSide="odd"),
        fill(billId=""),
        fill(fillTime=""),
        fill(tradeId=...),
        fill(tradeId="-9", subType="999"),
        "x",
    ],
    ids=str,
)
def test_a_list_with_a_fill_that_cannot_be_read_is_an_error(row):
    with pytest.raises(ExchangeError):
        trades(session_with(fills=answer(fill(billId="b0"), row)))


@pytest.mark.parametrize(
    ("sub_type", "kind"),
    [
        ("100", ForcedKind.LIQUIDATION),
        ("107", ForcedKind.LIQUIDATION),
        ("125", ForcedKind.ADL),
        ("113", ForcedKind.SETTLEMENT),
    ],
)
def test_the_venues_own_orders_have_its_mark(sub_type, kind):
    rows = answer(fill(subType=sub_type, tradeId="-1"), fill(billId="b2", ordId="o2"))
    (forced,) = reader(session_with(fills=rows)).fetch_forced_orders(BTC, since_ms=NOW_MS - 2000, until_ms=NOW_MS)
    assert (forced.kind, forced.order_id) == (kind, "o1")


def test_an_orders_fills_close_with_what_the_order_says():
    session = session_with(history=answer(fill()), order=answer(order()))
    assert [trade.quantity for trade in reader(session).fetch_order_trades(BTC, "o1")] == [Decimal("0.03")]
    with pytest.raises(MalformedResponseError, match="may be cut"):
        reader(session_with(history=answer(fill(fillSz="1")), order=answer(order()))).fetch_order_trades(BTC, "o1")
    with pytest.raises(MalformedResponseError, match="is not known"):
        reader(session_with(history=answer(fill()))).fetch_order_trades(BTC, "o1")


def test_resting_orders_conditional_kinds_too():
    pending, algo = raw("orders_pending.json"), raw("orders_algo_pending.json")
    session = session_with(pending=pending, algo=lambda params: algo if params["ordType"] == "trigger" else answer())
    found = reader(session).fetch_resting_orders(BTC)
    assert [(o.order_id, o.open_qty, o.is_conditional, o.leg, o.reduce_only) for o in found] == [
        ("6100236830003834524", Decimal("0.001"), False, Leg.LONG, False),
        ("778314553", Decimal("0.01"), True, Leg.LONG, False),
    ]
    assert len(session.params_of(ALGO_PENDING)) == 7


def test_a_conditional_order_without_a_size_is_an_error():
    algo = raw("orders_algo_pending.json")
    algo["data"][0].update(sz="", closeFraction="1")
    with pytest.raises(MalformedResponseError):
        reader(session_with(algo=algo)).fetch_resting_orders(BTC)


@pytest.mark.parametrize("changes", [{"instType": "MARGIN"}, {"instId": "ETH-USDT-SWAP"}, {"posSide": "both"}], ids=str)
def test_a_resting_order_of_another_instrument_is_an_error(changes):
    """The lists were asked for one symbol: a row of another says that they are of something else."""
    algo = raw("orders_algo_pending.json")
    algo["data"][0].update(changes)
    with pytest.raises(MalformedResponseError):
        reader(session_with(algo=algo)).fetch_resting_orders(BTC)
    with pytest.raises(MalformedResponseError):
        reader(session_with(pending=answer(order(state="live", **changes)))).fetch_resting_orders(BTC)


def test_a_page_that_cannot_be_continued_is_an_error():
    session = session_with(fills=answer(*(fill(billId="b1") for _ in range(100))))
    with pytest.raises(MalformedResponseError):
        trades(session)


@pytest.mark.parametrize("span", [0, -1, 7 * 86_400_000 + 1])
def test_a_window_is_at_most_seven_days(span):
    with pytest.raises(ValueError, match="window"):
        trades(session_with(), since=NOW_MS, until=NOW_MS + span)
