"""Reads numbers that this program stored; any other value is an error."""

from __future__ import annotations

import math
from typing import Any

MOST = 1e15
"""Larger than any time, count, price or weight."""


def finite(value: Any) -> float:
    """A finite number.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > MOST:
        raise ValueError("not a number that was written")
    return float(value)


def positive(value: Any) -> float:
    """A finite number, not below zero. Raises ValueError."""
    if (found := finite(value)) < 0:
        raise ValueError("below zero")
    return found


def whole(value: Any) -> int:
    """A count or a time, as an integer. Raises ValueError."""
    if not isinstance(value, int) or positive(value) != value:
        raise ValueError("not a count or a time")
    return value
