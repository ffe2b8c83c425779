"""Exact conversion between contracts and base units, and contract sizes no older than the market rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal, Inexact
from typing import Generic, TypeVar

from p33_tasks.domain import quantities as q
from p33_tasks.errors import InvalidQuantityError
from p33_tasks.venues.rows import InvalidRowError

_Answer = TypeVar("_Answer")


def in_base(contracts: Decimal, size: Decimal) -> Decimal:
    """Contracts as base units, exactly. Raises InvalidRowError."""
    try:
        return q.parse_quantity(q.multiply(contracts, size))
    except (InvalidQuantityError, Inexact) as error:
        raise InvalidRowError(f"{contracts} contracts of {size} have no exact base quantity of usual length") from error


def in_contracts(quantity: Decimal, size: Decimal) -> Decimal:
    """Base units as contracts, exactly. Raises InvalidRowError."""
    try:
        return q.parse_quantity(q.EXACT.divide(quantity, size))
    except (Inexact, ValueError) as error:
        raise InvalidRowError(f"{quantity} is no exact number of contracts of {size}") from error


class Kept(Generic[_Answer]):
    """An answer that is needed more often than it changes: kept for one period, then requested again."""

    def __init__(self, ask: Callable[[], _Answer], *, period_ms: int) -> None:
        self._ask = ask
        self._period_ms = period_ms
        self._kept: tuple[float, _Answer] | None = None  # monotonic seconds, taken before the request

    def get(self) -> _Answer:
        """The answer, at most one period old. Raises ExchangeError."""
        if self._kept is not None and (time.monotonic() - self._kept[0]) * 1000 < self._period_ms:
            return self._kept[1]
        return self.fetch()

    def fetch(self) -> _Answer:
        """The answer, requested now. Raises ExchangeError."""
        asked = time.monotonic()
        answer = self._ask()
        self._kept = asked, answer
        return answer
