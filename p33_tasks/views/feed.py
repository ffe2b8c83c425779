"""New verdicts and results: the entries added to the streams since the last poll. Read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.domain import exact_json
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictSeen:
    """An entry of the decisions stream. Its texts are foreign: escape them before showing."""

    entry_id: str
    plan_id: str
    symbol: str
    allowed: bool
    reason: str  # empty for an allow
    verdict: Mapping[str, Any]  # the decision, numbers exact; empty if it can't be read


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSeen:
    """An entry of the result stream, as an executor wrote it."""

    entry_id: str
    fields: Mapping[str, str]


class Feed:
    """Reads both streams forward, each entry once.

    Args:
        client: A client that decodes replies.
        keys: The keys of the account.
        after: Start after this entry id: ``0`` for everything, or a time in milliseconds.
    """

    def __init__(self, client: redis.Redis, keys: Keys, *, after: str = "0") -> None:
        self._client = client
        self._streams = (keys.decisions, keys.results)
        self._after = [after, after]

    def poll(self) -> tuple[VerdictSeen | ResultSeen, ...]:
        """The new entries, in the order of their ids, at most a page of each stream.

        Raises:
            StoreError: Redis is unavailable, or refuses.
        """
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for stream, after in zip(self._streams, self._after, strict=True):
                pipeline.xrange(stream, min=f"({after}", count=PAGE)
            replies = pipeline.execute()
        for at, entries in enumerate(replies):
            if entries:
                self._after[at] = entries[-1][0]
        verdicts, results = replies
        seen: list[VerdictSeen | ResultSeen] = [verdict_seen(*entry) for entry in verdicts]
        seen += [ResultSeen(entry_id=entry_id, fields=fields) for entry_id, fields in results]
        return tuple(sorted(seen, key=lambda item: tuple(map(int, item.entry_id.split("-")))))


def verdict_seen(entry_id: str, fields: Mapping[str, str]) -> VerdictSeen:
    """An entry of the decisions stream, from any writer."""
    try:
        verdict = exact_json.loads_object(fields.get("verdict", ""))
    except CorruptStateError:
        verdict = {}
    return VerdictSeen(
        entry_id=entry_id,
        plan_id=fields.get("plan_id", ""),
        symbol=fields.get("symbol", ""),
        allowed=fields.get("allow") == "true",
        reason=fields.get("reason", ""),
        verdict=verdict,
    )
