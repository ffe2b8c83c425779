"""Reading the account's open orders: once a minute, for every symbol at once."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import structlog

from p33_tasks.abilities import ReadsAllRestingOrders
from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import RestingStore

log = structlog.get_logger("p33.resting")


@runtime_checkable
class ReadsResting(ReadsAllRestingOrders, Protocol):
    """What is asked of a venue."""

    @property
    def source(self) -> str:
        """Venue and host."""


class RestingService:
    """Safe to run twice: the second finds the minute's reading taken. What a failed one leaves ages."""

    def __init__(self, venue: ReadsResting, store: RestingStore, allowlist: tuple[str, ...]) -> None:
        self._venue = venue
        self._store = store
        self._allowlist = allowlist

    def read(self) -> str:
        """Read, unless somebody did within a minute.

        Returns:
            ``read``, ``done``, ``failed`` or ``other_life``.

        Raises:
            StoreError: Redis is away.
        """
        claim = self._store.claim(self._venue.source)
        if claim is None:
            return "done"
        try:
            report = self._venue.fetch_all_resting_orders(self._allowlist)
        except ExchangeError as error:
            problem = f"{type(error).__name__}: {error}"
            log.warning(LogEvent.RESTING_UNREAD, source=self._venue.source, error=problem)
            self._store.fail(claim, problem)
            return "failed"
        for symbol, problem in report.invalid.items():
            log.warning(LogEvent.RESTING_UNKNOWN, symbol=symbol, problem=problem)
        return "read" if self._store.put(claim, report) else "other_life"
