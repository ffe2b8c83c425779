"""Entries of a stream, and where those go that can't be handled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntry:
    """Where a plan or result was read, so that the commit can acknowledge it."""

    stream: str  # the key
    entry_id: str


class DeadLetters(Protocol):
    """Where entries go that can't be handled."""

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        """Move an entry that can't be understood to the dead-letter stream, acknowledged in the same act."""
