"""An account at a venue, in this process: what it tells can lag, be lost or be wrong, one switch for each."""

# ruff: noqa: ARG002 - the signatures are the venue's

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from p33_tasks.domain.models import Leg, LegPosition, OrderSide, Position
from p33_tasks.domain.trades import ForcedKind, ForcedOrder, OrderState, Trade, total
from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.ports import MarketReport, PositionReport
from tests.support.gate import SOURCE, SYMBOL


@dataclass
class Account:
    """One symbol's position, and how it came about."""

    amount: Decimal  # of the leg, or of a symbol in one-way mode
    leg: Leg = Leg.BOTH
    other_amount: Decimal = Decimal(0)  # of the other leg
    source: str = SOURCE
    trades: list[Trade] = field(default_factory=list)
    orders: dict[str, OrderState] = field(default_factory=dict)
    forced: dict[str, ForcedOrder] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)  # ids of trades that aren't listed
    unseen: Decimal = Decimal(0)  # what the position doesn't show yet
    is_down: bool = False
    asked: list[str] = field(default_factory=list)

    def trade(
        self,
        order_id: str,
        quantity: str,
        *,
        client_order_id: str = "web_1",
        kind: ForcedKind | None = None,
        is_final: bool = True,
        old_order: bool = False,
        leg: Leg | None = None,
    ) -> Trade:
        """A signed trade of an order: BUY above zero."""
        amount = Decimal(quantity)
        side = OrderSide.BUY if amount > 0 else OrderSide.SELL
        now_ms, leg = self._now_ms(), leg or self.leg
        made = Trade(
            trade_id=str(len(self.trades) + 1),
            order_id=order_id,
            symbol=SYMBOL,
            leg=leg,
            side=side,
            quantity=abs(amount),
            time_ms=now_ms,
        )
        self.trades.append(made)
        executed = total(one for one in self.trades if one.order_id == order_id)
        self.orders[order_id] = OrderState(
            order_id=order_id,
            client_order_id=client_order_id,
            side=side,
            executed_qty=executed,
            is_final=is_final,
            created_ms=now_ms - (10**9 if old_order else 0),
        )
        if kind is not None:
            self.forced[order_id] = ForcedOrder(
                order_id=order_id, symbol=SYMBOL, leg=leg, kind=kind, executed_qty=executed, time_ms=now_ms
            )
        if leg is self.leg:
            self.amount += amount
        else:
            self.other_amount += amount
        return made

    def finish(self, order_id: str) -> None:
        self.orders[order_id] = replace(self.orders[order_id], is_final=True)

    def _now_ms(self) -> int:
        return int(time.time() * 1000)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise ExchangeUnavailableError("the venue is down")

    # --- what the service asks ----------------------------------------------------------------------------------------

    def fetch_server_time_ms(self) -> int:
        self._ask("time")
        return self._now_ms()

    def fetch_trades(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[Trade, ...]:
        self._ask("trades")
        listed = (one for one in self.trades if one.trade_id not in self.hidden)
        return tuple(one for one in listed if since_ms <= one.time_ms <= until_ms)

    def fetch_order_trades(self, symbol: str, order_id: str) -> tuple[Trade, ...]:
        self._ask("order trades")
        return tuple(one for one in self.trades if one.order_id == order_id and one.trade_id not in self.hidden)

    def fetch_forced_orders(self, symbol: str, *, since_ms: int, until_ms: int) -> tuple[ForcedOrder, ...]:
        self._ask("forced")
        return tuple(self.forced.values())

    def fetch_order_state(self, symbol: str, order_id: str) -> OrderState | None:
        self._ask("order")
        return self.orders.get(order_id)

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        self._ask("positions")
        return PositionReport(positions={SYMBOL: self.position})

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        raise AssertionError("reconciliation asks for no market rules")

    @property
    def position(self) -> Position:
        """What the position's endpoint tells now."""
        if self.leg is Leg.BOTH:
            return Position(symbol=SYMBOL, position_amt=self.shown)
        amounts = {self.leg: self.shown}
        legs = tuple(
            LegPosition(leg=leg, position_amt=amounts.get(leg, self.other_amount)) for leg in (Leg.LONG, Leg.SHORT)
        )
        return Position(symbol=SYMBOL, position_amt=self.shown + self.other_amount, hedge_mode=True, legs=legs)

    @property
    def shown(self) -> Decimal:
        return self.amount - self.unseen
