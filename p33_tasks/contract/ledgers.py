"""The ledger's format in Redis (CONTRACT section 3)."""

from __future__ import annotations

from p33_tasks.contract.hash_values import Raw, number
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain.models import Ledger

LEDGER_FIELDS = (
    *("last_known_amt", "last_order_time_ms", "last_order_time_epoch", "last_order_id", "barrier_ms"),
    "unknown_plan_id",
)


def decode_ledger(symbol: str, raw: Raw) -> Ledger | None:
    """Read the values of ``LEDGER_FIELDS``; None when there is no ledger.

    Raises:
        CorruptStateError: A field is not a number.
    """
    amount, order_ms, order_epoch, order_id, barrier_ms, unknown_plan_id = raw
    if all(value is None for value in raw):
        return None
    return Ledger(
        symbol=symbol,
        last_known_amt=None if amount is None else number(amount, "last_known_amt"),
        last_order_id=order_id,
        last_order_time_ms=decode_time(order_ms, order_epoch),
        barrier_ms=decode_time(barrier_ms, None),
        unknown_plan_id=unknown_plan_id or None,
    )
