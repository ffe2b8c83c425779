"""Port: stream entries, and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntry:
    """The stream and id of a plan or result, which the commit acknowledges."""

    stream: str  # the key
    entry_id: str


class DeadLetters(Protocol):
    """Takes entries that can't be read."""

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        """Move an entry that can't be read to the dead-letter stream and acknowledge it, in one act."""
