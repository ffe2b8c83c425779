"""Compare an executor's orders with the permit: breaches (CONTRACT section 8, ``p33_permit_breach_total``)."""

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
    """In what way an execution exceeded its permit."""

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
    step_size: Decimal | None = None  # base units; None: the venue's rules are no longer known


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRecord:
    """What is stored about an order besides its quantity."""

    plan_id: str  # from the first result that named it, or from its client order id; "" if only the venue reported it
    side: OrderSide | None = None  # None: no result named it yet
    breaches: tuple[Breach, ...] = ()  # already counted
    leg: Leg | None = None  # LONG or SHORT: the leg that its fills were booked to; None: one-way mode, or no fill yet


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedOrder:
    """One order of a result, with all that recording it writes."""

    applied: Applied
    record: OrderRecord
    new_breaches: tuple[Breach, ...] = ()
    is_own: bool = True  # false: another plan's order
    is_opposite: bool = False  # its fills belong to the other leg, not the result's


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A result, with all that recording it writes."""

    orders: Mapping[str, RecordedOrder] = field(default_factory=dict)
    executed: Mapping[str, Decimal] = field(default_factory=dict)  # of the plan's orders: cumulative, base units
    problems: tuple[str, ...] = ()  # what could not be read, or contradicts stored data

    def amount(self, *, opposite: bool = False) -> Decimal | None:
        """The new ledger amount of the result's position, or of the other leg; None: unknown, or no order of it."""
        orders = [order for order in self.orders.values() if order.is_opposite is opposite]
        return orders[-1].applied.amount if orders else None


def position_of(
    decided: Leg | None, named: frozenset[Leg], remembered: frozenset[Leg], *, is_hedged: bool
) -> Leg | None:
    """The leg that a result is booked to (CONTRACT section 4); None: it can't be determined.

    Args:
        decided: The leg in the plan's allow, also if the symbol's mode has changed; None: the plan has no allow.
        named: The legs that its orders name.
        remembered: The legs that its orders were booked to before.
        is_hedged: Whether the symbol is in hedge mode.
    """
    if decided is not None:
        return decided
    if not is_hedged:
        return Leg.BOTH
    found = named or remembered
    return next(iter(found)) if len(found) == 1 else None


def breaches_of(permitted: Permitted, fill: Fill, *, increase: Decimal, total: Decimal) -> tuple[Breach, ...]:
    """In which ways one reported order exceeded its permit; empty if in none.

    Args:
        permitted: What the plan's allow permits.
        fill: The order as reported.
        increase: The new part of its quantity, base units.
        total: Executed quantity of all orders of the plan, this report included, base units.
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
    """Whether a quantity exceeds the permit by a step or more; less is rounding by the writer (0.30000000000000004).

    If the step is no longer known: by a millionth of the permitted quantity or more.
    """
    least = permitted.step_size or q.multiply(permitted.safe_close_qty, MILLIONTH)
    return q.subtract(total, permitted.safe_close_qty) >= least
