"""How far the consumer group is on each stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.store.keys import GROUP, Keys
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

MAX_COUNTED = 1_000
"""Unread entries counted one by one, where the server (before Redis 7) doesn't tell their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """One stream, and our group on it."""

    name: str  # plans, results, dead_letters, decisions
    key: str
    length: int
    has_group: bool  # always false for streams that we only write
    pending: int  # read and not yet acknowledged
    unread: int  # added and not yet read
    unread_at_least: bool  # true: there are more than that
    consumers: int
    other_groups: tuple[str, ...]  # e.g. an apply layer's
    problem: str | None  # why it can't be read

    @property
    def lag(self) -> int:
        """Entries not yet acknowledged or read."""
        return self.pending + self.unread


def _names(keys: Keys) -> tuple[tuple[str, str], ...]:
    return (
        ("plans", keys.plans),
        ("results", keys.results),
        ("dead_letters", keys.dead_letters),
        ("decisions", keys.decisions),
    )


def ask_streams(pipeline: Any, keys: Keys) -> None:
    """Queue what ``read_streams`` reads."""
    for _, key in _names(keys):
        pipeline.xlen(key)
        pipeline.xinfo_groups(key)


def read_streams(client: redis.Redis, keys: Keys, replies: Sequence[Any]) -> tuple[StreamView, ...]:
    """Read the replies; one more round trip where entries must be counted.

    Raises:
        StoreError: Redis is away, or refuses.
    """
    found = [
        (name, key, replies[2 * at], _group_of(replies[2 * at + 1]), _others_of(replies[2 * at + 1]))
        for at, (name, key) in enumerate(_names(keys))
    ]
    counted = _count_unread(client, found)
    views = []
    for name, key, length, group, others in found:
        wrong = isinstance(length, Exception)
        unread, at_least = counted.get(key, (0, False))
        if group is not None and isinstance(group.get("lag"), int):
            unread = group["lag"]
        elif group is None and name in {"plans", "results"}:
            unread = 0 if wrong else length
        views.append(
            StreamView(
                name=name,
                key=key,
                length=0 if wrong else length,
                has_group=group is not None,
                pending=0 if group is None else group["pending"],
                unread=unread,
                unread_at_least=at_least,
                consumers=0 if group is None else group["consumers"],
                other_groups=others,
                problem="its key holds a value of another type" if wrong else None,
            )
        )
    return tuple(views)


def _count_unread(client: redis.Redis, found: Sequence[tuple[Any, ...]]) -> dict[str, tuple[int, bool]]:
    """Count where the server doesn't: always before Redis 7, and afterwards when entries were deleted."""
    untold = [
        (key, group["last-delivered-id"])
        for _, key, length, group, _ in found
        if group is not None and not isinstance(group.get("lag"), int) and length
    ]
    if not untold:
        return {}
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        for key, last in untold:
            pipeline.xrange(key, min=f"({last}", count=MAX_COUNTED + 1)
        replies = pipeline.execute()
    return {
        key: (min(len(entries), MAX_COUNTED), len(entries) > MAX_COUNTED)
        for (key, _), entries in zip(untold, replies, strict=True)
    }


def _group_of(reply: Any) -> dict[str, Any] | None:
    groups = reply if isinstance(reply, list) else []
    return next((group for group in groups if group.get("name") == GROUP), None)


def _others_of(reply: Any) -> tuple[str, ...]:
    groups = reply if isinstance(reply, list) else []
    return tuple(sorted(str(group.get("name"))[:100] for group in groups if group.get("name") != GROUP))
