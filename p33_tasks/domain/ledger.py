"""Apply a fill to the ledger.

1. A fill's identity is (symbol, order id); its quantity is cumulative, and only the increase counts.
2. Amounts are signed: BUY adds, SELL subtracts. Nothing is clamped, so that the sum doesn't depend on the order
   in which fills arrive.
3. An unknown amount stays unknown: a fill alone never makes it known.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Fill, OrderSide


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The effect of recording one fill."""

    amount: Decimal | None  # the new ledger amount, signed base units; None: still unknown
    remembered_qty: Decimal  # the order's cumulative quantity for the fills memory, base units
    increase: Decimal  # the new part of it, base units, not negative
    is_new: bool  # the order, or its increase, was not known before
    crossed_zero: bool  # the position changed from long to short or back


def apply_fill(amount: Decimal | None, remembered_qty: Decimal | None, fill: Fill, *, counts: bool = True) -> Applied:
    """Apply the increase of a fill.

    Args:
        amount: The ledger's signed amount, None when unknown.
        remembered_qty: Quantity of this order already applied, None when the order is new.
        fill: The order, with its cumulative executed quantity.
        counts: False for a fill that an adopted snapshot already contains: it is remembered, not applied.
    """
    known = remembered_qty if remembered_qty is not None else q.ZERO
    executed = fill.cumulative_qty if fill.side is not None else q.ZERO
    increase = max(q.subtract(executed, known), q.ZERO)
    after = amount
    if amount is not None and counts and increase > 0:
        delta = increase if fill.side is OrderSide.BUY else q.negated(increase)
        after = q.add(amount, delta)
    return Applied(
        amount=after,
        remembered_qty=max(known, executed),
        increase=increase,
        is_new=remembered_qty is None or increase > 0,
        crossed_zero=amount is not None and after is not None and (amount > 0 > after or amount < 0 < after),
    )


def drift_after(drift_pct: Decimal, close_factor: Decimal) -> Decimal:
    """The drift in percent of the position after a close: the amount stays the same, the position shrinks.

    Args:
        drift_pct: Percent of the position now.
        close_factor: The part to close, below 1.
    """
    return q.percent_of(drift_pct, q.multiply(q.subtract(Decimal(1), close_factor), q.HUNDRED))
