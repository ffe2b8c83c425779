"""The venue's trades and orders of the account, and exact sums of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import reduce

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import ContradictingTradesError


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution of the account."""

    trade_id: str
    order_id: str | None  # None: a trade by the venue itself, if the venue gives it no order
    symbol: str
    leg: Leg
    side: OrderSide
    quantity: Decimal  # base units, above zero
    time_ms: int  # the venue's clock

    @property
    def signed_qty(self) -> Decimal:
        """The change of the signed position, base units: BUY adds, SELL subtracts."""
        return signed(self.side, self.quantity)


class ForcedKind(StrEnum):
    """Why the venue traded for the account."""

    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedOrder:
    """An order that the venue placed, e.g. a liquidation."""

    order_id: str
    symbol: str
    leg: Leg
    kind: ForcedKind
    executed_qty: Decimal  # base units
    time_ms: int  # the venue's clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderState:
    """The state of one order."""

    order_id: str
    client_order_id: str
    side: OrderSide
    executed_qty: Decimal  # base units, cumulative
    is_final: bool  # no more of it will be executed
    created_ms: int  # the venue's clock
    may_be_forced: bool = True  # False: it lacks the mark that the venue gives each order placed by the venue


def signed(side: OrderSide, quantity: Decimal) -> Decimal:
    """A quantity with the sign of its side: BUY above zero, SELL below."""
    return quantity if side is OrderSide.BUY else q.negated(quantity)


def merged(pages: Iterable[Iterable[Trade]]) -> tuple[Trade, ...]:
    """All trades of some pages, each once, oldest first. Pages may overlap, repeat and come in any order.

    Raises:
        ContradictingTradesError: Two trades with the same id differ, so neither can be used.
    """
    found: dict[str, Trade] = {}
    for trade in (trade for page in pages for trade in page):
        known = found.setdefault(trade.trade_id, trade)
        if known != trade:
            raise ContradictingTradesError(f"trade {trade.trade_id[:40]!r} was told twice, and not the same")
    return tuple(sorted(found.values(), key=lambda trade: (trade.time_ms, len(trade.trade_id), trade.trade_id)))


def total(trades: Iterable[Trade]) -> Decimal:
    """Sum of the quantities, base units."""
    return reduce(q.add, (trade.quantity for trade in trades), q.ZERO)


def signed_total(trades: Iterable[Trade]) -> Decimal:
    """The change of the signed position by some trades, base units."""
    return reduce(q.add, (trade.signed_qty for trade in trades), q.ZERO)


def by_order(trades: Iterable[Trade]) -> Mapping[str | None, tuple[Trade, ...]]:
    """The trades by order id, in the given order; trades without an order under None."""
    groups: dict[str | None, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade.order_id, []).append(trade)
    return {order_id: tuple(group) for order_id, group in groups.items()}
