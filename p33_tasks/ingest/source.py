"""One stream as an ingest reads it, and when its window has to be looked at: each look takes time from the pool."""

from __future__ import annotations

from dataclasses import dataclass, replace

from p33_tasks.contract.entries import MAX_TOGETHER
from p33_tasks.ingest.handlers import Handler
from p33_tasks.store.batches import Batch, Window

ERROR_SEC = 0.25
PATIENCE_SEC = 0.006
"""Half a window is read at once, or after so long what there is room for: a batch of two costs little more than one."""
GROWTH = 4
"""From read to read, at most: a window of 4 takes 128 within some milliseconds of a burst."""
HELD_SEC = 0.5
"""A wide window takes what the pool empties in so long ..."""
CROWDED_IDLE_MS = 1_000
"""... well below the idle time after which an entry behind others is sent again meanwhile."""
PROOF_SEC = 0.01
"""How fast the pool empties it is measured over so long at least."""
ASK_SEC = 1.0
"""A stream is read at least this often, however calm: a read counts what was trimmed, and names an idle reader. Less
than a socket's time-out: a wait that was repeated on its way may have delivered entries that nobody here has seen."""


@dataclass
class Source:
    """One stream and what its entries need. Times are ``time.monotonic``, in seconds."""

    stream: str
    handler: Handler
    size: int = 0  # of its window now; 0: as configured
    widest: int = 0  # ... while a backlog waits; 0: never wider than configured
    held: int = 0  # entries in the window after the last read, where that filled it; 0: it didn't
    emptied: int = 0  # how many of those were acknowledged ...
    emptied_since: float = 0.0  # ... since then
    next_start: str = "-"
    retry_at: float = 0.0  # after an error one stream rests, and the other goes on
    room: int = 0  # entries that fit into the window at least; acknowledgements since then made it more
    asked_at: float = 0.0
    full_since: float | None = None

    def has_to_be_read(self, now: float) -> bool:
        """Whether waiting for its next entry isn't enough."""
        return self.room < 1 or now >= self.asked_at + ASK_SEC

    def least(self, now: float, window: Window) -> int:
        """The room that is worth a read."""
        is_patient = self.full_since is None or now < self.full_since + PATIENCE_SEC
        return min(max(1, self.window(window) // 2), MAX_TOGETHER) if is_patient else 1

    def window(self, configured: Window) -> int:
        """How many entries it may hold now."""
        return self.size or configured.size

    def was_read(self, now: float, batch: Batch, window: Window) -> None:
        """Note what a read found, and how wide the window may be for the next."""
        size = self.window(window)
        if self.widest and (batch.entries or batch.room):
            self._resize(now, size, size - len(batch.entries) - batch.room, window, is_backlog=not batch.room)
        self.room, self.asked_at = batch.room, now
        if batch.room or batch.entries:
            self.full_since = None
        elif self.full_since is None:
            self.full_since = now

    def _resize(self, now: float, size: int, held: int, window: Window, *, is_backlog: bool) -> None:
        """Follow the backlog, no faster than the pool proves to empty the window.

        What waits behind a wide window of a slow pool would look lost, and be sent a second time.
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
        """What a claim may take: in a backlog only what waited for longer, in calm more of what made way for it."""
        if not self.widest:
            return window
        if self.window(window) > window.size:
            return replace(window, base_idle_ms=max(window.base_idle_ms, CROWDED_IDLE_MS))
        return replace(window, max_waiting=2 * MAX_TOGETHER)

    def was_claimed(self, batch: Batch) -> None:
        """Note what a claim took: it may have been another's, and fill the window."""
        if batch.entries:
            self.room = self.size = self.held = 0

    def failed(self, now: float) -> None:
        """Leave it alone for a while; then it is read, which hits nobody else, before it is waited for with others."""
        self.room, self.retry_at = 0, now + ERROR_SEC

    def was_waited_for(self, found: int) -> None:
        """Note how many entries came."""
        self.room -= found
