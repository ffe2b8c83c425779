"""Hyperliquid's front of the simulator: for our reader and orders, ccxt's unified calls, and the venue's own client."""

from __future__ import annotations

from decimal import Decimal

import ccxt
import pytest

from p33_tasks.demo.exchange.fronts.hyperliquid.front import HYPERLIQUID
from p33_tasks.demo.exchange.fronts.hyperliquid.wallets import address_of
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.trades import ForcedKind
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
from p33_tasks.venues.transport import redirected
from tests.support.simulator import running_simulator

BTC, ETH, SHIB, OTHER = "BTC", "ETH", "KSHIB", "XYZ:LTC"
ACCOUNT, WALLET_KEY = HYPERLIQUID.demo_key.key, HYPERLIQUID.demo_key.secret
STRANGER = "0x" + "11" * 32
KEYS = {"exchange_id": "hyperliquid", "api_key": ACCOUNT, "api_secret": WALLET_KEY}
STATE = "POST /info clearinghouseState"


@pytest.fixture(scope="module")
def simulator():
    held = {BTC: "0.036", ETH: "-1.25"}
    with running_simulator(symbols=held, exchange="hyperliquid", weight_limit=1_000_000) as running:
        yield running


@pytest.fixture
def sim(simulator):
    simulator.clear_faults()
    for symbol, amount in {BTC: "0.036", ETH: "-1.25", SHIB: 0, OTHER: 0}.items():
        simulator.set_position(symbol, amount)
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
    client = ccxt.hyperliquid(
        {
            "walletAddress": ACCOUNT,
            "privateKey": WALLET_KEY,
            "enableRateLimit": False,
            "options": {"fetchMarkets": {"types": ["swap", "hip3"], "hip3": {"dexes": ["xyz"]}}},
        }
    )
    client.set_sandbox_mode(True)
    client.urls["api"] = redirected(client.urls["api"], sim.base_url)
    client.load_markets()
    return client


def client_id(number):
    return f"0x703333{number:026x}"


def close(orders, number, *, symbol=BTC, side=OrderSide.SELL, quantity="0.036", **changes):
    return orders.place_reduce_only_market(
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        client_order_id=client_id(number),
        recv_window_ms=2000,
        **changes,
    )


def amounts(report):
    return {symbol: position.position_amt for symbol, position in report.positions.items()}


# --- our reader and orders ------------------------------------------------------------------------------------------


def test_long_short_and_an_omitted_flat_coin_are_read(venue, sim):
    report = venue.fetch_positions([BTC, ETH, "SOL"])
    assert amounts(report) == {BTC: Decimal("0.036"), ETH: Decimal("-1.25"), "SOL": Decimal(0)}
    assert sim.requests().count(STATE) == 1


def test_each_dex_that_the_symbols_name_is_asked_and_case_is_the_venues(venue, sim):
    sim.set_position(SHIB, 200)
    sim.set_position(OTHER, "-2.5")
    report = venue.fetch_positions([BTC, SHIB, OTHER, "ABC:X"])
    assert amounts(report) == {BTC: Decimal("0.036"), SHIB: Decimal(200), OTHER: Decimal("-2.5")}
    assert report.invalid.keys() == {"ABC:X"}
    assert sim.requests().count(STATE) == 3


def test_the_address_of_an_api_wallet_and_of_nobody_prove_nothing(sim, make_venue):
    for address in (address_of(WALLET_KEY), "0x" + "00" * 19 + "ff"):
        with pytest.raises(ExchangeCredentialsError, match="P33_API_KEY"):
            make_venue(sim.base_url, **(KEYS | {"api_key": address})).fetch_positions([BTC])


@pytest.mark.parametrize("fault", ["duplicate", "conflict", "no_amount", "null_amount", "nan_amount", "huge_amount"])
def test_a_bad_row_affects_its_coin_only(venue, sim, fault):
    sim.fault(rows={BTC: fault})
    report = venue.fetch_positions([BTC, ETH])
    assert (report.invalid.keys(), amounts(report)) == ({BTC}, {ETH: Decimal("-1.25")})


def test_a_row_that_names_no_coin_leaves_every_absent_one_unknown(venue, sim):
    sim.fault(rows={BTC: "not_object"})
    report = venue.fetch_positions([BTC, ETH, "SOL"])
    assert (report.invalid.keys(), amounts(report)) == ({BTC, "SOL"}, {ETH: Decimal("-1.25")})


