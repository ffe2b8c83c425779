"""How often the ingest asks: each look at the window takes time from those who empty it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from p33_tasks.errors import ForeignKeyTypeError, StoreError
from p33_tasks.ingest import loop as module
from p33_tasks.ingest.handlers import TaskMessage
from p33_tasks.ingest.loop import Ingest
from p33_tasks.ingest.source import Source
from p33_tasks.ports import StreamEntry
from p33_tasks.store.batches import Batch, Entry, Window
from p33_tasks.store.connection import SOCKET_TIMEOUT_SEC

STREAM = "stream"


def _entry(number: int) -> Entry:
    return Entry(where=StreamEntry(stream=STREAM, entry_id=f"{number}-0"), fields={}, deliveries=1)


@dataclass
class Clock:
    """Stands where the ingest reads the time and sleeps."""

    now_sec: float = 1_000.0

    def monotonic(self) -> float:
        return self.now_sec


@dataclass
class Entries:
    """A stream whose answers the test writes down beforehand; notes what it was asked."""

    clock: Clock
    reads: list[Batch] = field(default_factory=list)
    waits: list[tuple[float, int]] = field(default_factory=list)  # seconds that it takes, entries found
    claims: list[Batch] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    number: int = 0
    broken: str = ""  # a stream whose key holds another type
    way_sec: float = 0.0  # to Redis and back

    def read_each(
        self,
        streams: Sequence[tuple[str, int, int]],
        consumer: str,  # noqa: ARG002 - the store's
        window: Window,
    ) -> list[Batch | StoreError]:
        self.clock.now_sec += self.way_sec
        return [self._read(stream, least, window) for stream, least, _ in streams]

    def _read(self, stream: str, least: int, window: Window) -> Batch | StoreError:
        self.asked.append(f"read {least}" if stream == STREAM else f"read {stream}")
        if stream == self.broken:
            return ForeignKeyTypeError("another type")
        return self.reads.pop(0) if self.reads else Batch(now_ms=1, room=window.size)

    def wait(self, streams: Sequence[str], consumer: str, *, count: int, timeout_ms: int) -> tuple[Entry, ...]:  # noqa: ARG002
        self.asked.append("wait" if STREAM in streams and len(streams) == 1 else f"wait {' '.join(streams)}")
        if self.broken in streams:
            raise ForeignKeyTypeError("another type")
        took_sec, found = self.waits.pop(0) if self.waits else (timeout_ms / 1000, 0)
        self.clock.now_sec += took_sec
        return tuple(self.next_entry() for _ in range(found))

    def claim(self, stream: str, consumer: str, window: Window, start: str) -> Batch:  # noqa: ARG002 - the store's
        return self.claims.pop(0) if self.claims else Batch(now_ms=1)

    def remove_idle_consumers(self, stream: str) -> list[str]:  # noqa: ARG002 - the store's
        return []

    def next_entry(self) -> Entry:
        self.number += 1
        return _entry(self.number)


@dataclass
class Publisher:
    """Takes everything."""

    sent: list[TaskMessage] = field(default_factory=list)
    batches: list[Sequence[TaskMessage]] = field(default_factory=list)
    ended: bool = False

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        self.batches.append(messages)
        self.sent += messages

    def waiting(self, task: str) -> int:  # noqa: ARG002 - the broker's
        return 0

    def tell(self) -> None:
        """Nobody listens."""

    def end(self) -> None:
        self.ended = True


class Handler:
    def handle(self, entry: Entry, now_ms: int) -> TaskMessage:  # noqa: ARG002 - a handler's
        return TaskMessage(name="task", task_id=entry.where.entry_id, kwargs={})


class Name:
    value = "host-1"

    next_value = "host-1"

    def keep(self) -> None:
        self.value = self.next_value

    def give_back(self) -> None:
        """The next may have it."""


class Pauses(threading.Event):
    """Pauses that only move the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now_sec += timeout or 0
        return False


@dataclass
class Scene:
    clock: Clock
    entries: Entries
    publisher: Publisher
    ingest: Ingest

    def steps(self, count: int) -> list[str]:
        """What was asked in so many steps."""
        self.entries.asked.clear()
        for _ in range(count):
            self.ingest.step()
        return list(self.entries.asked)


