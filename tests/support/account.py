"""An account at a venue, in this process: what it tells can lag, be lost or be wrong, one switch for each."""

# ruff: noqa: ARG002 - the signatures are the venue's

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from p33_tasks.domain.models import Leg, OrderSide, Position
from p33_tasks.domain.trades import ForcedKind, ForcedOrder, OrderState, Trade, total
from p33_tasks.errors import ExchangeUnavailableError
from p33_tasks.ports import MarketReport, PositionReport
from tests.support.gate import SOURCE, SYMBOL


@dataclass
class Account:
    """One symbol's position, and how it came about."""

    amount: Decimal
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
    ) -> Trade:
        """A signed trade of an order: BUY above zero."""
        amount = Decimal(quantity)
        side = OrderSide.BUY if amount > 0 else OrderSide.SELL
        now_ms = self._now_ms()
        made = Trade(
            trade_id=str(len(self.trades) + 1),
            order_id=order_id,
            symbol=SYMBOL,
            leg=Leg.BOTH,
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
                order_id=order_id, symbol=SYMBOL, leg=Leg.BOTH, kind=kind, executed_qty=executed, time_ms=now_ms
            )
        self.amount += amount
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
        return PositionReport(positions={SYMBOL: Position(symbol=SYMBOL, position_amt=self.shown)})

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        raise AssertionError("reconciliation asks for no market rules")

    @property
    def shown(self) -> Decimal:
        return self.amount - self.unseen
