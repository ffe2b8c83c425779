"""Bitget's front of the simulator: for the venue's reader and orders, and for ccxt's own unified calls."""

from __future__ import annotations

from decimal import Decimal

import ccxt
import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeUnavailableError,
    MalformedResponseError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.transport import redirected
from tests.support.simulator import running_simulator

BTC, ETH, SOL = "BTCUSDT", "ETHUSDT", "SOLUSDT"
KEYS = {"exchange_id": "bitget", "api_key": "demo", "api_secret": "demo", "password": "demo"}


@pytest.fixture(scope="module")
def simulator():
    with running_simulator(symbols={"BTCUSDT": "0.036", "ETHUSDT": "-1.25"}, exchange="bitget") as running:
        yield running


@pytest.fixture
def sim(simulator):
    simulator.clear_faults()
    simulator.set_position("BTCUSDT", "0.036")
    simulator.set_position("ETHUSDT", "-1.25")
    simulator.forget_requests()
    yield simulator
    simulator.clear_faults()


@pytest.fixture
def venue(sim, make_venue):
    return make_venue(sim.base_url, **KEYS)


@pytest.fixture
def orders(sim, make_orders):
    return make_orders(sim.base_url, **KEYS)


@pytest.fixture
def unified(sim):
    client = ccxt.bitget(
        {
            "apiKey": "demo",
            "secret": "demo",
            "password": "demo",
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": ["swap"]}},
        }
    )
    client.urls["api"] = redirected(client.urls["api"], sim.base_url)
    client.load_markets()
    return client


def close(orders, client_order_id, *, side=OrderSide.SELL, quantity="0.036", **changes):
    return orders.place_reduce_only_market(
        symbol=BTC,
        side=side,
        quantity=Decimal(quantity),
        client_order_id=client_order_id,
        recv_window_ms=2000,
        **changes,
    )


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


# --- our reader and orders ------------------------------------------------------------------------------------------


def test_long_short_and_an_omitted_flat_symbol_are_read(venue, sim):
    report = venue.fetch_positions([BTC, ETH, SOL])
    assert amounts(report) == {BTC: Decimal("0.036"), ETH: Decimal("-1.25"), SOL: Decimal(0)}
    assert sim.requests().count("GET /api/v2/mix/position/all-position") == 1


def test_both_legs_of_hedge_mode_are_read(venue, sim):
    sim.fault(hedge_mode=True)
    sim.set_position("BTCUSDT", "0.5", position_side="LONG")
    sim.set_position("BTCUSDT", "-0.25", position_side="SHORT")
    position = venue.fetch_positions([BTC]).positions[BTC]
    assert [leg.position_amt for leg in position.legs] == [Decimal("0.5"), Decimal("-0.25")]


@pytest.mark.parametrize("fault", ["duplicate", "conflict", "no_amount", "null_amount", "nan_amount", "huge_amount"])
def test_a_bad_row_affects_its_symbol_only(venue, sim, fault):
    sim.fault(rows={"BTCUSDT": fault})
    report = venue.fetch_positions([BTC, ETH])
    assert (report.invalid.keys(), amounts(report)) == ({BTC}, {ETH: Decimal("-1.25")})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("empty", MalformedResponseError),
        ("object", MalformedResponseError),
        ("list", MalformedResponseError),
        ("html", MalformedResponseError),
        ("truncated", MalformedResponseError),
        ("cut", ExchangeUnavailableError),
        ("drop", ExchangeUnavailableError),
    ],
)
def test_a_broken_answer_proves_nothing(venue, sim, body, error):
    sim.fault(body=body)
    with pytest.raises(error):
        venue.fetch_positions([BTC])


def test_market_rules_the_account_and_the_key(venue):
    report = venue.fetch_markets([BTC, "NOSUCHUSDT"])
    assert report.markets[BTC].max_market_qty == Decimal(120)
    assert report.invalid.keys() == {"NOSUCHUSDT"}
    assert venue.fetch_account().problem is None
    assert venue.fetch_key_permissions().ip_restricted
    assert venue.fetch_margin_modes([BTC, ETH, SOL]) == {BTC: "crossed", ETH: "crossed"}


def test_a_close_is_executed_found_and_listed(venue, orders, sim):
    report = close(orders, "p33-close")
    assert (report.executed_qty, report.is_final) == (Decimal("0.036"), True)
    assert amounts(venue.fetch_positions([BTC])) == {BTC: Decimal(0)}
    assert orders.fetch_order(BTC, "p33-close").executed_qty == Decimal("0.036")
    now_ms = venue.fetch_server_time_ms()
    trades = venue.fetch_trades(BTC, since_ms=now_ms - 60_000, until_ms=now_ms + 1000)
    assert (trades[-1].order_id, trades[-1].leg, trades[-1].side) == (report.order_id, Leg.BOTH, OrderSide.SELL)
    assert venue.fetch_order_trades(BTC, report.order_id)[0].quantity == Decimal("0.036")
    assert venue.fetch_order_state(BTC, report.order_id).is_final
    assert venue.fetch_resting_orders(BTC) == ()


