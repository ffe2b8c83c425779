"""ccxt works against the simulator as against the venue."""

from typing import Any

import ccxt
import pytest

from p33_tasks.demo.exchange.client import SimControl

BTC = "BTC/USDT:USDT"


def exchange(sim: SimControl, *, demo: bool = True, **config: Any) -> Any:
    """A futures client, every one of its hosts replaced by the simulator."""
    options = {"fetchCurrencies": False, "fetchMargins": False, "leverageBrackets": {}}
    client = ccxt.binanceusdm(
        {"apiKey": sim.api_key, "secret": sim.api_secret, "enableRateLimit": False, "options": options} | config
    )
    client.enable_demo_trading(demo)
    client.urls["api"] = _on(sim.base_url, client.urls["api"])
    return client


def _on(base_url: str, url: Any) -> Any:
    if isinstance(url, dict):
        return {name: _on(base_url, value) for name, value in url.items()}
    return "/".join([base_url, *url.split("/")[3:]])


@pytest.fixture
def client(sim: SimControl) -> Any:
    return exchange(sim)


def test_time_and_markets_are_read_with_filters(client):
    assert abs(client.fetch_time() - client.milliseconds()) < 5_000
    market = client.load_markets()[BTC]
    assert (market["precision"]["amount"], market["precision"]["price"]) == (0.001, 0.1)
    assert market["limits"]["market"]["max"] == 120
    assert market["limits"]["cost"]["min"] == 100
    assert len(client.markets) == 612


def test_raw_position_rows_come_for_every_symbol_in_v2_and_for_held_ones_in_v3(client):
    v2 = {row["symbol"]: row for row in client.fapiPrivateV2GetPositionRisk()}
    assert len(v2) == 612
    assert (v2["BTCUSDT"]["positionAmt"], v2["ETHUSDT"]["positionAmt"]) == ("0.038", "-1.200")
    assert (v2["DOGEUSDT"]["positionAmt"], v2["DOGEUSDT"]["leverage"]) == ("0", "20")
    v3 = client.fapiPrivateV3GetPositionRisk()
    assert {row["symbol"] for row in v3} == {"BTCUSDT", "ETHUSDT"}
    one = client.fapiPrivateV2GetPositionRisk({"symbol": "ETHUSDT"})
    assert [row["symbol"] for row in one] == ["ETHUSDT"]


def test_unified_positions_have_their_side(client):
    positions = {entry["symbol"]: (entry["side"], entry["contracts"]) for entry in client.fetch_positions()}
    assert positions == {BTC: ("long", 0.038), "ETH/USDT:USDT": ("short", 1.2)}


def test_a_reduce_only_close_is_executed_and_found_again_by_both_ids(client, sim):
    params = {"reduceOnly": True, "newClientOrderId": "ccxt-close-1"}
    order = client.create_order(BTC, "market", "sell", 0.028, None, params)
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.028, "ccxt-close-1")
    assert str(sim.position("BTCUSDT")) == "0.010"
    assert client.fetch_order(order["id"], BTC)["info"]["executedQty"] == "0.028"
    by_client_id = client.fetch_order(None, BTC, {"origClientOrderId": "ccxt-close-1"})
    assert by_client_id["id"] == order["id"]
    assert [trade["amount"] for trade in client.fetch_my_trades(BTC, params={"orderId": order["id"]})] == [0.028]


def test_a_resting_order_is_listed_and_canceled(client):
    mark = client.fetch_mark_price(BTC)["markPrice"]
    order = client.create_order(BTC, "limit", "sell", 0.01, round(mark * 1.02, 1))
    assert [entry["id"] for entry in client.fetch_open_orders(BTC)] == [order["id"]]
    assert client.cancel_order(order["id"], BTC)["status"] == "canceled"
    assert client.fetch_open_orders(BTC) == []


def test_the_account_endpoints_are_readable(client):
    balance = client.fetch_balance()["USDT"]
    assert balance["total"] > 0
    assert client.fetch_position_mode(BTC)["hedged"] is False
    assert client.fetch_leverages([BTC])[BTC]["longLeverage"] == 20
    assert client.set_leverage(5, BTC)["leverage"] == 5
    assert client.fetch_leverages([BTC])[BTC]["longLeverage"] == 5
    client.set_leverage(20, BTC)
    assert client.fetch_leverage_tiers([BTC])[BTC][0]["maxLeverage"] == 125
    assert (
        client.fapiPrivateV2GetAccount()["totalWalletBalance"] == client.fapiPrivateV3GetAccount()["totalWalletBalance"]
    )


def test_the_venues_errors_reach_the_caller(client, sim):
    with pytest.raises(ccxt.ExchangeError, match="-2022"):
        client.create_order(BTC, "market", "buy", 0.01, None, {"reduceOnly": True})
    sim.fault(status=429, retry_after_sec=7)
    with pytest.raises(ccxt.DDoSProtection):
        client.fetch_time()
    assert client.last_response_headers["Retry-After"] == "7"


def test_a_wrong_secret_is_refused(sim):
    with pytest.raises(ccxt.ExchangeError, match="-1022"):
        exchange(sim, secret="wrong").fapiPrivateV2GetPositionRisk()


def test_without_the_precautions_ccxt_calls_hosts_that_have_nothing_to_do_here_and_it_shows(sim):
    """load_markets with keys asks the spot hosts, with the key; a test of ours can see that."""
    careless = exchange(sim, demo=False, options={})
    with pytest.raises(ccxt.BaseError, match="404"):
        careless.load_markets()
    outside = sim.requests().paths_outside("/fapi")
    assert outside
    assert any(sim.requests().endpoints[name].with_key for name in outside)
