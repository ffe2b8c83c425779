"""Reading and writing the values of a HASH."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError

MAX_NAME_CHARS = 200
"""Of a source, a run_id or a foreign plan_id: each goes into every audit entry."""
Raw = Sequence[str | None]


def number(value: object, name: str) -> Decimal:
    """A stored amount.

    Raises:
        CorruptStateError: It is not a finite decimal.
    """
    try:
        return parse_quantity(value)
    except (InvalidQuantityError, TypeError) as error:
        raise CorruptStateError(f"{name}: {error}") from error


def optional(value: Decimal | None) -> str:
    """Canonical text; empty when there is no value."""
    return "" if value is None else canonical(value)
