"""Reads the streams for one worker and sends their entries as tasks.

1. It has at most one window of unacknowledged entries per stream: the backlog stays in the stream, the broker's queue
   stays short, and a waiting entry isn't mistaken for a lost one.
2. An entry idle for too long, under any consumer, is claimed and sent again, with growing delays. Not while the
   broker's queue has at least as many messages as entries are pending: the first message still waits there.
3. Only a commit acknowledges; the ingest itself commits what it settles.
4. The loop continues after any error of Redis, the broker or an entry.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from p33_tasks.errors import P33Error, StoreError
from p33_tasks.ingest.consumer_name import ConsumerName
from p33_tasks.ingest.handlers import TaskMessage
from p33_tasks.ingest.publisher import Publisher, PublishError
from p33_tasks.ingest.source import ERROR_SEC, Source
from p33_tasks.ingest.together import together
from p33_tasks.log_events import LogEvent
from p33_tasks.store.batches import Batch, Entry, Window
from p33_tasks.store.entries import RedisEntries

log = structlog.get_logger("p33.ingest")

CLAIM_SEC = 0.05
CLEAN_SEC = 60.0
BLOCK_MS = 100
FULL_SEC = 0.002
SPARSE_SEC, CALM_SEC = 0.001, 0.02
"""If entries come one by one after a wait, the loop waits again for this time, instead of reading."""
REPEAT_LOG_SEC = 10.0


@dataclass
class Ingest:
    """One ingest process."""

    entries: RedisEntries
    sources: Sequence[Source]
    publisher: Publisher
    window: Window
    name: ConsumerName
    processes: int = 2  # in the worker's pool
    stopping: threading.Event = field(default_factory=threading.Event)
    is_orphaned: Callable[[], bool] = lambda: False
    show_life: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self._due: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._clock_ms = 0  # Redis TIME minus our monotonic clock
        self._calm_until = 0.0  # monotonic
        self._read_sec = 0.0  # round-trip time of the last read

    def run(self) -> None:
        """Run until a stop is requested, or the worker has ended."""
        try:
            while not self.stopping.is_set() and not self.is_orphaned():
                self.show_life()
                self._guarded(self.step)
        finally:
            self._guarded(self.publisher.end)
            self._guarded(self.name.give_back)

    def step(self) -> None:
        """One round: keep the name, send idle entries again, read new ones, wait for more."""
        self._keep_name()
        self._tell()
        if self._is_due("clean", CLEAN_SEC):
            self._remove_idle_consumers()
        if self._is_due("claim", CLAIM_SEC):
            for source in self._healthy():
                self._claim(source)
        now = time.monotonic()
        due = [source for source in self._healthy() if now >= self._calm_until or source.has_to_be_read(now)]
        if not due or not self._read(due):
            self._wait()

    def _keep_name(self) -> None:
        before = self.name.value
        self.name.keep()
        if self.name.value != before:
            self._calm_until = 0.0  # entries may be pending under this name: read first

    # --- reading ----------------------------------------------------------------------------------------------------

    def _healthy(self) -> list[Source]:
        now = time.monotonic()
        return [source for source in self.sources if source.retry_at <= now]

    def _failed(self, source: Source, error: StoreError) -> None:
        self._say(LogEvent.STORE_ERROR, error)
        source.failed(time.monotonic())

    def _claim(self, source: Source) -> None:
        try:
            batch = self.entries.claim(source.stream, self.name.value, source.claims(self.window), source.next_start)
        except StoreError as error:
            self._failed(source, error)
            return
        source.next_start = batch.next_start
        source.was_claimed(batch)
        messages = self._handled(source, batch)
        if messages and self._reaches_workers(source, messages, batch.pending):
            log.info(LogEvent.SENT_AGAIN, stream=source.stream, entries=len(messages))
            self._publish(messages)

    def _reaches_workers(self, source: Source, messages: Sequence[TaskMessage], pending: int) -> bool:
        """Whether to send another message; False while the first one probably still waits in the broker's queue."""
        try:
            waiting = self.publisher.waiting(messages[0].name)
        except PublishError as error:
            self._rest(error)
            return False
        if waiting >= pending:
            log.info(LogEvent.QUEUE_BEHIND, stream=source.stream, waiting=waiting, pending=pending)
        return waiting < pending

    def _read(self, sources: Sequence[Source]) -> bool:
        """Read these streams in one round trip; returns whether there were entries."""
        now = time.monotonic()
        asked = [(s.stream, s.least(now, self.window), s.window(self.window)) for s in sources]
        batches = self.entries.read_each(asked, self.name.value, self.window)
        self._read_sec = time.monotonic() - now
        messages: list[TaskMessage] = []
        found = False
        for source, batch in zip(sources, batches, strict=True):
            if isinstance(batch, StoreError):
                self._failed(source, batch)
                continue
            source.was_read(now, batch, self.window)
            self._say_late(source, batch.aside)
            messages += self._handled(source, batch)
            found = found or bool(batch.entries)
        self._publish(messages)
        return found

    def _wait(self) -> None:
        """Wait for a new entry, for a short time only, since idle entries must be claimed too."""
        healthy = self._healthy()
        if not healthy:
            self.stopping.wait(ERROR_SEC)
            return
        if any(source.room < 1 for source in healthy):
            self.stopping.wait(FULL_SEC)
            return
        # Each has room for at least one. One only: if an answer is lost, the request is repeated, and each time Redis
        # delivers other entries.
        began = time.monotonic()
        found = self.entries.wait([s.stream for s in healthy], self.name.value, count=1, timeout_ms=BLOCK_MS)
        ended = time.monotonic()
        is_sparse = ended - began >= SPARSE_SEC + self._read_sec
        self._calm_until = ended + CALM_SEC if is_sparse else 0.0
        messages: list[TaskMessage] = []
        for source in healthy:
            mine = tuple(entry for entry in found if entry.where.stream == source.stream)
            source.was_waited_for(len(mine))
            messages += self._handled(source, Batch(now_ms=0, entries=mine))
        self._publish(messages)

    def _publish(self, messages: Sequence[TaskMessage]) -> None:
        if not messages:
            return
        try:
            self.publisher.publish(together(messages, processes=self.processes, alone=self.window.size))
        except PublishError as error:
            self._rest(error)

    def _tell(self) -> None:
        try:
            self.publisher.tell()
        except PublishError as error:  # sending the next tasks reports it too
            self._say(LogEvent.BROKER_AWAY, error)

    def _handled(self, source: Source, batch: Batch) -> list[TaskMessage]:
        now_ms = self._redis_now_ms(batch)
        settled = self._settled(source, batch, now_ms)
        entries = (entry for entry in batch.entries if entry.where.entry_id not in settled)
        return [m for m in (self._message(source, entry, now_ms) for entry in entries) if m is not None]

    def _settled(self, source: Source, batch: Batch, now_ms: int) -> frozenset[str]:
        try:
            return source.handler.settled(batch.entries, now_ms) if batch.entries else frozenset()
        except StoreError as error:
            self._say(LogEvent.STORE_ERROR, error)
            return frozenset()
        except Exception:  # nothing is lost: each becomes a task
            log.exception(LogEvent.ENTRY_FAILED, stream=source.stream)
            return frozenset()

    def _message(self, source: Source, entry: Entry, now_ms: int) -> TaskMessage | None:
        try:
            return source.handler.handle(entry, now_ms)
        except StoreError as error:  # stays pending
            self._say(LogEvent.STORE_ERROR, error)
        except Exception:  # one entry must not block later ones; it stays pending and is sent again
            log.exception(LogEvent.ENTRY_FAILED, stream=source.stream, entry_id=entry.where.entry_id)
        return None

    def _redis_now_ms(self, batch: Batch) -> int:
        """Redis TIME in ms: from this batch, or from an earlier one plus the time since; renewed often enough."""
        since_start_ms = int(time.monotonic() * 1000)
        if batch.now_ms:
            self._clock_ms = batch.now_ms - since_start_ms
        return self._clock_ms + since_start_ms

    def _remove_idle_consumers(self) -> None:
        for source in self.sources:
            for name in self.entries.remove_idle_consumers(source.stream):
                log.info(LogEvent.CONSUMER_REMOVED, stream=source.stream, consumer=name)

    # --- going on ---------------------------------------------------------------------------------------------------

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except P33Error as error:
            self._say(LogEvent.STORE_ERROR, error)
            self.stopping.wait(ERROR_SEC)
        except Exception:  # a bug must not end the loop, and must be logged
            log.exception(LogEvent.INGEST_FAILED)
            self.stopping.wait(ERROR_SEC)

    def _rest(self, error: PublishError) -> None:
        self._say(LogEvent.BROKER_AWAY, error)
        self.stopping.wait(ERROR_SEC)

    def _is_due(self, what: str, every_sec: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_sec
        return True

    def _say_late(self, source: Source, aside: int) -> None:
        if aside and self._is_due("late", REPEAT_LOG_SEC):
            log.warning(LogEvent.MADE_WAY, stream=source.stream, entries=aside, waited_ms=self.window.late_ms)

    def _say(self, event: LogEvent, error: Exception) -> None:
        """Log an error at most once per interval: else the log would fill the disk while Redis is away."""
        now, text = time.monotonic(), f"{event} {error}"
        if now >= self._said.get(text, 0.0):
            self._said = {t: until for t, until in self._said.items() if until > now}
            self._said[text] = now + REPEAT_LOG_SEC
            log.error(event, error=str(error))
