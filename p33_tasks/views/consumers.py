"""The consumers of the streams, and the age of their pending entries. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import redis as redis_py

from p33_tasks.contract.fingerprints import read_marks
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

MAX_SCANS = 50
SCAN_COUNT = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerView:
    """One consumer name in our group on one stream."""

    stream: str  # plans, results
    name: str
    pending: int
    is_alive: bool  # a process holds the lease on this name
    oldest_idle_ms: int  # of its oldest pending entry, since the last delivery; 0 if none is pending
    marks: Mapping[str, str] = field(default_factory=dict)  # hash of its settings; empty: not alive, or version 0.1


def read_consumers(client: redis.Redis, keys: Keys) -> tuple[ConsumerView, ...]:
    """All consumers of our group, in two round trips, and a bounded search if none of them is alive.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    streams = (("plans", keys.plans), ("results", keys.results))
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        for _, key in streams:
            pipeline.xinfo_consumers(key, GROUP)
        replies = pipeline.execute(raise_on_error=False)
        found = [
            (name, key, consumer)
            for (name, key), reply in zip(streams, replies, strict=True)
            if not isinstance(reply, redis_py.ResponseError)
            for consumer in reply
        ]
        for _, key, consumer in found:
            pipeline.get(keys.consumer_lease(consumer["name"]))
            # Ordered by entry id, so the first is the oldest entry; enough to detect that processing has stopped.
            pipeline.xpending_range(key, GROUP, min="-", max="+", count=1, consumername=consumer["name"])
        details = pipeline.execute()
        views = tuple(_views(found, details))
        if not any(view.is_alive for view in views):
            views += _idle_consumers(client, keys)
    return views


def _views(found: list[Any], details: list[Any]) -> Iterator[ConsumerView]:
    for at, (name, _, consumer) in enumerate(found):
        oldest = details[2 * at + 1]
        yield ConsumerView(
            stream=name,
            name=str(consumer["name"]),
            pending=int(consumer["pending"]),
            is_alive=details[2 * at] is not None,
            marks=read_marks(str(details[2 * at] or "")),
            oldest_idle_ms=int(oldest[0]["time_since_delivered"]) if oldest else 0,
        )


def _idle_consumers(client: redis.Redis, keys: Keys) -> tuple[ConsumerView, ...]:
    """Leases of consumers without any entry so far: before Redis 7 the group doesn't list them."""
    start = keys.consumer_lease("")
    cursor, names = 0, set[str]()
    for _ in range(MAX_SCANS):
        cursor, page = client.scan(cursor, match=f"{start}*", count=SCAN_COUNT)
        names.update(str(key).removeprefix(start) for key in page)
        if cursor == 0 or names:
            break
    leases = {name: client.get(f"{start}{name}") for name in names}
    return tuple(
        ConsumerView(
            stream=stream,
            name=name,
            pending=0,
            is_alive=True,
            oldest_idle_ms=0,
            marks=read_marks(str(leases[name] or "")),
        )
        for name in sorted(names)
        for stream in ("plans", "results")
    )


def other_prefixes(client: redis.Redis, keys: Keys) -> tuple[str, ...]:
    """Key prefixes of other accounts whose workers are alive on this Redis: a bounded search.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    own = keys.consumer_lease("")
    middle = own.removeprefix(keys.prefix)
    found, cursor = set[str](), 0
    with translated_errors():
        for _ in range(MAX_SCANS):
            cursor, page = client.scan(cursor, match=f"*{middle}*", count=SCAN_COUNT)
            found.update(str(key).partition(middle)[0] for key in page)
            if cursor == 0:
                break
    return tuple(sorted(found - {keys.prefix}))
