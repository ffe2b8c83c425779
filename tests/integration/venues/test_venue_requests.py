"""What is really sent to each venue, over HTTP: scope, signature headers, the mark of demo trading, its clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from decimal import Decimal
from pathlib import Path

import ccxt
import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import ExchangeClockError, ExchangeCredentialsError, ExchangeRateLimitedError
from tests.integration.venues.conftest import API_KEY, API_SECRET
from tests.support.canned_http import Canned

DATA = Path(__file__).parents[2] / "data" / "venues"
BYBIT = json.loads((DATA / "bybit" / "positions_oneway_long_short_flat.json").read_text())
OKX = {
    "/api/v5/account/config": json.loads((DATA / "okx" / "account_config.json").read_text()),
    "/api/v5/public/instruments": json.loads((DATA / "okx" / "instruments_swap.json").read_text()),
    "/api/v5/account/positions": json.loads((DATA / "okx" / "positions_longshort_mode_long.json").read_text()),
    "/api/v5/public/time": {"code": "0", "msg": "", "data": [{"ts": "1597026383085"}]},
}

BITGET_ACCOUNT = {"marginCoin": "USDT", "posMode": "hedge_mode"}


def canned(body):
    return Canned(body=json.dumps(body))


@pytest.fixture
def routes(server):
    by_path = {}
    server.answer = lambda asked: by_path[asked.path]
    return by_path


@pytest.fixture
def bybit(make_venue, server, routes):
    routes["/v5/position/list"] = canned(BYBIT)
    routes["/v5/user/query-api"] = canned({"retCode": 0, "result": {"userID": 24617703}})
    return make_venue(server.url, exchange_id="bybit")


@pytest.fixture
def make_okx(make_venue, server, routes):
    routes.update({path: canned(body) for path, body in OKX.items()})
    return lambda **changes: make_venue(server.url, **({"exchange_id": "okx", "password": "phrase"} | changes))


def test_bybit_is_asked_for_its_scope_and_signed(bybit, server, budget):
    report = bybit.fetch_positions(["BTCUSDT", "XRPUSDT"])
    assert {s: str(p.position_amt) for s, p in report.positions.items()} == {"BTCUSDT": "0.5", "XRPUSDT": "0"}
    key, asked = server.asked
    assert (key.path, report.account) == ("/v5/user/query-api", "24617703")
    assert asked.params == {"category": "linear", "settleCoin": "USDT", "limit": "200"}
    sent = asked.headers
    query = "category=linear&settleCoin=USDT&limit=200"
    text = sent["x-bapi-timestamp"] + API_KEY + sent["x-bapi-recv-window"] + query
    assert sent["x-bapi-sign"] == hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert budget.acquired == [5, 1]
    assert bybit.source.endswith(" linear USDT")


def test_an_address_that_bybit_shut_out_asks_nothing_more(bybit, server, routes, budget):
    routes["/v5/position/list"] = Canned(status=403, body="403, access too frequent")
    for _ in range(2):
        with pytest.raises(ExchangeRateLimitedError):
            bybit.fetch_positions(["BTCUSDT"])
    assert budget.pauses == [600]
    assert [asked.path for asked in server.asked] == ["/v5/user/query-api", "/v5/position/list"]


def test_bybits_clock_is_measured_after_it_refused_a_timestamp(bybit, server, routes):
    routes["/v5/position/list"] = canned({"retCode": 10002, "retMsg": "timestamp", "result": {}})
    with pytest.raises(ExchangeClockError):
        bybit.fetch_positions(["BTCUSDT"])
    routes["/v5/position/list"] = canned(BYBIT)
    routes["/v5/market/time"] = canned(json.loads((DATA / "bybit" / "server_time.json").read_text()))
    bybit.fetch_positions(["BTCUSDT"])
    stamp = int(server.asked[-1].headers["x-bapi-timestamp"])
    assert 0 <= stamp - 1_688_639_403_423 < 60_000


@pytest.mark.parametrize("testnet", [False, True])
def test_okx_is_asked_for_swaps_signed_and_marked_as_demo(make_okx, server, budget, testnet):
    venue = make_okx(testnet=testnet)
    report = venue.fetch_positions(["BTC-USDT-SWAP", "ETH-USDT-SWAP"])
    assert {s: str(p.position_amt) for s, p in report.positions.items()} == {
        "BTC-USDT-SWAP": "0.005",
        "ETH-USDT-SWAP": "0",
    }
    config, instruments, positions = server.asked
    assert (config.params, instruments.params, positions.params) == ({}, {"instType": "SWAP"}, {"instType": "SWAP"})
    # Every request, public ones too: a live instrument list says nothing about demo trading.
    assert {asked.headers.get("x-simulated-trading") for asked in server.asked} == {"1" if testnet else None}
    text = positions.headers["ok-access-timestamp"] + "GET/api/v5/account/positions?instType=SWAP"
    signature = base64.b64encode(hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
    assert positions.headers["ok-access-sign"] == signature
    assert positions.headers["ok-access-passphrase"] == "phrase"
    assert budget.acquired == [4, 1, 2]
    assert venue.source.endswith(" SWAP demo" if testnet else " SWAP")


def test_okx_without_a_passphrase_sends_nothing(make_okx, server):
    with pytest.raises(ExchangeCredentialsError, match="P33_API_PASSWORD"):
        make_okx(password=None).fetch_positions(["BTC-USDT-SWAP"])
    assert server.asked == []


def test_okx_tells_its_time_in_a_row(make_okx):
    assert make_okx().fetch_server_time_ms() == 1_597_026_383_085


def test_no_error_holds_a_passphrase(make_okx, routes):
    routes["/api/v5/account/config"] = canned({"code": "50105", "data": [], "msg": "wrong phrase: secretphrase"})
    with pytest.raises(ExchangeCredentialsError) as caught:
        make_okx(password="secretphrase").fetch_positions(["BTC-USDT-SWAP"])
    assert "secretphrase" not in str(caught.value)


# --- orders ---------------------------------------------------------------------------------------------------------


def sell(orders, symbol, client_order_id, start_ms, leg=Leg.BOTH):
    return orders.place_reduce_only_market(
        symbol=symbol,
        side=OrderSide.SELL,
        quantity=Decimal("0.005"),
        client_order_id=client_order_id,
        recv_window_ms=700,
        window_start_ms=start_ms,
        leg=leg,
    )


def test_a_bybit_order_is_signed_with_its_own_time_and_window_over_the_bytes_sent(make_orders, server, routes):
    routes["/v5/order/create"] = canned({"retCode": 0, "result": {"orderId": "o1", "orderLinkId": "p33-1"}})
    routes["/v5/order/realtime"] = routes["/v5/order/history"] = canned(
        {"retCode": 0, "result": {"category": "linear", "list": []}}
    )
    report = sell(make_orders(server.url, exchange_id="bybit"), "BTCUSDT", "p33-1", 1_700_000_000_123)
    assert (report.order_id, report.executed_qty) == ("o1", 0)
    asked, looked_up, *_ = server.asked
    sent = asked.headers
    assert (sent["x-bapi-timestamp"], sent["x-bapi-recv-window"]) == ("1700000000123", "700")
    text = f"1700000000123{API_KEY}700{asked.body}"
    assert sent["x-bapi-sign"] == hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert json.loads(asked.body)["reduceOnly"] is True
    assert looked_up.headers["x-bapi-timestamp"] != "1700000000123", "the order's time is the order's alone"
    assert looked_up.headers["x-bapi-recv-window"] == "5000"


def test_bitget_is_asked_for_its_product_signed_and_marked_as_demo(make_venue, server, routes):
    routes["/api/v2/mix/account/account"] = canned({"code": "00000", "data": BITGET_ACCOUNT})
    routes["/api/v2/spot/account/info"] = canned({"code": "00000", "data": {"userId": "714229403"}})
    routes["/api/v2/mix/position/all-position"] = canned(
        json.loads((DATA / "bitget" / "positions_hedge_long.json").read_text())
    )
    for testnet in (False, True):
        venue = make_venue(server.url, exchange_id="bitget", password="phrase", testnet=testnet)
        report = venue.fetch_positions(["BTCUSDT", "ETHUSDT"])
        assert [str(p.position_amt) for p in report.positions.values()] == ["0.002", "0"]
        account, positions = server.asked[-2:]
        assert positions.params == {"productType": "USDT-FUTURES", "marginCoin": "USDT"}
        assert {asked.headers.get("paptrading") for asked in (account, positions)} == {"1" if testnet else None}
        query = "marginCoin=USDT&productType=USDT-FUTURES"
        text = f"{positions.headers['access-timestamp']}GET/api/v2/mix/position/all-position?{query}"
        signature = base64.b64encode(hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
        assert positions.headers["access-sign"] == signature
        assert positions.headers["access-passphrase"] == "phrase"


def test_a_bitget_order_is_signed_with_its_own_time_over_the_bytes_sent(make_orders, server, routes):
    position = json.loads((DATA / "bitget" / "positions_hedge_long.json").read_text())
    routes["/api/v2/mix/position/single-position"] = canned(position)
    routes["/api/v2/mix/order/place-order"] = canned({"code": "00000", "data": {"orderId": "o1", "clientOid": "p33-1"}})
    routes["/api/v2/mix/order/detail"] = Canned(status=400, body='{"code": "40109", "msg": "no", "data": null}')
    orders = make_orders(server.url, exchange_id="bitget", password="phrase")
    assert sell(orders, "BTCUSDT", "p33-1", 1_700_000_000_123, Leg.LONG).status == "acknowledged"
    (asked,) = [asked for asked in server.asked if asked.method == "POST"]
    assert asked.headers["access-timestamp"] == "1700000000123"
    text = f"1700000000123POST/api/v2/mix/order/place-order{asked.body}"
    signature = base64.b64encode(hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
    assert asked.headers["access-sign"] == signature
    body = json.loads(asked.body)
    assert (body["side"], body["tradeSide"], body["size"]) == ("buy", "close", "0.005")
    assert (body["productType"], body["marginCoin"], body["marginMode"]) == ("USDT-FUTURES", "USDT", "crossed")


def test_every_gate_request_asks_for_decimal_sizes_and_is_signed(make_venue, server, routes, budget):
    base = "/api/v4/futures/usdt"
    routes[f"{base}/accounts"] = canned({"in_dual_mode": False})
    routes[f"{base}/contracts"] = canned([json.loads((DATA / "gate" / "contracts.json").read_text())])
    routes[f"{base}/positions"] = canned([{"contract": "0G_USDT", "mode": "single", "size": "0.5"}])
    report = make_venue(server.url, exchange_id="gate").fetch_positions(["0G_USDT", "BTC_USDT"])
    assert [str(p.position_amt) for p in report.positions.values()] == ["0.5", "0"]
    assert {asked.headers.get("x-gate-size-decimal") for asked in server.asked} == {"1"}
    positions = server.asked[-1]
    assert positions.params == {"holding": "true", "limit": "100"}
    empty = hashlib.sha512(b"").hexdigest()
    text = f"GET\n{base}/positions\nlimit=100&holding=true\n{empty}\n{positions.headers['timestamp']}"
    assert positions.headers["sign"] == hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
    assert budget.acquired == [1, 1, 1]


def test_the_size_header_is_sent_whatever_ccxt_does(make_venue, server, routes, monkeypatch):
    plain = ccxt.gate.sign

    def without(*request, **named):
        signed = plain(*request, **named)
        (signed["headers"] or {}).pop("X-Gate-Size-Decimal", None)
        return signed

    monkeypatch.setattr(ccxt.gate, "sign", without)
    routes["/api/v4/futures/usdt/accounts"] = canned({"in_dual_mode": True})
    assert make_venue(server.url, exchange_id="gate").is_hedge_mode()
    assert server.asked[0].headers["x-gate-size-decimal"] == "1"


def test_a_gate_order_expires_and_is_signed_over_the_bytes_sent(make_orders, server, routes):
    contract = json.loads((DATA / "gate" / "contracts.json").read_text()) | {"quanto_multiplier": "0.005"}
    routes["/api/v4/futures/usdt/contracts"] = canned([contract])
    routes["/api/v4/futures/usdt/accounts"] = canned({"in_dual_mode": False})
    answer = {"id": 7, "contract": "0G_USDT", "text": "t-p33-1", "size": -1, "left": 0, "status": "finished"}
    routes["/api/v4/futures/usdt/orders"] = canned(answer)
    report = sell(make_orders(server.url, exchange_id="gate"), "0G_USDT", "t-p33-1", 1_700_000_000_123)
    assert (report.order_id, str(report.executed_qty)) == ("7", "0.005")
    asked = server.asked[-1]
    assert (asked.headers["x-gate-exptime"], asked.headers["timestamp"]) == ("1700000000823", "1700000000")
    digest = hashlib.sha512(asked.body.encode()).hexdigest()
    text = f"POST\n/api/v4/futures/usdt/orders\n\n{digest}\n1700000000"
    assert asked.headers["sign"] == hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
    body = json.loads(asked.body)
    assert (body["size"], body["reduce_only"], body["tif"], body["text"]) == (-1, True, "ioc", "t-p33-1")
    assert all("x-gate-exptime" not in other.headers for other in server.asked if other is not asked)


def test_an_okx_order_expires_and_is_signed_over_the_bytes_sent(make_orders, server, routes):
    routes.update({path: canned(body) for path, body in OKX.items()})
    routes["/api/v5/trade/order"] = canned({"code": "0", "data": [{"ordId": "o1", "clOrdId": "p331", "sCode": "0"}]})
    orders = make_orders(server.url, exchange_id="okx", password="phrase")
    report = sell(orders, "BTC-USDT-SWAP", "p331", 1_700_000_000_123, Leg.LONG)
    assert report.status == "acknowledged"
    (asked,) = [asked for asked in server.asked if asked.method == "POST"]
    assert asked.headers["exptime"] == "1700000000823"
    assert asked.headers["ok-access-timestamp"] == "2023-11-14T22:13:20.123Z"
    text = asked.headers["ok-access-timestamp"] + "POST/api/v5/trade/order" + asked.body
    signature = base64.b64encode(hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).digest()).decode()
    assert asked.headers["ok-access-sign"] == signature
    body = json.loads(asked.body)
    assert (body["sz"], body["tdMode"], body["posSide"], body["clOrdId"]) == ("0.5", "isolated", "long", "p331")
    assert "tag" not in body, "ccxt adds its own only where no id is given"
    assert all("exptime" not in other.headers for other in server.asked if other is not asked)
