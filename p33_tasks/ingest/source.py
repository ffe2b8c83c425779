"""One stream as an ingest reads it, and when its window has to be looked at: each look takes time from the pool."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.ingest.handlers import Handler
from p33_tasks.store.entries import Batch, Window

ERROR_SEC = 0.25
PATIENCE_SEC = 0.006
"""Half a window is read at once, or after so long what there is room for: a batch of two costs little more than one."""
ASK_SEC = 1.0
"""A stream is read at least this often, however calm: a read counts what was trimmed, and names an idle reader. Less
than a socket's time-out: a wait that was repeated on its way may have delivered entries that nobody here has seen."""


@dataclass
class Source:
    """One stream and what its entries need. Times are ``time.monotonic``, in seconds."""

    stream: str
    handler: Handler
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
        return max(1, window.size // 2) if is_patient else 1

    def was_read(self, now: float, batch: Batch) -> None:
        """Note what a read found."""
        self.room, self.asked_at = batch.room, now
        if batch.room or batch.entries:
            self.full_since = None
        elif self.full_since is None:
            self.full_since = now

    def was_claimed(self, batch: Batch) -> None:
        """Note what a claim took: it may have been another's, and fill the window."""
        if batch.entries:
            self.room = 0

    def failed(self, now: float) -> None:
        """Leave it alone for a while; then it is read, which hits nobody else, before it is waited for with others."""
        self.room, self.retry_at = 0, now + ERROR_SEC

    def was_waited_for(self, found: int) -> None:
        """Note how many entries came."""
        self.room -= found
