"""Stream access for the ingest: reads within a window, claims of idle entries, consumer names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import redis.exceptions

from p33_tasks.contract.entries import ENTRY_COPY_TTL_SEC, MAX_ENTRY_CHARS, copy_of, fields_of, flat_of
from p33_tasks.contract.keys import GROUP, WAITING, Keys
from p33_tasks.contract.plans import EMERGENCY
from p33_tasks.errors import StoreError
from p33_tasks.ports import StreamEntry
from p33_tasks.store.batches import Batch, Entry, FoundResult, Window
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

CONSUMER_IDLE_MS = 300_000
"""Idle time after which a killed ingest's name is removed; a running one has a lease, and can make its name again."""


class RedisEntries:
    """Reads and claims stream entries. Every method is safe to repeat."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys
        # redis-py would merge a field that occurs twice.
        client.set_response_callback("XREADGROUP", lambda reply, **_: reply)

    def read(self, stream: str, consumer: str, window: Window, least: int = 1) -> Batch:
        """As ``read_each``, for one stream.

        Raises:
            StoreError: Redis is away, or the stream's key has another type.
        """
        (found,) = self.read_each([(stream, least, window.size)], consumer, window)
        if isinstance(found, StoreError):
            raise found
        return found

    def read_each(
        self, streams: Sequence[tuple[str, int, int]], consumer: str, window: Window
    ) -> list[Batch | StoreError]:
        """The next new entries of each stream, as many as its window has room for, without blocking.

        Args:
            streams: Keys, each with the least room for which to read, and the size of its window.
            consumer: The consumer's name.
            window: The limits for each stream.

        Returns:
            For each stream its entries or its error.

        Raises:
            StoreUnavailableError: Redis can't be reached.
        """
        calls = [self._read_call(stream, consumer, window, least, size) for stream, least, size in streams]
        replies = self._scripts.run_each("read_entries", calls)
        return [self._found(stream, reply) for (stream, *_), reply in zip(streams, replies, strict=True)]

    def _read_call(
        self, stream: str, consumer: str, window: Window, least: int, size: int
    ) -> tuple[dict[str, str], dict[str, str | int]]:
        is_plans = stream == self._keys.plans  # a late result is as useful
        more: dict[str, str | int] = {
            "min_room": least,
            "window_size": size,
            "late_ms": window.late_ms if is_plans else 0,
            "late_limit": window.max_late,
            "urgent_decision": EMERGENCY,
        }
        return self._call(stream, consumer, window, more)

    def _found(self, stream: str, reply: list[Any] | StoreError) -> Batch | StoreError:
        if isinstance(reply, StoreError):
            return reply
        if reply[0] == "no_group":
            try:
                self._create_group(stream)
            except StoreError as error:  # the other streams' entries were delivered, and must be returned
                return error
            return Batch(now_ms=0)
        _, now_ms, room, rows, aside = reply
        entries = tuple(_entry(stream, row[0], row[1], 1) for row in rows)
        return Batch(now_ms=int(now_ms), entries=entries, room=int(room), aside=int(aside))

    def claim(self, stream: str, consumer: str, window: Window, start: str = "-") -> Batch:
        """Claim entries of any consumer whose idle time is over, to send them again."""
        more: dict[str, str | int] = {
            "base_idle_ms": window.base_idle_ms,
            "max_idle_ms": window.max_idle_ms,
            "start_id": start,
            "max_entries": max(window.size, window.max_waiting, 16),
            "waiting_limit": window.max_waiting,
            "trimmed_idle_ms": window.trimmed_ms,
        }
        reply = self._scripts.run("claim_entries", *self._call(stream, consumer, window, more))
        if reply[0] == "no_group":
            self._create_group(stream)
            return Batch(now_ms=0)
        _, now_ms, next_start, rows, pending_in_all = reply
        return Batch(
            now_ms=int(now_ms),
            entries=tuple(_entry(stream, row[0], row[1], int(row[2]) + 1) for row in rows),
            next_start=next_start or "-",
            pending=int(pending_in_all),
        )

    def wait(self, streams: Sequence[str], consumer: str, *, count: int, timeout_ms: int) -> tuple[Entry, ...]:
        """Block until there are new entries; at most ``count`` per stream. Results are copied, as by a read."""
        with translated_errors():
            try:
                reply: Any = self._client.xreadgroup(
                    GROUP, consumer, dict.fromkeys(streams, ">"), count=count, block=timeout_ms
                )
            except redis.exceptions.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                return ()
        rows = reply.items() if isinstance(reply, dict) else reply or []
        found = [(stream, entry_id, flat) for stream, items in rows for entry_id, flat in items]
        self._copy([(entry_id, flat) for stream, entry_id, flat in found if stream == self._keys.results])
        return tuple(_entry(stream, entry_id, flat, 1) for stream, entry_id, flat in found)

    def _copy(self, results: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Copy results after a blocking read, which can't be part of a script, before they are handled."""
        kept = {entry_id: copy_of(flat) for entry_id, flat in results if sum(map(len, flat)) <= MAX_ENTRY_CHARS}
        if not kept:
            return
        with translated_errors(), self._client.pipeline(transaction=False) as pipeline:
            for entry_id, copy in kept.items():
                raw = copy.encode("utf-8", "surrogateescape")
                pipeline.set(self._keys.entry_copy(entry_id), raw, ex=ENTRY_COPY_TTL_SEC)
            pipeline.execute()

    def find_result(self, entry: StreamEntry) -> FoundResult | None:
        """The result from the stream, else from its copy; None if both are gone.

        Raises:
            StoreError: Redis is away, or a key has another type.
            InvalidMessageError: The copy can't be read.
        """
        keys = self._keys
        reply = self._scripts.run(
            "load_result",
            {
                "results_key": keys.results,
                "copy_key": keys.entry_copy(entry.entry_id),
                "first_seen_key": keys.results_first_seen,
                "counters_key": keys.counters,
            },
            {"entry_id": entry.entry_id, "ahead_counter": ahead_counter("result")},
        )
        _, now_ms, time_ms, flat, copy = reply
        if flat is None and copy is None:
            return None
        fields = fields_of(flat if flat is not None else flat_of(copy))
        return FoundResult(now_ms=int(now_ms), time_ms=int(time_ms), fields=fields)

    def set_aside(self, entry: StreamEntry) -> None:
        """Set aside an entry that can't be recorded now, so that later ones are read. It stays pending."""
        arguments = {"group": GROUP, "consumer": WAITING, "entry_id": entry.entry_id}
        self._scripts.run("set_aside", {"stream_key": entry.stream}, arguments)

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off the pending list."""
        with translated_errors():
            self._client.xack(entry.stream, GROUP, entry.entry_id)

    def lease(self, consumer: str, token: str, ttl_ms: int) -> bool:
        """Take or renew a consumer name; False if another process has it."""
        lease_key = self._keys.consumer_lease(consumer)
        reply = self._scripts.run("lease_consumer", {"lease_key": lease_key}, {"token": token, "ttl_ms": ttl_ms})
        return str(reply[0]) == "mine"

    def release(self, consumer: str, token: str) -> None:
        """Release the name."""
        lease_key = self._keys.consumer_lease(consumer)
        self._scripts.run("release_consumer", {"lease_key": lease_key}, {"token": token})

    def remove_idle_consumers(self, stream: str, idle_ms: int = CONSUMER_IDLE_MS) -> list[str]:
        """Remove unused consumer names (no lease, nothing pending, idle for ``idle_ms``); returns them."""
        with translated_errors():
            try:
                consumers: Iterable[Any] = self._client.xinfo_consumers(stream, GROUP)
            except redis.exceptions.ResponseError as error:
                if "no such key" in str(error) or "NOGROUP" in str(error):
                    return []
                raise
        idle = [c["name"] for c in consumers if c["pending"] == 0 and c["idle"] >= idle_ms]
        return [name for name in idle if self._remove(stream, name, idle_ms)]

    def _remove(self, stream: str, consumer: str, idle_ms: int) -> bool:
        keys = {"stream_key": stream, "lease_key": self._keys.consumer_lease(consumer)}
        arguments: dict[str, str | int] = {"group": GROUP, "consumer": consumer, "min_idle_ms": idle_ms}
        return str(self._scripts.run("remove_consumer", keys, arguments)[0]) == "removed"

    def _call(
        self, stream: str, consumer: str, window: Window, more: Mapping[str, str | int]
    ) -> tuple[dict[str, str], dict[str, str | int]]:
        is_plans = stream == self._keys.plans
        label = "plan" if is_plans else "result"
        keys = {
            "stream_key": stream,
            "counters_key": self._keys.counters,
            "first_seen_key": self._keys.first_seen if is_plans else self._keys.results_first_seen,
            "copy_key_prefix": self._keys.entry_copy_prefix,
        }
        return keys, {
            "group": GROUP,
            "consumer": consumer,
            "window_size": window.size,
            "slow_deliveries": window.max_deliveries,
            "slow_limit": window.max_slow,
            "trimmed_counter": f"p33_trimmed_total|{label}",
            "ahead_counter": ahead_counter(label),
            "copy_ttl_sec": 0 if is_plans else ENTRY_COPY_TTL_SEC,  # a plan whose entry is gone is denied
            "copy_max_bytes": MAX_ENTRY_CHARS,
            "waiting_consumer": WAITING,
            **more,
        }

    def _create_group(self, stream: str) -> None:
        """Create the group at id 0, to read entries from before the first worker, or after Redis lost its data."""
        with translated_errors():
            try:
                self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except redis.exceptions.ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise


def ahead_counter(label: str) -> str:
    """The counter's name for entries whose id was ahead of Redis TIME at their first reading."""
    return f"p33_entry_ahead_total|{label}"


def _entry(stream: str, entry_id: str, flat: Sequence[str], deliveries: int) -> Entry:
    return Entry(where=StreamEntry(stream=stream, entry_id=entry_id), fields=fields_of(flat), deliveries=deliveries)
