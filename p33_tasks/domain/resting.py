"""Resting orders that reduce a position, and the rest that a close may use (``P33_SUBTRACT_RESTING``).

Only orders in the book count: active limit orders that reduce the position. Untriggered conditional orders and
``closePosition`` orders don't: a protective stop for the whole position would otherwise block every close.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain import quantities as q

RESTING_MAX_AGE_MS = 90_000
"""An older answer counts as unknown. One is requested each minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """The open orders of one position that reduce it, on one side, as last read from the venue."""

    ts_ms: int  # Redis TIME before the request
    life: str  # the store's life at that time
    source: str  # venue and host
    qty: Decimal  # base units: total remaining quantity of active limit orders
    order_ids: tuple[str, ...] = ()  # of those orders, up to a limit
    conditional_ids: tuple[str, ...] = ()  # of orders that are not counted, because they are not in the book yet


def left_of(position_amt: Decimal, resting: Resting | None) -> Decimal:
    """The position less its resting orders, base units, at least 0; the whole position for None."""
    amount = q.magnitude(position_amt)
    return amount if resting is None else max(q.subtract(amount, resting.qty), q.ZERO)
