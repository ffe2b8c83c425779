"""Close factors: which part of a position an action closes (CONTRACT section 4)."""

from __future__ import annotations

from decimal import Decimal

CLOSE_FACTORS: dict[str, Decimal] = {
    "CLOSE_FULL": Decimal(1),
    "FULL_CLOSE_PROPOSED": Decimal(1),
    "FULL_CLOSE": Decimal(1),
    "CLOSE_PARTIAL_75": Decimal("0.75"),
    "PARTIAL_75": Decimal("0.75"),
    "CLOSE_PARTIAL_50": Decimal("0.5"),
    "PARTIAL_50": Decimal("0.5"),
    "CLOSE_PARTIAL_25": Decimal("0.25"),
    "PARTIAL_25": Decimal("0.25"),
}


def close_factor(action: str) -> Decimal | None:
    """The part of the position that ``action`` closes, or None for any action that is not a known close.

    An unknown action never counts as a full close. Only ASCII letters change case: some Unicode letters become ASCII
    ones (a long s becomes ``S``).
    """
    return CLOSE_FACTORS.get(action.strip().upper()) if action.isascii() else None


ACTIONS: dict[Decimal, str] = {factor: action for action, factor in reversed(CLOSE_FACTORS.items())}
"""Close factor to the first action in ``CLOSE_FACTORS`` that has it."""
