"""Read and write single values of a HASH."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.errors import CorruptStateError, InvalidQuantityError

MAX_NAME_CHARS = 200
"""Longest source, run_id and foreign plan_id: they are copied into each audit entry."""
Raw = Sequence[str | None]


def number(value: object, name: str) -> Decimal:
    """A stored amount as ``Decimal``; ``name`` is for the error.

    Raises:
        CorruptStateError: It is not a finite decimal.
    """
    try:
        return parse_quantity(value)
    except (InvalidQuantityError, TypeError) as error:
        raise CorruptStateError(f"{name}: {error}") from error


def optional(value: Decimal | None) -> str:
    """A number as canonical text; empty for None."""
    return "" if value is None else canonical(value)
