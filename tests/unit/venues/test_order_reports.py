"""An executor's results that hold the venue's own or ccxt's orders: read exactly, or unreadable with a reason."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import OrderSide, PositionSide
from p33_tasks.venues.build import venue_entry

BYBIT = {
    "orderId": "fd4300ae-7847-404e-b947-b46980a4d140",
    "symbol": "ETHUSDT",
    "side": "Sell",
    "qty": "0.10",
    "cumExecQty": "0.03",
    "orderStatus": "PartiallyFilledCanceled",
    "positionIdx": 0,
    "reduceOnly": True,
}
CCXT = {"id": "77", "symbol": "ETH/USDT:USDT", "status": "closed", "filled": 0.03, "side": "sell", "reduceOnly": True}

BITGET = {
    "orderId": "1099",
    "clientOid": "p33-1",
    "symbol": "ETHUSDT",
    "size": "0.1",
    "baseVolume": "0.03",
    "side": "sell",
    "posSide": "net",
    "posMode": "one_way_mode",
    "tradeSide": "sell_single",
    "reduceOnly": "YES",
    "state": "filled",
    "cTime": "1700000000000",
}
CLOSED_LEG = {**BITGET, "side": "buy", "posSide": "long", "posMode": "hedge_mode", "tradeSide": "close"}
OKX = {
    "ordId": "312",
    "clOrdId": "p331",
    "instId": "ETH-USDT-SWAP",
    "side": "sell",
    "posSide": "net",
    "sz": "3",
    "accFillSz": "3",
    "state": "filled",
}
GATE = {
    "id": 14381470939,
    "contract": "ETH_USDT",
    "size": -3,
    "left": 0,
    "status": "finished",
    "finish_as": "filled",
    "text": "t-1",
    "is_reduce_only": True,
}
HYPERLIQUID = {"oid": 77, "coin": "ETH", "side": "A", "origSz": "0.03", "sz": "0.0"}

BYBITS = venue_entry("bybit").results


def parsed(exchange_id, order, symbol="ETH/USDT:USDT"):
    fields = {"plan_id": "p", "symbol": symbol, "executed": "True", "steps_results": json.dumps([order])}
    return parse_result(fields, venue_entry(exchange_id).results)


@pytest.mark.parametrize(("exchange_id", "order"), [("bybit", BYBIT), ("bybit", CCXT), ("hyperliquid", CCXT)])
def test_the_executed_quantity_is_read_in_base_units(exchange_id, order):
    result = parsed(exchange_id, order)
    (fill,) = result.fills
    assert (fill.side, fill.cumulative_qty, fill.leg, fill.reduce_only) == (OrderSide.SELL, Decimal("0.03"), None, True)
    assert result.problems == ()


@pytest.mark.parametrize("order", [BYBIT, CCXT])
@pytest.mark.parametrize("where", ["details", "flat"])
def test_wherever_it_stands_in_the_entry(order, where):
    order = {**order, "positionIdx": 2} if "cumExecQty" in order else order
    placed = {"details": json.dumps(order)} if where == "details" else {k: str(v) for k, v in order.items()}
    result = parse_result({"executed": "True", **placed, "plan_id": "p", "symbol": "ETHUSDT"}, BYBITS)
    (fill,) = result.fills
    assert (fill.side, fill.cumulative_qty, result.problems) == (OrderSide.SELL, Decimal("0.03"), ())
    assert fill.leg is (PositionSide.SHORT if "positionIdx" in order else None)


@pytest.mark.parametrize(
    ("order", "side", "leg"),
    [
        (BITGET, OrderSide.SELL, None),
        (CLOSED_LEG, OrderSide.SELL, PositionSide.LONG),
        ({**CLOSED_LEG, "side": "sell", "posSide": "short"}, OrderSide.BUY, PositionSide.SHORT),
        ({**CLOSED_LEG, "tradeSide": "open"}, OrderSide.BUY, PositionSide.LONG),
        # ccxt turns the side only where the venue says reduceOnly.
        ({**CCXT, "side": "buy", "info": CLOSED_LEG}, OrderSide.SELL, PositionSide.LONG),
    ],
)
@pytest.mark.parametrize("where", ["steps_results", "details"])
def test_of_bitgets_order_the_side_is_the_trades(order, side, leg, where):
    text = json.dumps([order] if where == "steps_results" else order)
    fields = {"plan_id": "p", "symbol": "ETHUSDT", "executed": "True", where: text}
    result = parse_result(fields, venue_entry("bitget").results)
    (fill,) = result.fills
    assert (fill.order_id, fill.side, fill.cumulative_qty, fill.leg) == ("1099", side, Decimal("0.03"), leg)
    assert (result.problems, result.is_unreadable) == ((), False)


@pytest.mark.parametrize(
    ("exchange_id", "order", "symbol"),
    [
        ("okx", OKX, "ETH-USDT-SWAP"),
        ("okx", {**OKX, "order_id": "312"}, "ETH-USDT-SWAP"),
        ("okx", CCXT, "ETH-USDT-SWAP"),
        ("gate", GATE, "ETH_USDT"),
        ("gate", {**GATE, "order_id": "14381470939"}, "ETH_USDT"),
        ("gate", CCXT, "ETH_USDT"),
        ("bitget", {**BITGET, "posMode": None}, "ETHUSDT"),
        ("bitget", {"order_id": "1099", "side": "buy", "baseVolume": "0.03"}, "ETHUSDT"),
        ("bitget", {**CLOSED_LEG, "tradeSide": "elsewhere"}, "ETHUSDT"),
        ("bitget", CCXT, "ETHUSDT"),
        ("hyperliquid", HYPERLIQUID, "ETH"),
        ("hyperliquid", {"totalSz": "0.03", "avgPx": "1891.4", "oid": 77, "side": "SELL"}, "ETH"),
    ],
)
@pytest.mark.parametrize("where", ["steps_results", "details", "flat"])
def test_an_order_in_other_units_is_refused_with_a_reason_wherever_it_stands(exchange_id, order, symbol, where):
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in order.items()}
    step = json.dumps([order] if where == "steps_results" else order)
    placed = texts if where == "flat" else {where: step}
    fields = {**placed, "plan_id": "p", "symbol": symbol, "executed": "True"}
    result = parse_result(fields, venue_entry(exchange_id).results)
    assert len(result.problems) == 1, result
    assert result.is_unreadable
    assert not any(fill.cumulative_qty for fill in result.fills)


@pytest.mark.parametrize("exchange_id", ["okx", "gate", "bitget", "hyperliquid", "bybit", "binanceusdm"])
def test_what_an_executor_says_in_base_units_stands_beside_the_venues_own_words(exchange_id):
    step = {"order_id": "312", "side": "SELL", "executed_qty": "0.03", "ordId": "312", "accFillSz": "3", "left": 0}
    result = parsed(exchange_id, step)
    (fill,) = result.fills
    assert (fill.cumulative_qty, fill.side, result.problems) == (Decimal("0.03"), OrderSide.SELL, ())


@pytest.mark.parametrize(("exchange_id", "order"), [("bybit", BYBIT), ("bybit", CCXT), ("bitget", BITGET)])
def test_an_order_of_another_symbol_than_the_result_names_moves_nothing(exchange_id, order):
    result = parsed(exchange_id, order, "BTCUSDT")
    assert (len(result.problems), result.fills) == (1, ())


def test_ccxts_order_is_of_the_symbol_that_the_venues_own_names():
    """The outer one names none, or another one."""
    for outer in ({}, {"symbol": "ETHUSDT"}):
        order = {"id": "1099", "filled": 0.03, "side": "buy", **outer, "info": {**BITGET, "symbol": "BTCUSDT"}}
        result = parsed("bitget", order)
        assert (len(result.problems), result.fills) == (1, ())


@pytest.mark.parametrize(("index", "leg"), [(1, PositionSide.LONG), ("2", PositionSide.SHORT)])
def test_bybits_index_is_the_leg(index, leg):
    assert parsed("bybit", {**BYBIT, "positionIdx": index}).fills[0].leg is leg


@pytest.mark.parametrize(
    ("exchange_id", "changes"),
    [
        ("bybit", {"positionIdx": 3}),
        ("bybit", {"cumExecQty": None}),
        ("bybit", {"cumExecQty": "-1"}),
        ("bybit", {"id": "another"}),
        *((name, {"executedQty": "3"}) for name in ("okx", "gate", "bitget")),
    ],
)
def test_what_is_not_certain_is_a_problem_and_moves_nothing(exchange_id, changes):
    result = parsed(exchange_id, {**BYBIT, **changes})
    assert len(result.problems) == 1
    assert not any(fill.cumulative_qty for fill in result.fills)


@pytest.mark.parametrize(
    ("exchange_id", "named", "own"),
    [
        ("bybit", "ETH/USDT:USDT", "ETHUSDT"),
        ("bybit", "ETH/USDC:USDC", "ETH/USDC:USDC"),
        ("bybit", "ETH/USDT:USDT-260327", "ETH/USDT:USDT-260327"),
        ("okx", "ETH/USDT:USDT", "ETH-USDT-SWAP"),
        ("okx", "ETH/USDT:USDT-260327", "ETH/USDT:USDT-260327"),
        ("gate", "ETH/USDT:USDT", "ETH_USDT"),
        ("gate", "ETH/USDT:USDT-260327", "ETH/USDT:USDT-260327"),
        ("bitget", "ETH/USDT:USDT", "ETHUSDT"),
        ("bitget", "ETH/USDC:USDC", "ETH/USDC:USDC"),
        ("hyperliquid", "KPEPE/USDC:USDC", "KPEPE"),
        ("hyperliquid", "XYZ-TSLA/USDC:USDC", "XYZ:TSLA"),
    ],
)
def test_ccxts_symbol_is_the_venues(exchange_id, named, own):
    assert venue_entry(exchange_id).results.venue_symbol(named) == own