@pytest.fixture
def scene(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    entries, publisher = Entries(clock), Publisher()
    typed: Any = entries
    ingest = Ingest(
        entries=typed,
        sources=[Source(stream=STREAM, handler=Handler())],
        publisher=publisher,
        window=Window(size=4),
        name=Name(),  # type: ignore[arg-type]  # the part that is used
        stopping=Pauses(clock),
    )
    return Scene(clock, entries, publisher, ingest)


def test_entries_that_come_one_by_one_are_waited_for_without_asking_for_the_window(scene):
    scene.entries.waits = [(0.005, 1)] * 3
    assert scene.steps(3) == ["read 2", "wait", "wait", "wait"]
    assert len(scene.publisher.sent) == 3


def test_the_window_is_asked_for_when_it_may_be_full(scene):
    scene.entries.waits = [(0.005, 1)] * 4
    scene.entries.reads = [Batch(now_ms=1, room=4), Batch(now_ms=1, room=0)]
    assert scene.steps(4) == ["read 2", "wait", "wait", "wait", "wait"]
    assert scene.steps(1) == ["read 2"], "four were handed on, and nobody said that one is done"


def test_entries_that_need_no_waiting_are_read_as_many_as_there_is_room_for(scene):
    """Behind the first one stand others: one question for all of them, not one each."""
    scene.entries.waits = [(0.0002, 1)]
    assert scene.steps(2) == ["read 2", "wait", "read 2", "wait"]


def test_a_stream_that_was_not_looked_at_for_a_while_is_read_first(scene):
    """A producer may have trimmed unread entries since, and only a read counts them."""
    scene.entries.waits = [(0.005, 1)] * 9
    scene.steps(1)
    scene.clock.now_sec += module.CALM_SEC
    assert scene.steps(1) == ["read 2", "wait"]


def test_an_idle_stream_is_read_once_a_second(scene):
    asked = scene.steps(25)
    assert asked.count("wait") == 25
    assert asked.count("read 2") == 3, "25 waits of 100 ms each"


def test_claimed_entries_take_room(scene):
    scene.entries.waits = [(module.CLAIM_SEC, 1)] * 9
    scene.steps(1)
    scene.entries.claims = [Batch(now_ms=1, entries=(_entry(77),), pending=1)]
    assert scene.steps(1) == ["read 2", "wait"]


def test_half_a_window_is_read_at_once_and_less_after_a_while(scene):
    scene.entries.reads = [Batch(now_ms=1, room=0)] * 20
    asked = scene.steps(6)
    assert asked[:3] == ["read 2"] * 3
    assert asked[-1] == "read 1"
    assert scene.clock.now_sec == pytest.approx(1_000 + 6 * module.FULL_SEC)


def test_patience_begins_anew_after_entries_were_read(scene):
    full = Batch(now_ms=1, room=0)
    scene.entries.reads = [full] * 4 + [Batch(now_ms=1, room=0, entries=(_entry(1),))] + [full] * 4
    assert scene.steps(6) == ["read 2"] * 4 + ["read 1", "read 2"]


def test_a_window_of_one_is_read_when_it_is_empty(scene):
    scene.ingest.window = Window(size=1)
    assert scene.steps(1) == ["read 1", "wait"]


def test_a_stream_that_fails_later_is_not_waited_for_together_with_a_sound_one(scene):
    scene.ingest.sources = [*scene.ingest.sources, Source(stream="other", handler=Handler())]
    scene.entries.waits = [(0.005, 1)] * 99
    assert scene.steps(1) == ["read 2", "read other", "wait stream other"]
    scene.entries.broken = "other"
    scene.clock.now_sec += module.CALM_SEC
    asked = scene.steps(2 + int(module.ERROR_SEC / 0.005))
    assert "wait stream other" not in asked
    assert asked.count("read other") == 2, "at first, and when its rest was over"


def test_under_another_name_the_window_is_asked_for(scene):
    scene.entries.waits = [(0.005, 1)] * 9
    scene.steps(1)
    scene.ingest.name.next_value = "host-2"
    assert scene.steps(2) == ["read 2", "wait", "wait"]


def test_after_a_wait_that_was_repeated_on_the_way_the_window_is_asked_for(scene):
    """Each try may have delivered an entry whose answer was lost; a try takes as long as a socket's time-out."""
    scene.entries.waits = [(SOCKET_TIMEOUT_SEC, 1), (0.005, 1)]
    scene.steps(1)
    assert scene.steps(1) == ["read 2", "wait"]


def test_a_long_way_to_redis_is_no_calm(scene):
    """Behind each entry may stand others, and the way alone takes longer than an entry that comes by itself."""
    scene.entries.way_sec = 0.004
    scene.entries.waits = [(0.0045, 1)] * 9
    assert scene.steps(2) == ["read 2", "wait", "read 2", "wait"]


def test_at_the_end_listeners_are_told_what_is_left(scene):
    scene.ingest.stopping.set()
    scene.ingest.run()
    assert scene.publisher.ended


def test_what_several_streams_hold_is_sent_in_one_batch(scene):
    scene.ingest.sources = [*scene.ingest.sources, Source(stream="other", handler=Handler())]
    scene.entries.reads = [Batch(now_ms=1, room=3, entries=(_entry(n),)) for n in (1, 2)]
    scene.steps(1)
    assert [len(batch) for batch in scene.publisher.batches] == [2]
