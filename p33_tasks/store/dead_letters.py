"""Entries that can't be understood: kept, counted, out of the way of those behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from p33_tasks.ports import StreamEntry
from p33_tasks.store import exact_json
from p33_tasks.store.keys import GROUP, Keys
from p33_tasks.store.scripts import Scripts

if TYPE_CHECKING:
    import redis

DEAD_LETTER_MAXLEN = 10_000


class RedisDeadLetters:
    """Implements ``ports.DeadLetters``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._scripts = Scripts(client)
        self._keys = keys

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        """See ``ports.DeadLetters.dead_letter``."""
        keys = self._keys
        label = "plan" if entry.stream == keys.plans else "result"
        self._scripts.run(
            "dead_letter",
            [keys.dead_letters, keys.counters, entry.stream],
            [GROUP, entry.entry_id, error[:1_000], exact_json.dumps(fields), DEAD_LETTER_MAXLEN, label],
        )
