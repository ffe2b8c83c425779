"""Read the account's open orders once a minute, for all symbols at once."""

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
    """A venue from which all open orders can be read."""

    @property
    def source(self) -> str:
        """Venue and host."""


class RestingService:
    """Reads and stores open orders. Safe to run twice: one reading per minute. After a failure stored orders age."""

    def __init__(self, venue: ReadsResting, store: RestingStore, allowlist: tuple[str, ...]) -> None:
        self._venue = venue
        self._store = store
        self._allowlist = allowlist

    def read(self) -> str:
        """Read the open orders, unless another task did within the last minute.

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
