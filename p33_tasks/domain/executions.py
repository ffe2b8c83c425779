"""What an executor did, held against what it was permitted (CONTRACT section 8, ``p33_permit_breach_total``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from p33_tasks.domain import quantities as q
from p33_tasks.domain.ledger import Applied
from p33_tasks.domain.models import Fill, Leg, OrderSide, PositionSide

MILLIONTH = Decimal("0.000001")


class Breach(StrEnum):
    """How an execution went beyond its permit."""

    SIDE = "side"
    LEG = "leg"
    QUANTITY = "quantity"
    NOT_REDUCE_ONLY = "not_reduce_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permitted:
    """What an allow permits."""

    order_side: OrderSide
    safe_close_qty: Decimal  # base units
    leg: PositionSide | None = None  # None: one-way mode
    step_size: Decimal | None = None  # base units; None: the venue's rules are not known any more


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """What is remembered of an order beside its quantity."""

    plan_id: str  # of the first result that named it, or of the order itself; "" where only the venue told of it
    side: OrderSide | None = None  # None: no report named it yet
    breaches: tuple[Breach, ...] = ()  # counted already
    leg: Leg | None = (
        None  # LONG or SHORT: the leg that its fills went to; None: the symbol's own position, or none yet
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOrder:
    """One order of a result, ready to be written."""

    applied: Applied
    record: OrderRecord
    new_breaches: tuple[Breach, ...] = ()
    is_own: bool = True  # false: another plan's order
    is_opposite: bool = False  # its fills belong to the other leg than the result's position


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A result, ready to be written."""

    orders: Mapping[str, RecordedOrder] = field(default_factory=dict)
    executed: Mapping[str, Decimal] = field(default_factory=dict)  # of the plan's orders: cumulative, base units
    problems: tuple[str, ...] = ()  # what could not be read, or contradicts what is on record

    def amount(self, *, opposite: bool = False) -> Decimal | None:
        """The ledger afterwards, of the result's position or of the other leg; None: unknown, or no order is its."""
        orders = [order for order in self.orders.values() if order.is_opposite is opposite]
        return orders[-1].applied.amount if orders else None


def position_of(
    decided: Leg | None, named: frozenset[Leg], remembered: frozenset[Leg], *, is_hedged: bool
) -> Leg | None:
    """Which of a symbol's positions a result is booked to (CONTRACT section 4); None: it can't be told.

    Args:
        decided: The position of the plan's allow, whatever the symbol's mode is now; None: the plan has none.
        named: The legs that its orders name.
        remembered: The legs that its orders went to before.
        is_hedged: Whether the symbol is in hedge mode.
    """
    if decided is not None:
        return decided
    if not is_hedged:
        return Leg.BOTH
    found = named or remembered
    return next(iter(found)) if len(found) == 1 else None


def breaches_of(permitted: Permitted, fill: Fill, *, increase: Decimal, total: Decimal) -> tuple[Breach, ...]:
    """What one reported order did that its permit doesn't cover.

    Args:
        permitted: What the plan was allowed.
        fill: The order as reported.
        increase: What was new of its quantity, base units.
        total: What all orders of the plan executed, this report included, base units.
    """
    found = []
    if fill.side is not None and fill.side is not permitted.order_side:
        found.append(Breach.SIDE)
    if permitted.leg is not None and fill.leg is not None and fill.leg is not permitted.leg:
        found.append(Breach.LEG)
    if increase > 0 and is_beyond(permitted, total):
        found.append(Breach.QUANTITY)
    if permitted.leg is None and fill.reduce_only is False:  # venues in hedge mode refuse the flag
        found.append(Breach.NOT_REDUCE_ONLY)
    return tuple(found)


def is_beyond(permitted: Permitted, total: Decimal) -> bool:
    """Whether a quantity exceeds the permit by a step or more: less is a writer's rounding (0.30000000000000004).

    Where the step isn't known any more, by a millionth of the permitted quantity or more.
    """
    least = permitted.step_size or q.multiply(permitted.safe_close_qty, MILLIONTH)
    return q.subtract(total, permitted.safe_close_qty) >= least
