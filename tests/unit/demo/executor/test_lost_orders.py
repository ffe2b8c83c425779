"""An order whose answer was lost is found by its trades, or stays unknown with the evidence told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from p33_tasks.demo.executor.journal import Permitted
from p33_tasks.demo.executor.lost_orders import LONGEST_WINDOW_MS, Found, LostOrder, LostOrders
from p33_tasks.domain.models import Leg, LegPosition, OrderSide, Position
from p33_tasks.domain.trades import OrderState, Trade
from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.ports import PositionReport

NOW_MS = 1_800_000_000_000
OURS = "p33-1"
SOLD = Permitted(side=OrderSide.SELL, quantity=Decimal("0.03"))
LOST = LostOrder(symbol="BTCUSDT", client_order_id=OURS, permitted=SOLD, sent_ago_ms=7_000)
LONG_LEG = replace(LOST, permitted=replace(SOLD, leg=Leg.LONG))


class Clock:
    """Of the ordering client only the clock is asked."""

    def clock_ms(self) -> int:
        return NOW_MS


class Positions:
    """A venue that tells positions only."""

    source = "test"

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        return PositionReport(positions={s: Position(symbol=s, position_amt=Decimal("0.01")) for s in symbols})


class Account(Positions):
    """One that tells trades and orders too."""

    def __init__(self, *trades: Trade, states: dict[str, OrderState] | None = None) -> None:
        self.trades, self.states = trades, states or {}
        self.windows: list[tuple[int, int]] = []

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:  # noqa: ARG002
        self.windows.append((since_ms, until_ms))
        return self.trades

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:  # noqa: ARG002
        return self.states.get(order_id)

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        raise AssertionError(f"{symbol} {order_id}: not asked")


class Away(Account):
    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        raise ExchangeUnavailableError(f"503 for {symbol} {since_ms} {until_ms}")


def trade(order_id: str, quantity: str = "0.03", side: OrderSide = OrderSide.SELL) -> Trade:
    return Trade(
        trade_id=f"{order_id}-{quantity}",
        order_id=order_id,
        symbol="BTCUSDT",
        leg=Leg.BOTH,
        side=side,
        quantity=Decimal(quantity),
        time_ms=NOW_MS - 5_000,
    )


def state(
    client_order_id: str = OURS, executed: str = "0.03", *, is_final: bool = True, side: OrderSide = OrderSide.SELL
) -> OrderState:
    return OrderState(
        order_id="7",
        client_order_id=client_order_id,
        side=side,
        executed_qty=Decimal(executed),
        is_final=is_final,
        created_ms=NOW_MS - 5_000,
    )


def look(venue: object, lost: LostOrder = LOST) -> Found:
    return LostOrders(Clock(), venue).look(lost)  # type: ignore[arg-type]  # as far as they are asked


def test_a_trade_of_an_order_with_our_id_finds_it():
    found = look(Account(trade("6"), trade("7"), states={"6": state("web_1"), "7": state()}))
    assert found.order is not None
    assert (found.order.order_id, found.order.status, found.order.executed_qty) == ("7", "FILLED", Decimal("0.03"))


@pytest.mark.parametrize(
    ("told", "status", "executed"),
    [
        (state(executed="0.01", is_final=False), "PARTIALLY_FILLED", "0.02"),  # the trades know more
        (state(executed="0.02"), "EXPIRED", "0.02"),
    ],
)
def test_what_orders_and_trades_tell_is_taken_together(told: OrderState, status: str, executed: str):
    found = look(Account(trade("7", "0.01"), trade("7", "0.010"), states={"7": told}))
    assert found.order is not None
    assert (found.order.status, found.order.executed_qty) == (status, Decimal(executed))
    assert found.order.quantity == Decimal("0.03")


@pytest.mark.parametrize("states", [{}, {"7": state("another")}, {"7": state(side=OrderSide.BUY)}], ids=str)
def test_a_trade_of_another_order_is_evidence_only(states: dict[str, OrderState]):
    found = look(Account(trade("7"), states=states))
    assert (found.order, found.kind) == (None, "trades")
    assert "SELL 0.03 was traded since it was sent, by order 7; the position is 0.01" in found.text


def test_trades_of_the_other_side_are_none():
    found = look(Account(trade("7", side=OrderSide.BUY), states={"7": state()}))
    assert (found.order, found.kind) == (None, "nothing")


class HedgedAccount(Account):
    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        legs = (
            LegPosition(leg=Leg.LONG, position_amt=Decimal("0.02")),
            LegPosition(leg=Leg.SHORT, position_amt=Decimal("-0.05")),
        )
        shown = {s: Position(symbol=s, position_amt=Decimal("-0.03"), hedge_mode=True, legs=legs) for s in symbols}
        return PositionReport(positions=shown)


def test_in_hedge_mode_only_trades_of_the_leg_count_and_its_own_amount_is_told():
    short = replace(trade("7"), leg=Leg.SHORT)
    other = look(HedgedAccount(short, states={"7": state()}), LONG_LEG)
    assert (other.order, other.kind) == (None, "nothing")
    assert "the position is 0.02" in other.text
    found = look(HedgedAccount(replace(short, leg=Leg.LONG), states={"7": state()}), LONG_LEG)
    assert found.order is not None
    assert (found.order.leg, found.order.executed_qty) == (Leg.LONG, Decimal("0.03"))


@pytest.mark.parametrize("venue", [Positions(), Away(), None])
def test_what_the_venue_does_not_tell_proves_nothing(venue: object):
    found = look(venue)
    assert (found.order, found.kind) == (None, "unseen")


def test_the_window_begins_before_the_sending_and_never_grows_long():
    account = Account()
    look(account)
    month_ms = 30 * 86_400_000
    look(
        account,
        replace(LOST, sent_ago_ms=month_ms),
    )
    assert account.windows == [
        (NOW_MS - 17_000, NOW_MS),
        (NOW_MS - month_ms - 10_000, NOW_MS - month_ms - 10_000 + LONGEST_WINDOW_MS),
    ]
