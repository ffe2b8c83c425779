"""OKX: fills, forced orders and resting orders, complete or an error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeError,
    MalformedResponseError,
)
from p33_tasks.venues.okx.spec import ALGO_PENDING, FILLS, FILLS_HISTORY
from p33_tasks.venues.okx.venue import VENUE
from tests.support.played_session import NOW_MS
from tests.unit.venues.okx_answers import BTC, answer, order, raw, session_with

LIVE = False


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


def reader(session):
    return VENUE.reader(session, "source", LIVE)


def trades(session, since=NOW_MS - 2000, until=NOW_MS):
    return reader(session).fetch_trades(BTC, since_ms=since, until_ms=until)


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
