"""OKX: orders in contracts, and their outcome."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.okx.orders import OkxOrders
from p33_tasks.venues.okx.spec import ORDER, PLACE, POSITIONS
from tests.support.played_session import NOW_MS
from tests.unit.venues.okx_answers import BTC, ID, answer, order, place, position, raw, session_with


def refusal(code, outer="1"):
    return answer({"clOrdId": ID, "ordId": "", "sCode": str(code), "sMsg": "no"}, code=outer)


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