def test_a_leg_is_closed_and_its_trade_is_the_legs(venue, orders, sim):
    sim.fault(hedge_mode=True)
    sim.set_position("BTCUSDT", "0.5", position_side="LONG")
    sim.set_position("BTCUSDT", "-0.25", position_side="SHORT")
    close(orders, "p33-leg", side=OrderSide.BUY, quantity="0.1", leg=Leg.SHORT)
    position = venue.fetch_positions([BTC]).positions[BTC]
    assert [leg.position_amt for leg in position.legs] == [Decimal("0.5"), Decimal("-0.15")]
    now_ms = venue.fetch_server_time_ms()
    latest = venue.fetch_trades(BTC, since_ms=now_ms - 5_000, until_ms=now_ms + 1000)[-1]
    assert (latest.leg, latest.side, latest.quantity) == (Leg.SHORT, OrderSide.BUY, Decimal("0.1"))


def test_an_order_that_stays_open_is_no_fill_and_rests(venue, orders, sim):
    sim.fault(order="new")
    report = close(orders, "p33-open")
    assert (report.executed_qty, report.is_final) == (0, False)
    (resting,) = venue.fetch_resting_orders(BTC)
    assert (resting.client_order_id, resting.open_qty, resting.reduce_only) == ("p33-open", Decimal("0.036"), True)


def test_a_refusal_a_duplicate_and_a_time_out(orders, sim):
    with pytest.raises(OrderRejectedError, match="nothing was sent"):
        close(orders, "p33-wrong", side=OrderSide.BUY)
    sim.fault(order_error=-2022)
    with pytest.raises(OrderRejectedError) as caught:
        close(orders, "p33-refused", quantity="0.001")
    assert caught.value.code == "22002"
    sim.clear_faults()
    close(orders, "p33-twice", quantity="0.001")
    with pytest.raises(OrderOutcomeUnknownError):
        close(orders, "p33-twice", quantity="0.001")
    sim.fault(order="timeout_executed")
    with pytest.raises(OrderOutcomeUnknownError):
        close(orders, "p33-late", quantity="0.001")
    assert orders.fetch_order(BTC, "p33-late").executed_qty == Decimal("0.001")


def test_an_order_that_comes_30_s_late_is_not_executed(orders, sim):
    with pytest.raises(ExchangeClockError):
        close(orders, "p33-frozen", window_start_ms=orders.clock_ms() - 31_000)
    assert sim.position("BTCUSDT") == Decimal("0.036")


def test_a_wrong_secret_and_a_wrong_key_are_refused(sim, make_venue):
    for wrong in ({"api_secret": "demO"}, {"api_key": "demO"}, {"password": "demO"}):
        with pytest.raises(ExchangeCredentialsError):
            make_venue(sim.base_url, **(KEYS | wrong)).fetch_positions([BTC])


# --- ccxt's own unified calls ---------------------------------------------------------------------------------------


def test_ccxt_reads_markets_and_positions(unified):
    market = unified.market("BTC/USDT:USDT")
    assert (market["id"], market["linear"], market["contractSize"]) == ("BTCUSDT", True, 1.0)
    found = {row["symbol"]: (row["side"], row["contracts"]) for row in unified.fetch_positions()}
    assert found == {"BTC/USDT:USDT": ("long", 0.036), "ETH/USDT:USDT": ("short", 1.25)}


@pytest.mark.parametrize("hedge", [False, True])
def test_ccxt_places_an_order_and_reads_order_and_trades(unified, sim, hedge):
    sim.fault(hedge_mode=hedge)
    params = {"reduceOnly": True, "hedged": hedge, "productType": "USDT-FUTURES"}
    placed = unified.create_order("BTC/USDT:USDT", "market", "sell", 0.01, None, params)
    assert sim.position("BTCUSDT", "LONG" if hedge else "BOTH") == Decimal("0.026")
    order = unified.fetch_order(placed["id"], "BTC/USDT:USDT")
    assert (order["status"], order["filled"]) == ("closed", 0.01)
    trades = [trade for trade in unified.fetch_my_trades("BTC/USDT:USDT") if trade["order"] == placed["id"]]
    assert [trade["amount"] for trade in trades] == [0.01]


def test_a_liquidation_has_its_mark(venue, sim):
    sim.trade("ETHUSDT", "0.25", kind="liquidation")
    now_ms = venue.fetch_server_time_ms()
    (forced,) = venue.fetch_forced_orders(ETH, since_ms=now_ms - 60_000, until_ms=now_ms + 1000)
    assert (forced.kind, forced.executed_qty) == (ForcedKind.LIQUIDATION, Decimal("0.25"))
