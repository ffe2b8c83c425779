"""Types for reading streams: windows, entries, batches."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.contract.entries import Fields, chars_of, time_ms_of
from p33_tasks.ports import StreamEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many unacknowledged entries of a stream a consumer may have, and when it sends one again."""

    size: int
    base_idle_ms: int = 250  # sent again when idle for base x 2^(deliveries - 1) ...
    max_idle_ms: int = 10_000  # ... at most
    max_deliveries: int = 4  # an entry with more deliveries is slow, and not counted in the window ...
    trimmed_ms: int = 15_000  # then no task has a trimmed entry: a task has 10 s. Results: repeat period
    max_waiting: int = 2  # how many of the entries set aside are sent again at once
    late_ms: int = 0  # an entry that waited longer is set aside for younger ones; 0: never
    max_late: int = 1_000  # ... at most this many per read
    max_slow: int = 256  # ... up to this number, or a failing store would move the whole stream to the pending list


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a stream."""

    where: StreamEntry
    fields: Fields  # undecodable bytes are lone surrogates; a field with two different values is a list
    deliveries: int  # with this one

    @property
    def chars(self) -> int:
        """Its approximate size in characters."""
        return chars_of(self.fields)

    @property
    def time_ms(self) -> int:
        """When it was added: the time in its id, Unix milliseconds."""
        return time_ms_of(self.where.entry_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResult:
    """A result that a task names, as found in the stream or in its copy."""

    now_ms: int  # Redis TIME
    time_ms: int  # when the entry was added, ms: the earlier of its id's time and its first reading
    fields: Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The entries found by one read or claim."""

    now_ms: int  # Redis TIME
    entries: tuple[Entry, ...] = ()
    room: int = 0  # of a read: remaining room in the window; 0 also if the room was too small to read
    next_start: str = "-"  # where the next search for idle entries continues
    pending: int = 0  # of a claim: the group's pending entries, of all consumers
    aside: int = 0  # of a read: entries set aside for younger ones
