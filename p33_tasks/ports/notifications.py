"""Port: events of reconciliation to notify people of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileEvent:
    """An event of reconciliation, for a notification."""

    entry_id: str
    age_ms: int  # by Redis TIME
    fields: Mapping[str, str]


class Notifications(Protocol):
    """The events that no notification was sent for yet."""

    def claim(self) -> tuple[ReconcileEvent, ...]:
        """The next events, given to one caller only. The first claim returns none of the events before it."""

    def count(self, outcome: str, number: int) -> None:
        """Count notifications: ``sent`` or ``lost``."""
