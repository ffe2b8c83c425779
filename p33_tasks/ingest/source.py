"""One stream of an ingest: its window, and when to read it. Each read takes CPU time from the pool."""

from __future__ import annotations

from dataclasses import dataclass, replace

from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.ingest.handlers import Handler
from p33_tasks.store.batches import Batch, Window

ERROR_SEC = 0.25
PATIENCE_SEC = 0.006
"""A read waits for room of half a window, at most this long: a batch of two costs little more than one."""
GROWTH = 4
"""Maximum growth of the window per read: in a burst, it grows from 4 to 128 within some milliseconds."""
HELD_SEC = 0.5
"""A wide window holds what the pool completes in this time ..."""
CROWDED_IDLE_MS = 1_000
"""... well below this idle time, after which an entry is sent again during a backlog."""
PROOF_SEC = 0.01
"""Shortest time over which the pool's throughput is measured."""
ASK_SEC = 1.0
"""A stream is read at least this often: a read counts trimmed entries and keeps the consumer from looking idle. Less
than the socket time-out: a wait that was repeated may have delivered entries that this process hasn't received."""


@dataclass
class Source:
    """One stream, its handler and its window. Times are ``time.monotonic``, in seconds."""

    stream: str
    handler: Handler
    size: int = 0  # current size of the window, in entries; 0: as configured
    widest: int = 0  # largest size during a backlog; 0: as configured
    held: int = 0  # entries in the window after the last read, if it was full; else 0
    emptied: int = 0  # how many of these were acknowledged ...
    emptied_since: float = 0.0  # ... since then
    next_start: str = "-"
    retry_at: float = 0.0  # after an error this stream isn't read until then
    room: int = 0  # least number of entries that fit into the window; more after acknowledgements
    asked_at: float = 0.0
    full_since: float | None = None

    def has_to_be_read(self, now: float) -> bool:
        """Whether the stream must be read now instead of waiting for its next entry."""
        return self.room < 1 or now >= self.asked_at + ASK_SEC

    def least(self, now: float, window: Window) -> int:
        """The least room in the window for which to read."""
        is_patient = self.full_since is None or now < self.full_since + PATIENCE_SEC
        return min(max(1, self.window(window) // 2), MAX_TOGETHER) if is_patient else 1

    def window(self, configured: Window) -> int:
        """The current size of the window, in entries."""
        return self.size or configured.size

    def was_read(self, now: float, batch: Batch, window: Window) -> None:
        """Update the window's size and room after a read."""
        size = self.window(window)
        if self.widest and (batch.entries or batch.room):
            self._resize(now, size, size - len(batch.entries) - batch.room, window, is_backlog=not batch.room)
        self.room, self.asked_at = batch.room, now
        if batch.room or batch.entries:
            self.full_since = None
        elif self.full_since is None:
            self.full_since = now

    def _resize(self, now: float, size: int, held: int, window: Window, *, is_backlog: bool) -> None:
        """Widen the window during a backlog, as far as the pool's measured throughput permits.

        With a slow pool, entries in a wide window would exceed the idle time and be sent a second time.
        """
        if not is_backlog:
            wanted, self.held = window.size, 0
        elif not self.held:
            wanted, self.held, self.emptied, self.emptied_since = size * GROWTH, size, 0, now
        else:
            self.emptied += max(0, self.held - held)
            self.held, wanted = size, size
            if now >= self.emptied_since + PROOF_SEC:
                wanted = int(self.emptied / (now - self.emptied_since) * HELD_SEC)
                self.emptied, self.emptied_since = 0, now
        self.size = max(window.size, min(wanted, size * GROWTH, self.widest), size // GROWTH)

    def claims(self, window: Window) -> Window:
        """The window for a claim: during a backlog only entries idle for longer, else more of those set aside."""
        if not self.widest:
            return window
        if self.window(window) > window.size:
            return replace(window, base_idle_ms=max(window.base_idle_ms, CROWDED_IDLE_MS))
        return replace(window, max_waiting=2 * MAX_TOGETHER)

    def was_claimed(self, batch: Batch) -> None:
        """Update after a claim: its entries may be another consumer's, and fill the window."""
        if batch.entries:
            self.room = self.size = self.held = 0

    def failed(self, now: float) -> None:
        """Pause this stream after an error. Then it is read first, alone, before a wait together with other streams."""
        self.room, self.retry_at = 0, now + ERROR_SEC

    def was_waited_for(self, found: int) -> None:
        """Update the room after a wait that returned ``found`` entries."""
        self.room -= found