@pytest.mark.parametrize(
    ("switches", "error"),
    [
        ({"body": "empty"}, MalformedResponseError),
        ({"body": "object"}, MalformedResponseError),
        ({"body": "null"}, MalformedResponseError),
        ({"body": "html"}, MalformedResponseError),
        ({"body": "truncated"}, MalformedResponseError),
        ({"body": "cut"}, ExchangeUnavailableError),
        ({"body": "drop"}, ExchangeUnavailableError),
        ({"status": 429}, ExchangeRateLimitedError),
        ({"status": 502}, ExchangeUnavailableError),
    ],
)
def test_a_broken_answer_proves_nothing(venue, sim, switches, error):
    venue.fetch_positions([BTC])  # what the address is, is known
    sim.fault(**switches)
    with pytest.raises(error):
        venue.fetch_positions([BTC])


def test_market_rules_of_both_dexes_and_the_account(venue, sim):
    sim.fault(delisted=[ETH])
    report = venue.fetch_markets([BTC, OTHER, ETH, "NOSUCH"])
    assert (report.markets[BTC].step_size, report.markets[OTHER].step_size) == (Decimal("0.001"), Decimal("0.001"))
    assert report.invalid.keys() == {ETH, "NOSUCH"}
    held = {symbol for symbol, amount in amounts(venue.fetch_positions([BTC, SHIB, OTHER])).items() if amount}
    assert held
    assert venue.fetch_margin_modes([BTC, SHIB, OTHER]) == dict.fromkeys(held, "cross")
    account = venue.fetch_account()
    assert (account.kind, account.problem) == (
        "an account, signed for by an API wallet of it, which may not withdraw",
        None,
    )


@pytest.mark.parametrize(("symbol", "held"), [(BTC, "0.036"), (OTHER, "2.5")])
def test_a_close_is_executed_found_and_listed(venue, orders, sim, symbol, held):
    sim.set_position(symbol, held)
    number = 1 if symbol == BTC else 2
    report = close(orders, number, symbol=symbol, quantity=held)
    assert (report.executed_qty, report.is_final) == (Decimal(held), True)
    assert amounts(venue.fetch_positions([symbol])) == {symbol: Decimal(0)}
    assert orders.fetch_order(symbol, client_id(number)).executed_qty == Decimal(held)
    now_ms = venue.fetch_server_time_ms()
    trades = venue.fetch_trades(symbol, since_ms=now_ms - 60_000, until_ms=now_ms + 1000)
    assert (trades[-1].order_id, trades[-1].leg, trades[-1].side) == (report.order_id, Leg.BOTH, OrderSide.SELL)
    assert venue.fetch_order_trades(symbol, report.order_id)[0].quantity == Decimal(held)
    assert venue.fetch_order_state(symbol, report.order_id).is_final
    assert venue.fetch_resting_orders(symbol) == ()


def test_an_order_that_stays_open_is_no_fill_and_rests(venue, orders, sim):
    sim.fault(order="new")
    report = close(orders, 3)
    assert (report.executed_qty, report.is_final) == (0, False)
    (resting,) = venue.fetch_resting_orders(BTC)
    assert (resting.client_order_id, resting.open_qty, resting.reduce_only) == (client_id(3), Decimal("0.036"), True)


def test_a_part_below_ten_dollars_is_refused_and_the_whole_position_is_not(orders, sim):
    sim.set_price(SHIB, "0.017")
    sim.set_position(SHIB, 500)
    with pytest.raises(OrderRejectedError, match="minimum value"):
        close(orders, 4, symbol=SHIB, quantity="499")
    assert close(orders, 5, symbol=SHIB, quantity="500").executed_qty == 500


def test_refusals_a_repetition_and_a_time_out(orders, sim):
    with pytest.raises(OrderRejectedError, match="Reduce only order would increase"):
        close(orders, 6, side=OrderSide.BUY)
    close(orders, 7, quantity="0.001")
    with pytest.raises(OrderOutcomeUnknownError):
        close(orders, 7, quantity="0.001")
    sim.fault(order="timeout_executed")
    with pytest.raises(OrderOutcomeUnknownError):
        close(orders, 8, quantity="0.001")
    assert orders.fetch_order(BTC, client_id(8)).executed_qty == Decimal("0.001")
    sim.fault(order="filled", order_error=-1015)
    with pytest.raises(ExchangeOrderLimitedError):
        close(orders, 9, quantity="0.001")


def test_an_expired_order_is_not_executed_and_never_said_to_be_refused(orders, sim):
    """How the venue words it isn't documented, so the order is looked for."""
    with pytest.raises((OrderOutcomeUnknownError, ExchangeClockError)):
        close(orders, 10, window_start_ms=orders.clock_ms() - 2_500)
    assert sim.position(BTC) == Decimal("0.036")
    assert orders.fetch_order(BTC, client_id(10)) is None


def test_a_nonce_is_taken_once(orders, sim):
    start_ms = orders.clock_ms()
    close(orders, 0x100, quantity="0.001", window_start_ms=start_ms)
    with pytest.raises(OrderOutcomeUnknownError, match="duplicate nonce"):
        close(orders, 0x200, quantity="0.001", window_start_ms=start_ms)


