"""What is really sent to Hyperliquid: the account's address, unsigned reading, orders signed by a wallet."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.domain.models import OrderSide
from p33_tasks.errors import ConfigurationError, ExchangeCredentialsError
from tests.support.canned_http import Canned

ACCOUNT = "0x00000000000000000000000000000000000000A1"
WALLET_KEY = "0x0123456789012345678901234567890123456789012345678901234567890123"  # of no account: the venue's SDK's
WALLET = "0x14791697260e4c9a71f18484c9f997b308e59325"
ID = "0x7033330f0f0f0f0f0f0f0f0f0f0f0fff"
START_MS = 1_764_617_438_643
# Of hyperliquid-python-sdk 0.24.0: sign_l1_action over the same action, nonce, owner and expiry, for the live network.
SIGNATURES = {
    "user": {
        "r": "0xd351e72e206ffed418acbbc43b574ec8d4ef161579e9007afafa7afa3f110f39",
        "s": "0x4aa0dd5c97891ef289d295a06129a04b8c307d39ed3125af83cd136d9010775b",
        "v": 28,
    },
    "subAccount": {
        "r": "0x67a18174f2e737bc1fe953b3799fec25fb77a9805e74f6324c95c8c11a6e7081",
        "s": "0x1ed044087749edc3a3571436cf4a914d0c862e6ad67aa2ebff4be58358a62a74",
        "v": 27,
    },
}
ANSWERS = {
    "userRole": {"role": "user"},
    "clearinghouseState": {"assetPositions": [], "time": START_MS},
    "metaAndAssetCtxs": [{"universe": [{"name": "BTC", "szDecimals": 5}]}, [{"markPx": "95123.4"}]],
    None: {"status": "ok", "response": {"data": {"statuses": [{"filled": {"totalSz": "0.01", "oid": 7}}]}}},
}


@pytest.fixture
def server(server):
    server.answer = lambda asked: Canned(body=json.dumps(ANSWERS[json.loads(asked.body).get("type")]))
    return server


def sent(server):
    return [json.loads(asked.body) for asked in server.asked]


def test_an_address_alone_is_enough_to_read_and_nothing_is_signed(make_venue, server, budget):
    venue = make_venue(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret=None)
    assert venue.fetch_positions(["BTC"]).positions["BTC"].position_amt == 0
    user = ACCOUNT.lower()
    assert sent(server) == [
        {"type": "userRole", "user": user},
        {"type": "clearinghouseState", "user": user, "dex": ""},
    ]
    assert {asked.path for asked in server.asked} == {"/info"}
    assert budget.acquired == [60, 2]
    assert "without P33_API_SECRET" in venue.fetch_account().kind


@pytest.mark.parametrize("key", [None, "key", ACCOUNT[:-1], ACCOUNT.removeprefix("0x")])
def test_what_is_no_address_is_not_asked_about(make_venue, server, key):
    venue = make_venue(server.url, exchange_id="hyperliquid", api_key=key, api_secret=None)
    with pytest.raises(ExchangeCredentialsError, match="P33_API_KEY"):
        venue.fetch_positions(["BTC"])
    assert server.asked == []


def test_check_asks_what_the_wallet_of_the_secret_is(make_venue, server):
    venue = make_venue(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret=WALLET_KEY)
    assert "no API wallet" in venue.fetch_account().problem
    assert [each["user"] for each in sent(server)] == [ACCOUNT.lower(), WALLET]
    venue = make_venue(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret="a word")
    with pytest.raises(ExchangeCredentialsError, match="64 hexadecimal digits") as refused:
        venue.fetch_account()
    assert "a word" not in str(refused.value)


def place(orders):
    return orders.place_reduce_only_market(
        symbol="BTC",
        side=OrderSide.SELL,
        quantity=Decimal("0.01"),
        client_order_id=ID,
        recv_window_ms=4_000,
        window_start_ms=START_MS,
    )


@pytest.mark.parametrize("role", SIGNATURES)
def test_an_order_has_the_signature_that_the_venues_own_client_makes(make_orders, server, budget, monkeypatch, role):
    monkeypatch.setitem(ANSWERS, "userRole", {"role": role})
    orders = make_orders(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret=WALLET_KEY, testnet=False)
    assert place(orders).executed_qty == Decimal("0.01")
    order = sent(server)[-1]
    assert server.asked[-1].path == "/exchange"
    assert order["expiresAfter"] == START_MS + 4_000
    assert order["action"]["orders"][0]["p"] == "90367"
    assert order["signature"] == SIGNATURES[role]
    assert budget.acquired == [20, 60]


def test_without_a_wallets_key_no_order_is_sent(make_orders, server):
    for secret in (None, ""):
        with pytest.raises(ConfigurationError, match="P33_API_SECRET"):
            make_orders(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret=secret)
    orders = make_orders(server.url, exchange_id="hyperliquid", api_key=ACCOUNT, api_secret="a word")
    with pytest.raises(ExchangeCredentialsError, match="P33_API_SECRET"):
        place(orders)
    assert "/exchange" not in {asked.path for asked in server.asked}
