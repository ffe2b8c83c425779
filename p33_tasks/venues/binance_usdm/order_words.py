"""The side and the leg of a row, from the values of Binance's enums ("Public Endpoints Info", USD-M futures)."""

from __future__ import annotations

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.venues.rows import InvalidRowError, Row


def side_of(row: Row) -> OrderSide:
    """``side``. Raises InvalidRowError."""
    value = row.get("side")
    if not isinstance(value, str) or value not in set(OrderSide):
        raise InvalidRowError(f"side is {value!r:.40}")
    return OrderSide(value)


def leg_of(row: Row) -> Leg:
    """``positionSide``. Raises InvalidRowError."""
    value = row.get("positionSide")
    if not isinstance(value, str) or value not in set(Leg):
        raise InvalidRowError(f"positionSide is {value!r:.40}")
    return Leg(value)