def test_another_wallet_and_another_network_are_refused(sim, make_orders):
    for wrong in ({"api_secret": STRANGER}, {"testnet": False}):
        with pytest.raises(ExchangeCredentialsError, match="does not exist"):
            close(make_orders(sim.base_url, **(KEYS | wrong)), 11)
    assert sim.position(BTC) == Decimal("0.036")


def test_forced_trades_have_their_marks(venue, sim):
    for kind, quantity in (("liquidation", "0.25"), ("adl", "0.5"), ("settlement", "0.1")):
        sim.trade(ETH, quantity, kind=kind)
    now_ms = venue.fetch_server_time_ms()
    found = venue.fetch_forced_orders(ETH, since_ms=now_ms - 60_000, until_ms=now_ms + 1000)
    assert [(each.kind, each.executed_qty) for each in found] == [
        (ForcedKind.LIQUIDATION, Decimal("0.25")),
        (ForcedKind.ADL, Decimal("0.5")),
        (ForcedKind.SETTLEMENT, Decimal("0.1")),
    ]


# --- ccxt's own unified calls ---------------------------------------------------------------------------------------


def test_ccxt_reads_markets_and_positions(unified):
    market = unified.market("BTC/USDC:USDC")
    assert (market["baseId"], market["linear"], market["precision"]["amount"]) == ("0", True, 0.001)
    found = {row["symbol"]: (row["side"], row["contracts"]) for row in unified.fetch_positions()}
    assert found == {"BTC/USDC:USDC": ("long", 0.036), "ETH/USDC:USDC": ("short", 1.25)}


def test_ccxt_places_an_order_and_reads_order_and_trades(unified, sim):
    placed = unified.create_order("BTC/USDC:USDC", "market", "sell", 0.01, 67_000, {"reduceOnly": True})
    assert sim.position(BTC) == Decimal("0.026")
    order = unified.fetch_order(placed["id"], "BTC/USDC:USDC")
    assert (order["status"], order["filled"], order["side"]) == ("closed", 0.01, "sell")
    trades = [trade for trade in unified.fetch_my_trades("BTC/USDC:USDC") if trade["order"] == placed["id"]]
    assert [(trade["amount"], trade["side"]) for trade in trades] == [(0.01, "sell")]
    assert placed["id"] not in {order["id"] for order in unified.fetch_open_orders("BTC/USDC:USDC")}


# --- the venue's own client -----------------------------------------------------------------------------------------


def test_the_venues_own_client_reads_closes_and_finds(sim):
    """hyperliquid-python-sdk, where it is installed; it is no dependency of the project."""
    accounts = pytest.importorskip("eth_account")
    exchange_module = pytest.importorskip("hyperliquid.exchange")
    exchange = exchange_module.Exchange(
        accounts.Account.from_key(WALLET_KEY), sim.base_url, account_address=ACCOUNT, perp_dexs=["", "xyz"]
    )
    info = exchange.info
    held = {row["position"]["coin"]: row["position"]["szi"] for row in info.user_state(ACCOUNT)["assetPositions"]}
    assert held == {"BTC": "0.036", "ETH": "-1.25"}
    assert {coin["name"] for coin in info.meta()["universe"]} >= {"BTC", "ETH", "kSHIB"}
    cloid = pytest.importorskip("hyperliquid.utils.types").Cloid.from_str(client_id(0xC10))
    answer = exchange.market_close("BTC", sz=0.01, cloid=cloid)
    (status,) = answer["response"]["data"]["statuses"]
    assert "filled" in status, status
    assert Decimal(status["filled"]["totalSz"]) == Decimal("0.01"), status
    assert sim.position(BTC) == Decimal("0.026")
    found = info.query_order_by_cloid(ACCOUNT, cloid)
    assert (found["status"], found["order"]["status"]) == ("order", "filled")
    assert info.query_order_by_oid(ACCOUNT, status["filled"]["oid"])["order"]["order"]["cloid"] == client_id(0xC10)
    (fill,) = [row for row in info.user_fills(ACCOUNT) if row["oid"] == status["filled"]["oid"]]
    assert (fill["coin"], fill["side"], Decimal(fill["sz"])) == ("BTC", "A", Decimal("0.01"))
    assert status["filled"]["oid"] not in {order["oid"] for order in info.open_orders(ACCOUNT)}
    sim.set_position(OTHER, "2.5")
    assert exchange.market_close("xyz:LTC")["response"]["data"]["statuses"][0]["filled"]["totalSz"] == "2.5"
    refused = exchange.order("BTC", is_buy=True, sz=0.01, limit_px=60_000, order_type={"limit": {"tif": "Ioc"}})
    assert "could not immediately match" in refused["response"]["data"]["statuses"][0]["error"]
