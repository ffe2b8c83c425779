"""What the ingest reads of a stream: windows, entries, batches."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.contract.entries import Fields, chars_of, time_ms_of
from p33_tasks.ports import StreamEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much of a stream one consumer holds unacknowledged, and when it sends an entry again."""

    size: int
    base_idle_ms: int = 250  # idle for base x 2^(deliveries - 1) ...
    max_idle_ms: int = 10_000  # ... but no longer
    max_deliveries: int = 4  # delivered more often, an entry is slow: it no longer fills the window
    trimmed_ms: int = 15_000  # past this no task holds an entry that is gone: each has 10 s. Results: sent as often
    max_waiting: int = 2  # of the entries set aside, so many are sent again at a time
    late_ms: int = 0  # an entry that waited longer makes way for younger ones; 0: none does
    max_late: int = 1_000  # ... so many in one read
    max_slow: int = 256  # ... for so many, or a failing store would drain the whole stream into the pending list


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a stream."""

    where: StreamEntry
    fields: Fields  # undecodable bytes are lone surrogates; a field named twice with two values is a list
    deliveries: int  # this one included

    @property
    def chars(self) -> int:
        """Its size, about."""
        return chars_of(self.fields)

    @property
    def time_ms(self) -> int:
        """When it was added, by its id: Redis's own time."""
        return time_ms_of(self.where.entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResult:
    """What Redis holds of a result that a task names."""

    now_ms: int  # Redis TIME
    time_ms: int  # when the entry was added: the earlier of its id's time and its first reading
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one look at a stream found."""

    now_ms: int  # Redis TIME
    entries: tuple[Entry, ...] = ()
    room: int = 0  # of a read: how many more entries the window takes; 0 also where that wasn't worth a read
    next_start: str = "-"  # where the next search for idle entries goes on
    pending: int = 0  # of a claim: entries that the group holds unacknowledged, whoever has them
    aside: int = 0  # of a read: entries that made way for younger ones
