"""A second, independent client: what it and ccxt both understand is not one client's quirk."""

from typing import Any

import pytest
from binance.client import Client
from binance.exceptions import BinanceAPIException

from p33_tasks.demo.exchange.client import SimControl


@pytest.fixture
def client(sim: SimControl) -> Any:
    client = Client(sim.api_key, sim.api_secret, ping=False)
    client.FUTURES_URL = f"{sim.base_url}/fapi"
    yield client
    client.close_connection()


def test_positions_are_read(client):
    rows = {row["symbol"]: row["positionAmt"] for row in client.futures_position_information()}
    assert rows == {"BTCUSDT": "0.038", "ETHUSDT": "-1.200"}


def test_exchange_info_has_every_filter(client):
    info = client.futures_exchange_info()
    btc = next(entry for entry in info["symbols"] if entry["symbol"] == "BTCUSDT")
    filters = {entry["filterType"]: entry for entry in btc["filters"]}
    assert set(filters) == {
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "MAX_NUM_ORDERS",
        "MAX_NUM_ALGO_ORDERS",
        "MIN_NOTIONAL",
        "PERCENT_PRICE",
        "POSITION_RISK_CONTROL",
    }
    assert (filters["LOT_SIZE"]["stepSize"], filters["MARKET_LOT_SIZE"]["maxQty"]) == ("0.001", "120")


def test_an_order_is_only_acknowledged_unless_its_result_is_asked_for(client, sim):
    order = client.futures_create_order(
        symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.2", reduceOnly="true", newClientOrderId="pb-1"
    )
    assert (order["status"], order["executedQty"]) == ("NEW", "0")
    found = client.futures_get_order(symbol="ETHUSDT", origClientOrderId="pb-1")
    assert (found["status"], found["executedQty"]) == ("FILLED", "0.200")
    assert str(sim.position("ETHUSDT")) == "-1.0"
    result = client.futures_create_order(
        symbol="ETHUSDT", side="BUY", type="MARKET", quantity="0.2", reduceOnly="true", newOrderRespType="RESULT"
    )
    assert (result["status"], result["executedQty"]) == ("FILLED", "0.200")


def test_account_balance_brackets_and_prices_are_read(client):
    assert client.futures_account_balance()[0]["asset"] == "USDT"
    assert {row["symbol"] for row in client.futures_account()["positions"]} >= {"BTCUSDT", "DOGEUSDT"}
    assert client.futures_leverage_bracket(symbol="BTCUSDT")[0]["brackets"][0]["initialLeverage"] == 125
    assert client.futures_mark_price(symbol="BTCUSDT")["symbol"] == "BTCUSDT"
    assert len(client.futures_mark_price()) == 612
    assert client.futures_get_position_mode() == {"dualSidePosition": False}
    assert client.futures_get_open_orders() == []


def test_errors_carry_the_venues_code(client):
    with pytest.raises(BinanceAPIException) as refused:
        client.futures_create_order(symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", reduceOnly="true")
    assert (refused.value.code, refused.value.status_code) == (-2022, 400)
