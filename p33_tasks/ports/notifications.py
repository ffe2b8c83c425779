"""Which events of reconciliation people are still to be told of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileEvent:
    """An event of reconciliation that people may be told of."""

    entry_id: str
    age_ms: int  # by Redis TIME
    fields: Mapping[str, str]


class Notifications(Protocol):
    """Which events people are still to be told of."""

    def claim(self) -> tuple[ReconcileEvent, ...]:
        """The next ones, for whoever asks first; telling begins with the first event after the first claim."""

    def count(self, outcome: str, number: int) -> None:
        """Count notifications: ``sent`` or ``lost``."""
