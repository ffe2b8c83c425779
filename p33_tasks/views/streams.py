"""The consumer group's progress on each stream, the age of its oldest waiting entry, and its readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

MAX_COUNTED = 1_000
"""Maximum of unread entries counted one by one, if the server (before Redis 7) doesn't report their number."""
GREATEST_ID = f"{2**64 - 1}-{2**64 - 1}"
MAX_AHEAD_MS = 1_000
"""Ids further ahead than this are reported, since a plan's age is computed from its id."""
MAX_CONSUMERS = 500
"""Maximum of consumer names whose leases are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """One stream, and our group on it."""

    name: str  # plans, results, dead_letters, decisions
    key: str
    length: int
    has_group: bool  # always False for streams that this service only writes
    pending: int  # read and not yet acknowledged
    unread: int  # added and not yet read
    unread_at_least: bool  # True: there are more
    consumers: int
    other_groups: tuple[str, ...]  # e.g. an executor's
    problem: str | None  # the error if it can't be read
    oldest_ms: int | None = None  # Redis TIME at which the oldest entry not yet acknowledged or read was added
    readers: int = 0  # ingest processes that are alive: consumers whose name is leased
    last_id: str | None = None  # id of the last added entry, also if it was deleted; None: no stream

    def ahead_ms(self, now_ms: int) -> int:
        """Milliseconds by which the last id is ahead of Redis TIME; 0: it isn't.

        New entries never get an id below the last one. Causes: the clock stepped back, or a producer sets its own ids.
        """
        return 0 if self.last_id is None else max(0, int(self.last_id.partition("-")[0]) - now_ms)

    @property
    def is_closed(self) -> bool:
        """Whether its last id is the greatest possible: XADD is refused from now on."""
        return self.last_id == GREATEST_ID

    @property
    def lag(self) -> int:
        """Entries not yet acknowledged or read."""
        return self.pending + self.unread


_READ = frozenset({"plans", "results"})
"""The streams that our group reads; this service only writes the others."""


def _names(keys: Keys) -> tuple[tuple[str, str], ...]:
    return (
        ("plans", keys.plans),
        ("results", keys.results),
        ("dead_letters", keys.dead_letters),
        ("decisions", keys.decisions),
    )


def ask_streams(pipeline: Any, keys: Keys) -> None:
    """Queue the commands whose replies ``read_streams`` reads."""
    for _, key in _names(keys):
        pipeline.xlen(key)
        pipeline.xinfo_groups(key)
        pipeline.xinfo_consumers(key, GROUP)
        pipeline.xinfo_stream(key)


_REPLIES = 4


@dataclass(frozen=True, slots=True)
class _Found:
    """The first replies about one stream."""

    name: str
    key: str
    length: int | None  # None: a value of another type
    group: dict[str, Any] | None
    other_groups: tuple[str, ...]
    consumers: tuple[str, ...]
    last_id: str | None

    @property
    def reported_unread(self) -> int | None:
        """The number of unread entries if the server reports it (Redis 7, unless entries were deleted); else None."""
        lag = None if self.group is None else self.group.get("lag")
        return lag if isinstance(lag, int) else None

    @property
    def unread_from(self) -> str:
        """The id of the last entry that was read."""
        return "-" if self.group is None else f"({self.group['last-delivered-id']}"


@dataclass(slots=True)
class _More:
    """The replies of the second round trip."""

    unread: list[str] = field(default_factory=list)  # ids, up to one more than are counted
    oldest_pending: str | None = None
    readers: int = 0

    @property
    def oldest_ms(self) -> int | None:
        ids = [*self.unread[:1], *([self.oldest_pending] if self.oldest_pending else [])]
        return min((int(entry_id.partition("-")[0]) for entry_id in ids), default=None)


def read_streams(client: redis.Redis, keys: Keys, replies: Sequence[Any]) -> tuple[StreamView, ...]:
    """Read the replies, and with one more round trip the waiting entries and the readers.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    found = [_found(name, key, replies[_REPLIES * at :][:_REPLIES]) for at, (name, key) in enumerate(_names(keys))]
    more = _look_again(client, keys, [stream for stream in found if stream.name in _READ and stream.length is not None])
    return tuple(_view(stream, more.get(stream.name, _More())) for stream in found)


def _found(name: str, key: str, replies: Sequence[Any]) -> _Found:
    length, groups, consumers, stream = replies
    names = [str(consumer.get("name")) for consumer in consumers] if isinstance(consumers, list) else []
    return _Found(
        name=name,
        key=key,
        length=None if isinstance(length, Exception) else length,
        group=_group_of(groups),
        other_groups=_others_of(groups),
        consumers=tuple(names[:MAX_CONSUMERS]),
        last_id=str(stream["last-generated-id"]) if isinstance(stream, dict) else None,
    )


def _view(stream: _Found, more: _More) -> StreamView:
    group, unread, at_least = stream.group, 0, False
    if stream.reported_unread is not None:
        unread = stream.reported_unread
    elif group is None and stream.name in _READ:
        unread = stream.length or 0
    elif group is not None:
        unread, at_least = min(len(more.unread), MAX_COUNTED), len(more.unread) > MAX_COUNTED
    return StreamView(
        name=stream.name,
        key=stream.key,
        length=stream.length or 0,
        has_group=group is not None,
        pending=0 if group is None else group["pending"],
        unread=unread,
        unread_at_least=at_least,
        consumers=0 if group is None else group["consumers"],
        other_groups=stream.other_groups,
        problem="its key holds a value of another type" if stream.length is None else None,
        oldest_ms=more.oldest_ms,
        readers=more.readers,
        last_id=stream.last_id,
    )


def _look_again(client: redis.Redis, keys: Keys, streams: Sequence[_Found]) -> dict[str, _More]:
    """The oldest waiting entries, the leases, and the number of unread entries if the server doesn't report it."""
    pipeline, use = client.pipeline(transaction=False), list[tuple[str, str]]()
    for stream in streams:
        if stream.length and stream.reported_unread != 0:
            one = stream.reported_unread is not None or stream.group is None
            pipeline.xrange(stream.key, min=stream.unread_from, count=1 if one else MAX_COUNTED + 1)
            use.append((stream.name, "unread"))
        if stream.group is not None and stream.group["pending"]:
            pipeline.xpending(stream.key, GROUP)
            use.append((stream.name, "pending"))
        if stream.consumers:
            pipeline.exists(*map(keys.consumer_lease, stream.consumers))
            use.append((stream.name, "readers"))
    with translated_errors():
        replies = pipeline.execute() if use else []
    more = {stream.name: _More() for stream in streams}
    for (name, what), reply in zip(use, replies, strict=True):
        if what == "unread":
            more[name].unread = [entry_id for entry_id, _ in reply]
        elif what == "pending":
            more[name].oldest_pending = reply.get("min")
        else:
            more[name].readers = int(reply)
    return more


def _group_of(reply: Any) -> dict[str, Any] | None:
    groups = reply if isinstance(reply, list) else []
    return next((group for group in groups if group.get("name") == GROUP), None)


def _others_of(reply: Any) -> tuple[str, ...]:
    groups = reply if isinstance(reply, list) else []
    return tuple(sorted(str(group.get("name"))[:100] for group in groups if group.get("name") != GROUP))
