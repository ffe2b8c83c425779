"""The audit stream from its newest entry back, page by page. Read-only; never more than a page in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord
from p33_tasks.store.records import read_record
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

PAGE = 200
"""Entries read at once, about 1.5 kB each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The range of the stream at one moment. Times in milliseconds of Redis TIME."""

    now_ms: int
    length: int
    oldest_id: str  # empty: no entries
    newest_id: str

    @property
    def is_empty(self) -> bool:
        """Whether the stream has no entries."""
        return not self.newest_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some entries, newest first."""

    records: tuple[RecordedVerdict | UnreadableRecord, ...]  # of the requested symbol
    read: int  # entries of any symbol
    oldest_id: str


class History:
    """Reads the decisions stream of one account.

    Args:
        client: A client that decodes replies.
        keys: The keys of the account.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._stream = keys.decisions

    def extent(self) -> Extent:
        """Read both ends of the stream.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.time()
            pipeline.xlen(self._stream)
            pipeline.xrange(self._stream, count=1)
            pipeline.xrevrange(self._stream, count=1)
            (sec, micros), length, oldest, newest = pipeline.execute()
        return Extent(
            now_ms=sec * 1000 + micros // 1000,
            length=length,
            oldest_id=oldest[0][0] if oldest else "",
            newest_id=newest[0][0] if newest else "",
        )

    def pages(
        self, extent: Extent, *, since_ms: int | None = None, last: int | None = None, symbol: str | None = None
    ) -> Iterator[Page]:
        """All entries within ``extent``, newest first, in pages; later entries are left out.

        Args:
            extent: The range, from ``extent()``.
            since_ms: The oldest time of an entry, Redis TIME.
            last: End after this many entries (of the symbol).
            symbol: Only entries with this symbol.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        start, room = extent.newest_id, last
        while start and room != 0:
            count = PAGE if room is None or symbol is not None else min(PAGE, room)
            entries = self._entries(start, since_ms, count)
            if not entries:
                return
            wanted = [entry for entry in entries if symbol is None or entry[1].get("symbol") == symbol][:room]
            if room is not None:
                room -= len(wanted)
            records = tuple(read_record(*entry) for entry in wanted)
            yield Page(records=records, read=len(entries), oldest_id=entries[-1][0])
            start = f"({entries[-1][0]}" if len(entries) == count else ""

    def _entries(self, start: str, since_ms: int | None, count: int) -> list[Any]:
        with translated_errors():
            oldest = "-" if since_ms is None else str(max(0, since_ms))
            found: Any = self._client.xrevrange(self._stream, max=start, min=oldest, count=count)
        return list(found)
