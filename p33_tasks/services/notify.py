"""Notify people of reconciliation events, each at most once: a lost notification is counted, and blocks nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Notifications, ReconcileEvent

LATEST_MS = 600_000
"""Longest age of an event for a notification: older ones are only on the stream and the page."""
MOST_SEC = 10.0
"""Time limit of one task; notifications not sent by then are lost."""

log = structlog.get_logger("p33.notify")


class Sender(Protocol):
    """Sends a text to one address."""

    def send(self, address: str, title: str, text: str) -> bool:
        """Whether the address accepted it. Raises nothing."""


class NotifyService:
    """Sends notifications. Safe to run twice: only one run claims an event."""

    def __init__(
        self, store: Notifications, sender: Sender, routes: Mapping[str, Sequence[str]], *, account: str
    ) -> None:
        """Make a service.

        Args:
            store: The source of events.
            sender: Sends to one address.
            routes: The name of an event to the addresses to notify.
            account: The key prefix, at the start of each title.
        """
        self._store = store
        self._sender = sender
        self._routes = routes
        self._account = account

    def send(self) -> int:
        """Send notifications for the events since the last claim; returns how many were accepted.

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
