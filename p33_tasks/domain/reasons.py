"""Why a plan is denied. The strings are wire contract (CONTRACT section 5)."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """The reason of a deny, with its remedy."""

    remedy: str

    def __new__(cls, value: str, remedy: str) -> Self:  # noqa: D102
        member = str.__new__(cls, value)
        member._value_ = value
        member.remedy = remedy
        return member

    INVALID_PLAN = "invalid_plan", "The producer must send a well-formed plan under a new plan_id."
    SYMBOL_NOT_ALLOWED = "symbol_not_allowed", "Add the symbol to P33_ALLOWLIST and restart workers and beat."
    PLAN_EXPIRED = "plan_expired", "Send a new plan; this one waited longer than P33_PLAN_MAX_AGE_SEC."
    NOT_REDUCE_ONLY = "not_reduce_only", "Only reduce-only plans are supported; send the plan with reduceOnly true."
    UNKNOWN_ACTION = "unknown_action", "Use one of the documented close actions, e.g. CLOSE_PARTIAL_50."
    RECONCILE_HOLD_ACTIVE = (
        "reconcile_hold_active",
        "Find out who set the hold and why (p33 hold list, p33 reconcile status), then clear or release it.",
    )
    LIMITS_UNREADABLE = (
        "limits_unreadable",
        "Check them with p33 limits show SYMBOL; then set them again, or: p33 limits clear SYMBOL",
    )
    NO_EXCHANGE_SNAPSHOT = (
        "no_exchange_snapshot",
        "Wait for the next refresh; if none comes, check beat, the snapshot worker and the exchange with: p33 check",
    )
    # Only in records from before 0.2.
    HEDGE_MODE_UNSUPPORTED = (
        "hedge_mode_unsupported",
        "Send a new plan that names a leg.",
    )
    POSITION_SIDE_REQUIRED = (
        "position_side_required",
        "The symbol is in hedge mode: send a new plan with positionSide LONG or SHORT.",
    )
    STALE_EXCHANGE_STATE = (
        "stale_exchange_state",
        "Wait for the next refresh; if the age keeps growing, check the exchange with: p33 check",
    )
    NO_POSITION = "no_position", "There is nothing to close."
    POSITION_SIDE_MISMATCH = (
        "position_side_mismatch",
        "The position is on the other side: send a new plan with the position's side in positionSide, or without it.",
    )
    COOLDOWN_IN_FLIGHT = "cooldown_in_flight", "Wait for the cooldown, then send a new plan."
    PERMIT_IN_FLIGHT = (
        "permit_in_flight",
        "The position is reserved for another plan; wait until that plan is executed or its reservation expires.",
    )
    MISSING_LEDGER = (
        "reconcile_required_missing_ledger",
        "Compare the exchange's position with your own records, then: p33 ledger adopt SYMBOL",
    )
    SIDE_MISMATCH = (
        "reconcile_required_side_mismatch",
        "Find the order that turned the position, then: p33 ledger adopt --replace SYMBOL",
    )
    QTY_MISMATCH = (
        "reconcile_required_qty_mismatch",
        "Find the fill that is missing in the ledger or at the exchange, then: p33 ledger adopt --replace SYMBOL",
    )
    MISSING_MARKET_METADATA = (
        "missing_market_metadata",
        "Wait for the next refresh to load the venue's market rules; if this repeats, p33 check shows the cause.",
    )
    RESTING_ORDERS_UNKNOWN = (
        "resting_orders_unknown",
        "Wait for the next reading of the open orders, once a minute; if this repeats, p33 check shows the cause.",
    )
    RESTING_ORDERS_COVER_POSITION = (
        "resting_orders_cover_position",
        "Resting orders already close the position: wait for them, or cancel some at the venue.",
    )
    QTY_BELOW_STEP_SIZE = (
        "qty_below_step_size",
        "The part to close is smaller than the venue can trade; close a larger part.",
    )
    PLAN_ABANDONED = "plan_abandoned", "The executor gave up before the verdict; send a new plan."
    INTERNAL_ERROR = "internal_error", "Read the worker's log for this plan_id; send a new plan."
    CONTENTION = "contention", "The inputs kept changing during the evaluation; send a new plan."


GIVEN = tuple(reason for reason in Reason if reason is not Reason.HEDGE_MODE_UNSUPPORTED)
"""The reasons that a verdict of this version can have."""
