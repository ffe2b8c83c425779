"""The dead letters: entries that could not be understood, newest first. Read-only, bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.domain import exact_json
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

PAGE = 50
_ENTRY_ID = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter. Its texts are foreign: escape them before showing."""

    entry_id: str  # id on the dead-letter stream
    ts_ms: int  # Redis TIME at which it was moved there
    source_stream: str
    source_id: str  # its id on the source stream
    error: str
    entry: str  # the entry as stored, JSON

    @property
    def fields(self) -> Mapping[str, Any]:
        """The entry's fields; empty if they can't be read."""
        try:
            return exact_json.loads_object(self.entry)
        except CorruptStateError:
            return {}


def is_entry_id(text: str) -> bool:
    """Whether a text has the form of a stream entry's id."""
    return _ENTRY_ID.fullmatch(text) is not None


def read_dead_letters(
    client: redis.Redis, keys: Keys, *, before: str = "", count: int = PAGE
) -> tuple[DeadLetter, ...]:
    """The newest dead letters, or those before an entry id, newest first.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    with translated_errors():
        rows: Any = client.xrevrange(keys.dead_letters, max=f"({before}" if before else "+", count=count)
    return tuple(_letter(*row) for row in rows)


def read_dead_letter(client: redis.Redis, keys: Keys, entry_id: str) -> DeadLetter | None:
    """One dead letter; None if there is none with this id.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    with translated_errors():
        rows: Any = client.xrange(keys.dead_letters, min=entry_id, max=entry_id, count=1)
    return _letter(*rows[0]) if rows else None


def _letter(entry_id: str, fields: Mapping[str, str]) -> DeadLetter:
    return DeadLetter(
        entry_id=entry_id,
        ts_ms=int(entry_id.partition("-")[0]),
        source_stream=fields.get("source_stream", ""),
        source_id=fields.get("source_id", ""),
        error=fields.get("error", ""),
        entry=fields.get("entry", ""),
    )
