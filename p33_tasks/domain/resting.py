"""Resting orders that reduce a position, and what they leave of it (``P33_SUBTRACT_RESTING``).

Only what is in the book counts: an active limit order that reduces the position. An untriggered conditional order or a
``closePosition`` doesn't: a protective stop over the whole position would else lock every exit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain import quantities as q

RESTING_MAX_AGE_MS = 90_000
"""Older answers are unknown ones. They are asked for once a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resting:
    """The open orders of one position that reduce it, on one side, as the venue last told them."""

    ts_ms: int  # Redis TIME before the venue was asked
    life: str  # of the store then
    source: str  # venue and host
    qty: Decimal  # base units: what is left of active limit orders, added up
    order_ids: tuple[str, ...] = ()  # of those, not without end
    conditional_ids: tuple[str, ...] = ()  # of those that are not counted: not in the book yet


def left_of(position_amt: Decimal, resting: Resting | None) -> Decimal:
    """What resting orders leave of a position, base units, never below 0; all of it where they aren't asked for."""
    amount = q.magnitude(position_amt)
    return amount if resting is None else max(q.subtract(amount, resting.qty), q.ZERO)
