"""Reconciliation events without a notification yet, in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p33_tasks.contract.entries import fields_of
from p33_tasks.contract.keys import Keys
from p33_tasks.ports import ReconcileEvent
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

MOST = 20
"""Maximum number of events per task; the rest waits for the next refresh."""


class RedisNotifications:
    """Implements ``ports.Notifications``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def claim(self) -> tuple[ReconcileEvent, ...]:
        """See ``ports.Notifications.claim``."""
        now_ms, entries = self._scripts.run(
            "claim_notifications",
            {"notified_key": self._keys.notified, "events_key": self._keys.reconcile_events},
            {"most": MOST},
        )
        return tuple(
            ReconcileEvent(
                entry_id=entry_id,
                age_ms=int(now_ms) - int(entry_id.partition("-")[0]),
                fields={name: value for name, value in fields_of(flat).items() if isinstance(value, str)},
            )
            for entry_id, flat in entries
        )

    def count(self, outcome: str, number: int) -> None:
        """See ``ports.Notifications.count``."""
        with translated_errors():
            self._client.hincrby(self._keys.counters, f"p33_notification_total|{outcome}", number)
