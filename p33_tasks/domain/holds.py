"""Holds: who holds a position, why, and what ends the hold (table in docs/contract.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

AGREEMENTS = 3
"""Number of consecutive snapshots exactly equal to the ledger that end a hold of a drift."""


class HeldBy(StrEnum):
    """Who holds. Each has its own key, and neither ends the other's hold."""

    OPERATOR = "operator"
    SERVICE = "service"


class HoldEnds(StrEnum):
    """What ends a hold of the service. ``p33 reconcile release`` ends any."""

    AGREEMENT = "agreement"  # AGREEMENTS snapshots in a row that equal the ledger exactly
    ADOPTION = "adoption"  # p33 ledger adopt
    OUTCOME = "outcome"  # a result, or reconciliation, that shows the order's outcome
    PERSON = "person"  # nothing else


class HoldReason(StrEnum):
    """Why the service holds a position."""

    EXTERNAL = "external_trades"
    UNEXPLAINED = "unexplained_drift"
    SIDE_FLIP = "side_flip"
    CONFIRMATION_FAILED = "confirmation_failed"
    HISTORY_MISSING = "history_missing"
    BREACH = "breach"
    OUTCOME_UNKNOWN = "outcome_unknown"


ENDS: Mapping[HoldReason, HoldEnds] = {
    HoldReason.EXTERNAL: HoldEnds.AGREEMENT,
    HoldReason.UNEXPLAINED: HoldEnds.AGREEMENT,
    HoldReason.SIDE_FLIP: HoldEnds.AGREEMENT,
    HoldReason.CONFIRMATION_FAILED: HoldEnds.AGREEMENT,
    HoldReason.HISTORY_MISSING: HoldEnds.ADOPTION,
    HoldReason.BREACH: HoldEnds.PERSON,
    HoldReason.OUTCOME_UNKNOWN: HoldEnds.OUTCOME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold as read. Its texts may be foreign: code that prints them must escape them."""

    held_by: HeldBy
    reason: str  # the service's: a word of the table; an operator's: free text
    since_ms: int | None = None  # Redis TIME; None: unknown
    ends: HoldEnds = HoldEnds.PERSON
    why: str = ""  # the service's latest evidence, in words; "" for none
    by: str = ""  # who set it; "" for unknown
    until_ms: int | None = None  # Redis TIME at which it expires; None: it doesn't

    def remedy(self, symbol: str, leg: str = "") -> str:
        """What ends this hold, with the command, for people; in hedge mode the service's hold is on one leg."""
        if self.held_by is HeldBy.OPERATOR:
            alone = "" if self.until_ms is None else "It ends automatically. To end it now: "
            return f"{alone}Find out why {self.by or 'the operator'} stopped the symbol, then: p33 hold clear {symbol}"
        symbol = f"{symbol} --side {leg}" if leg else symbol
        release = f"p33 reconcile release {symbol} --why TEXT"
        return {
            HoldEnds.AGREEMENT: f"It ends after {AGREEMENTS} snapshots that equal the ledger. To end it now: {release}",
            HoldEnds.ADOPTION: f"Compare with your records, then: p33 ledger adopt --replace {symbol}; or: {release}",
            HoldEnds.OUTCOME: f"It ends when a result reports the order's outcome. Look up the order, then: {release}",
            HoldEnds.PERSON: f"Find out what was executed beyond the permit, then: {release}",
        }[self.ends]
