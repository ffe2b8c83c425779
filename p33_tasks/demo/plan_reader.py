"""Reads the plan stream with a separate consumer group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import redis
import structlog

from p33_tasks.contract.plans import is_executable, parse_plan
from p33_tasks.domain.models import Plan
from p33_tasks.errors import InvalidMessageError, StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.store.scripts import translated_errors

MAX_AGE_MS = 60_000
"""Plans older than this at the first reading are ignored: the brain denies them, and their executor gave up."""

_PAGE = 100

log = structlog.get_logger("p33.demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEntry:
    """One delivery of a plan."""

    entry_id: str
    fields: Mapping[str, str]
    redelivered: bool  # it was delivered before, to this consumer name
    read_ms: int = 0  # Redis TIME when it was read

    @property
    def added_ms(self) -> int:
        """Redis time in ms at which the entry was added."""
        return int(self.entry_id.partition("-")[0])


class PlanReader:
    """Reads the plan stream for the executor or the governor.

    The consumer name is stable: entries left pending by a crashed process are found under the same name.
    """

    def __init__(self, client: redis.Redis, stream: str, *, group: str, consumer: str) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._consumer = consumer

    def new(self, *, count: int, block_ms: int) -> list[PlanEntry]:
        """Entries not delivered to the group before; waits up to ``block_ms`` for the first.

        Raises:
            StoreError: Redis is unavailable.
        """
        return self._read(">", count=count, block_ms=block_ms)

    def pending(self) -> Iterator[PlanEntry]:
        """Entries delivered under our name and not acknowledged yet, oldest first.

        Raises:
            StoreError: Redis is unavailable.
        """
        after = "0"
        while page := self._read(after, count=_PAGE):
            yield from (entry for entry in page if entry.fields)
            for trimmed in (entry.entry_id for entry in page if not entry.fields):
                self.acknowledge(trimmed)
            after = page[-1].entry_id

    def acknowledge(self, entry_id: str) -> None:
        """Remove an entry from the pending list."""
        with translated_errors():
            self._client.xack(self._stream, self._group, entry_id)

    def plan_of(self, entry: PlanEntry) -> Plan | None:
        """The plan to execute; None, and acknowledged, for an entry without an action or one that is too old.

        Raises:
            StoreError: Redis is unavailable.
        """
        plan = self._readable(entry)
        if plan is not None and not entry.redelivered and entry.read_ms - entry.added_ms > MAX_AGE_MS:
            log.info(LogEvent.PLAN_TOO_OLD, group=self._group, plan_id=plan.plan_id, max_age_sec=MAX_AGE_MS // 1000)
            plan = None
        if plan is None:
            self.acknowledge(entry.entry_id)
        return plan

    def _readable(self, entry: PlanEntry) -> Plan | None:
        if not is_executable(entry.fields):
            return None
        try:
            return parse_plan(entry.fields, issued_ms=entry.added_ms, from_stream=True)
        except InvalidMessageError as error:
            log.info(LogEvent.PLAN_UNREADABLE, group=self._group, entry_id=entry.entry_id, error=str(error))
            return None

    def _read(self, after: str, *, count: int, block_ms: int | None = None) -> list[PlanEntry]:
        try:
            with translated_errors(), self._client.pipeline(transaction=False) as pipeline:
                pipeline.xreadgroup(self._group, self._consumer, {self._stream: after}, count=count, block=block_ms)
                pipeline.time()
                reply, (seconds, microseconds) = pipeline.execute()
        except StoreError as error:
            if "NOGROUP" not in str(error):
                raise
            self._create_group()
            return []
        return [
            PlanEntry(
                entry_id=entry_id,
                fields=fields or {},
                redelivered=after != ">",
                read_ms=int(seconds) * 1000 + int(microseconds) // 1000,
            )
            for _, entries in (reply or [])
            for entry_id, fields in entries
        ]

    def _create_group(self) -> None:
        """Create the group at the stream's beginning, so that plans added before the start are read, too."""
        try:
            with translated_errors():
                self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except StoreError as error:
            if "BUSYGROUP" not in str(error):
                raise
