"""An executor's results that hold the venue's own or ccxt's orders: read exactly, or unreadable with a reason."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import OrderSide, PositionSide
from p33_tasks.venues.build import venue_entries

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

BYBITS = venue_entries()["bybit"].results


def parsed(exchange_id, order, symbol="ETHUSDT"):
    fields = {"plan_id": "p", "symbol": symbol, "executed": "True", "steps_results": json.dumps([order])}
    return parse_result(fields, venue_entries()[exchange_id].results)


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
        ("hyperliquid", "KPEPE/USDC:USDC", "KPEPE"),
        ("hyperliquid", "XYZ-TSLA/USDC:USDC", "XYZ:TSLA"),
    ],
)
def test_ccxts_symbol_is_the_venues(exchange_id, named, own):
    assert venue_entries()[exchange_id].results.venue_symbol(named) == own
