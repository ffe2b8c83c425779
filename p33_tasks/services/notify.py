"""Telling people of reconciliation's events, each once or never: a lost notification is counted, and stops nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Notifications, ReconcileEvent

LATEST_MS = 600_000
"""An older event is news to nobody: it is on the stream and on the page."""
MOST_SEC = 10.0
"""Of one task: what is left then is lost."""

log = structlog.get_logger("p33.notify")


class Sender(Protocol):
    """Sends a text to one address."""

    def send(self, address: str, title: str, text: str) -> bool:
        """Whether it was taken. Raises nothing."""


class NotifyService:
    """Safe to run twice: an event is claimed by one of both."""

    def __init__(
        self, store: Notifications, sender: Sender, routes: Mapping[str, Sequence[str]], *, account: str
    ) -> None:
        """Make a service.

        Args:
            store: Where events come from.
            sender: Sends.
            routes: By the name of an event, the addresses that are told.
            account: The key prefix, which begins each title.
        """
        self._store = store
        self._sender = sender
        self._routes = routes
        self._account = account

    def send(self) -> int:
        """Tell what happened since the last time; returns how many notifications were taken.

        Raises:
            StoreError: Redis is away.
        """
        ends = time.monotonic() + MOST_SEC
        outcomes: Counter[str] = Counter()
        for event in self._store.claim():
            for address in self._routes.get(event.fields.get("event", ""), ()):
                is_late = event.age_ms > LATEST_MS or time.monotonic() > ends
                sent = not is_late and self._sender.send(address, self._title(event), _text(event))
                outcomes["sent" if sent else "lost"] += 1
        for outcome, number in outcomes.items():
            self._store.count(outcome, number)
        if outcomes["lost"]:
            log.warning(LogEvent.NOTIFICATION_LOST, lost=outcomes["lost"], sent=outcomes["sent"])
        return outcomes["sent"]

    def _title(self, event: ReconcileEvent) -> str:
        return f"{self._account}: {event.fields.get('position', '?')} {event.fields.get('event', '?')}"[:120]


def _text(event: ReconcileEvent) -> str:
    names = ("class", "before", "after", "why", "by")
    lines = "\n".join(f"{name}: {event.fields[name]}" for name in names if event.fields.get(name))
    return f"{lines}\nevent {event.entry_id}"[:1_000]
