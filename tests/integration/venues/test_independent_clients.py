"""Each front of the simulator, for a client that neither this project nor ccxt wrote.

Skipped where a client isn't installed: none is a dependency of the project. To run them, install ``pybit``,
``python-okx``, ``gate-api`` and ``bitget-api-client`` beside it (for ``hyperliquid-python-sdk``:
``test_hyperliquid_simulator.py``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from tests.support.simulator import running_simulator

BTC, ETH = "0.036", "-1.25"


@pytest.fixture
def sim(exchange_id: str) -> Iterator[SimControl]:
    front = FRONTS[exchange_id]
    held = {front.symbol("BTC"): BTC, front.symbol("ETH"): ETH}
    with running_simulator(symbols=held, exchange=exchange_id) as running:
        yield running


@pytest.mark.parametrize("exchange_id", ["bybit"])
def test_pybit(sim: SimControl) -> None:
    client = pytest.importorskip("pybit.unified_trading").HTTP(api_key="demo", api_secret="demo")
    client.endpoint = sim.base_url

    def rows(answer: Any) -> Any:
        return answer["result"]["list"]

    held = {
        row["symbol"]: (row["side"], row["size"])
        for row in rows(client.get_positions(category="linear", settleCoin="USDT"))
    }
    assert held == {"BTCUSDT": ("Buy", "0.036"), "ETHUSDT": ("Sell", "1.250")}
    (market,) = rows(client.get_instruments_info(category="linear", symbol="BTCUSDT"))
    assert (market["status"], Decimal(market["lotSizeFilter"]["qtyStep"])) == ("Trading", Decimal("0.001"))
    order = {"category": "linear", "symbol": "BTCUSDT", "side": "Sell", "orderType": "Market", "qty": "0.01"}
    placed = client.place_order(**order, reduceOnly=True, positionIdx=0, orderLinkId="pybit-1")["result"]
    assert sim.position("BTCUSDT") == Decimal("0.026")
    (found,) = rows(client.get_open_orders(category="linear", symbol="BTCUSDT", orderLinkId="pybit-1"))
    assert (found["orderId"], found["orderStatus"], Decimal(found["cumExecQty"])) == (
        placed["orderId"],
        "Filled",
        Decimal("0.01"),
    )
    trades = rows(client.get_executions(category="linear", symbol="BTCUSDT", orderId=placed["orderId"]))
    assert [(trade["side"], Decimal(trade["execQty"])) for trade in trades] == [("Sell", Decimal("0.01"))]
    refused = pytest.importorskip("pybit.exceptions").InvalidRequestError
    with pytest.raises(refused, match="110017"):
        client.place_order(**{**order, "side": "Buy"}, reduceOnly=True, positionIdx=0)


@pytest.mark.parametrize("exchange_id", ["okx"])
def test_python_okx(sim: SimControl) -> None:
    keys = {"flag": "1", "domain": sim.base_url}
    account = pytest.importorskip("okx.Account").AccountAPI("demo", "demo", "demo", **keys)
    trading = pytest.importorskip("okx.Trade").TradeAPI("demo", "demo", "demo", **keys)
    public = pytest.importorskip("okx.PublicData").PublicAPI(**keys)
    held = {row["instId"]: Decimal(row["pos"]) for row in account.get_positions(instType="SWAP")["data"]}
    (market,) = public.get_instruments(instType="SWAP", instId="BTC-USDT-SWAP")["data"]
    size = Decimal(market["ctVal"]) * Decimal(market["ctMult"])
    assert market["state"] == "live"
    assert held["BTC-USDT-SWAP"] * size == Decimal(BTC)
    assert set(held) == {"BTC-USDT-SWAP", "ETH-USDT-SWAP"}
    own = {"instId": "BTC-USDT-SWAP", "clOrdId": "okx1"}
    order = {
        "tdMode": "cross",
        "ordType": "market",
        "posSide": "net",
        "reduceOnly": "true",
        "sz": str(Decimal("0.01") / size),
    }
    (placed,) = trading.place_order(**own, **order, side="sell")["data"]
    assert (placed["sCode"], sim.position("BTC-USDT-SWAP")) == ("0", Decimal("0.026"))
    (found,) = trading.get_order(**own)["data"]
    assert (found["ordId"], found["state"], Decimal(found["accFillSz"]) * size) == (
        placed["ordId"],
        "filled",
        Decimal("0.01"),
    )
    trades = trading.get_fills(instType="SWAP", ordId=placed["ordId"])["data"]
    assert [(trade["side"], Decimal(trade["fillSz"]) * size) for trade in trades] == [("sell", Decimal("0.01"))]
    (refused,) = trading.place_order("BTC-USDT-SWAP", **order, side="buy")["data"]
    assert refused["sCode"] == "51169"


@pytest.mark.parametrize("exchange_id", ["gate"])
def test_gate_api(sim: SimControl) -> None:
    gate = pytest.importorskip("gate_api")
    config = gate.Configuration(host=f"{sim.base_url}/api/v4", key="demo", secret="demo")
    with gate.ApiClient(config) as client:
        client.set_default_header("X-Gate-Size-Decimal", "1")
        api = gate.FuturesApi(client)
        held = {row.contract: Decimal(str(row.size)) for row in api.list_positions("usdt", holding=True)}
        market = api.get_futures_contract("usdt", "BTC_USDT")
        size = Decimal(market.quanto_multiplier)
        assert held["BTC_USDT"] * size == Decimal(BTC)
        assert set(held) == {"BTC_USDT", "ETH_USDT"}
        amount = int(Decimal("0.01") / size)
        order = {"contract": "BTC_USDT", "price": "0", "tif": "ioc", "reduce_only": True}
        placed = api.create_futures_order("usdt", gate.FuturesOrder(**order, size=-amount, text="t-gate1"))
        assert (placed.status, sim.position("BTC_USDT")) == ("finished", Decimal("0.026"))
        found = api.get_futures_order("usdt", str(placed.id))
        assert (found.finish_as, Decimal(str(found.size)), Decimal(str(found.left))) == ("filled", -amount, 0)
        trades = api.get_my_trades("usdt", contract="BTC_USDT", order=placed.id)
        assert [Decimal(str(trade.size)) for trade in trades] == [-amount]
        with pytest.raises(gate.exceptions.GateApiException) as refused:
            api.create_futures_order("usdt", gate.FuturesOrder(**order, size=amount))
        assert refused.value.label == "POSITION_EMPTY"


@pytest.mark.parametrize("exchange_id", ["bitget"])
@pytest.mark.parametrize("hedge", [False, True])
def test_bitget_api_client(sim: SimControl, *, hedge: bool) -> None:
    module = pytest.importorskip("bitget_api_client.client")
    if hedge:
        sim.fault(hedge_mode=True)
        sim.set_position("BTCUSDT", BTC, position_side="LONG")

    async def trade() -> None:
        client = module.BitgetApiClient("demo", "demo", "demo")
        client.base_url = sim.base_url
        try:
            contract = client.contract
            rows = (await contract.get_all_positions("USDT-FUTURES", marginCoin="USDT"))["data"]
            held = {(row["symbol"], row["holdSide"]): Decimal(row["total"]) for row in rows}
            assert held["BTCUSDT", "long"] == Decimal(BTC)
            (market,) = (await contract.get_contract_config("USDT-FUTURES", symbol="BTCUSDT"))["data"]
            assert (market["symbolStatus"], Decimal(market["sizeMultiplier"])) == ("normal", Decimal("0.001"))
            how = {"side": "buy", "tradeSide": "close"} if hedge else {"side": "sell", "reduceOnly": "YES"}
            order = ("BTCUSDT", "USDT-FUTURES", "crossed", "USDT", "0.01")
            placed = (await contract.place_order(*order, orderType="market", clientOid="bitget-1", **how))["data"]
            assert sim.position("BTCUSDT", "LONG" if hedge else "BOTH") == Decimal("0.026")
            found = (await contract.get_order_detail("BTCUSDT", "USDT-FUTURES", clientOid="bitget-1"))["data"]
            assert (found["orderId"], found["state"]) == (placed["orderId"], "filled")
            assert Decimal(found["baseVolume"]) == Decimal("0.01")
            answer = await contract.get_order_fill_details("USDT-FUTURES", orderId=placed["orderId"], symbol="BTCUSDT")
            assert [Decimal(fill["baseVolume"]) for fill in answer["data"]["fillList"]] == [Decimal("0.01")]
            wrong = {"side": "sell", "tradeSide": "close"} if hedge else {"side": "buy", "reduceOnly": "YES"}
            with pytest.raises(module.BitgetAPIException):
                await contract.place_order(*order, orderType="market", **wrong)
        finally:
            await client.close()

    asyncio.run(trade())
