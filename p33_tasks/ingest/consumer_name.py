"""An ingest's consumer name in the consumer groups: stable, and used by one process at a time.

Names made from process ids would accumulate, each with the pending entries of an ended process.
"""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Mapping

import structlog

from p33_tasks.contract.fingerprints import with_marks
from p33_tasks.log_events import LogEvent
from p33_tasks.store.entries import RedisEntries

log = structlog.get_logger("p33.ingest")

LEASE_MS = 5_000
RENEW_SEC = 1.0


class ConsumerName:
    """``<hostname>-<n>`` with the smallest free n; held by a lease that has to be renewed."""

    def __init__(
        self, entries: RedisEntries, hostname: str | None = None, *, marks: Mapping[str, str] | None = None
    ) -> None:
        self.value = ""
        self._entries = entries
        self._hostname = hostname or socket.gethostname()
        self._token = with_marks(uuid.uuid4().hex, marks or {})
        self._renew_at = 0.0

    def keep(self) -> None:
        """Take a name, or renew the lease; take another name if the lease was lost.

        Raises:
            StoreError: Redis is away. The name is kept and renewed later, if the lease isn't lost by then.
        """
        now = time.monotonic()
        if self.value and now < self._renew_at:
            return
        self._renew_at = now + RENEW_SEC
        if self.value and self._entries.lease(self.value, self._token, LEASE_MS):
            return
        lost, n = self.value, 1
        while not self._entries.lease(f"{self._hostname}-{n}", self._token, LEASE_MS):
            n += 1
        self.value = f"{self._hostname}-{n}"
        log.info(LogEvent.INGEST_NAMED, consumer=self.value, lost=lost or None)

    def give_back(self) -> None:
        """Release the name, so that another process can use it at once.

        Raises:
            StoreError: Redis is away; the lease will expire.
        """
        if self.value:
            self._entries.release(self.value, self._token)
