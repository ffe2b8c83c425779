"""New verdicts as soon as they are written, from the audit stream. Read-only; a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.feed import VerdictSeen, verdict_seen

if TYPE_CHECKING:
    import redis

PAGE = 100
BEGINNING = "0-0"


class LiveVerdicts:
    """Reads the decisions stream forward, each entry once.

    Args:
        client: A client that decodes replies, with a socket time-out above the wait of ``poll``.
        keys: The keys of the account.
    """

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._stream = keys.decisions
        self._after = BEGINNING
        self._end = BEGINNING  # the newest entry seen so far

    def begin(self, since_ms: int | None = None) -> None:
        """Start after the newest entry, or this many milliseconds back (by Redis TIME).

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        self._after = self._end = self._newest()
        if since_ms is None:
            return
        with translated_errors():
            seconds, micros = self._client.time()
        self._after = f"{max(0, int(seconds) * 1000 + int(micros) // 1000 - since_ms - 1)}-{2**64 - 1}"

    def poll(self, wait_ms: int) -> tuple[VerdictSeen, ...]:
        """The new entries, at most a page; waits up to this long for the first, at least 1 ms.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        with translated_errors():
            reply: Any = self._client.xread({self._stream: self._after}, count=PAGE, block=max(1, wait_ms))
        streams = reply.items() if isinstance(reply, dict) else reply or ()
        entries = [entry for _, found in streams for entry in found]
        if entries:
            self._after = self._end = entries[-1][0]
        return tuple(verdict_seen(*entry) for entry in entries)

    def rewound(self) -> bool:
        """Whether the stream ends earlier than before: Redis was restored to an older state, or the stream was deleted.

        Reading then continues after its end; new entries may have lower ids than those read before.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        newest = self._newest()
        if _order(newest) >= _order(self._end):
            return False
        self._after = self._end = newest
        return True

    def _newest(self) -> str:
        with translated_errors():
            entries: Any = self._client.xrevrange(self._stream, count=1)
        return str(entries[0][0]) if entries else BEGINNING


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence or 0)
