"""Which orders a position contains: complete, of its leg, and only where the position can't lag behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Leg, LegPosition, OrderSide, Position
from p33_tasks.domain.trades import Trade
from p33_tasks.errors import MalformedResponseError
from p33_tasks.ports import MarketReport, PositionReport
from p33_tasks.services.executed_orders import ExecutedOrders, ReadsOwnTrades, TradedLatelyError, executed_orders
from tests.factories import NOW_MS, SOURCE, SYMBOL, make_position

HOUR_MS = 3_600_000


def trade(number: int, order_id: str | None, quantity: str, *, ago_ms: int = HOUR_MS, leg: Leg = Leg.BOTH) -> Trade:
    return Trade(
        trade_id=str(number),
        order_id=order_id,
        symbol=SYMBOL,
        leg=leg,
        side=OrderSide.SELL,
        quantity=Decimal(quantity),
        time_ms=NOW_MS - ago_ms,
    )


@dataclass
class Venue:
    """Tells what it was given."""

    trades: tuple[Trade, ...]
    position: Position
    source: str = SOURCE
    asked: tuple[int, int] = (0, 0)

    def fetch_server_time_ms(self) -> int:
        return NOW_MS

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        assert symbol == SYMBOL
        self.asked = (since_ms, until_ms)
        return self.trades

    def fetch_positions(self, symbols: Any) -> PositionReport:
        found = {each: self.position for each in symbols if each == self.position.symbol}
        return PositionReport(positions=found)

    def fetch_markets(self, symbols: Any) -> MarketReport:
        raise AssertionError(symbols)


def ask(*trades: Trade, amount: str = "0.010", leg: Leg = Leg.BOTH, position: Position | None = None) -> ExecutedOrders:
    venue = Venue(trades=trades, position=position or make_position("0.010"))
    assert isinstance(venue, ReadsOwnTrades)
    found = executed_orders(venue, SYMBOL, leg, position_amt=Decimal(amount), snapshot_age_ms=4_000, lag_ms=3_000)
    assert venue.asked[0] == found.since_ms == NOW_MS - 167 * HOUR_MS
    assert venue.asked[1] > NOW_MS
    return found


def test_the_quantities_of_each_order_are_summed() -> None:
    found = ask(trade(1, "7", "0.1"), trade(2, "8", "0.5"), trade(3, "7", "0.2"), trade(4, None, "9"))
    assert found.orders == {"7": Decimal("0.3"), "8": Decimal("0.5")}
    assert found.last_trade_ms == NOW_MS - HOUR_MS


def test_no_trade_is_no_order() -> None:
    assert ask().orders == {}
    assert ask().last_trade_ms is None


def test_only_the_legs_own_orders_count() -> None:
    legs = tuple(
        LegPosition(leg=leg, position_amt=Decimal(amount)) for leg, amount in ((Leg.LONG, "0.010"), (Leg.SHORT, "0"))
    )
    position = replace(make_position("0.010", hedge_mode=True), legs=legs)
    trades = (trade(1, "7", "0.1", leg=Leg.LONG), trade(2, "8", "0.5", leg=Leg.SHORT))
    assert ask(*trades, leg=Leg.LONG, position=position).orders == {"7": Decimal("0.1")}
    with pytest.raises(MalformedResponseError, match="hedge mode"):
        ask(*trades, leg=Leg.BOTH, position=position)


@pytest.mark.parametrize(("ago_ms", "is_shown"), [(7_000, True), (6_999, False), (-5_000, False)])
def test_a_trade_that_the_snapshot_may_not_show_stops_it(ago_ms: int, *, is_shown: bool) -> None:
    if is_shown:
        assert ask(trade(1, "7", "0.1", ago_ms=ago_ms)).orders
        return
    with pytest.raises(TradedLatelyError, match="try again"):
        ask(trade(1, "7", "0.1", ago_ms=ago_ms))


def test_so_does_a_position_that_moved() -> None:
    with pytest.raises(TradedLatelyError, match="moved"):
        ask(amount="0.020")


def test_and_one_that_is_not_told() -> None:
    venue = Venue(trades=(), position=make_position(symbol="ETHUSDT"))
    with pytest.raises(MalformedResponseError, match="not told"):
        executed_orders(venue, SYMBOL, Leg.BOTH, position_amt=Decimal(0), snapshot_age_ms=0, lag_ms=0)
