"""Dead letters: entries that can't be read are stored and counted, and don't block later ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.domain import exact_json
from p33_tasks.errors import StoreError, StoreUnavailableError
from p33_tasks.ports import StreamEntry
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

DEAD_LETTER_MAXLEN = 10_000


class RedisDeadLetters:
    """Implements ``ports.DeadLetters``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        """See ``ports.DeadLetters.dead_letter``; fields that the stream still has are added to ``fields``."""
        keys = self._keys
        label = "plan" if entry.stream == keys.plans else "result"
        self._scripts.run(
            "dead_letter",
            {"dead_letters_key": keys.dead_letters, "counters_key": keys.counters, "stream_key": entry.stream},
            {
                "group": GROUP,
                "entry_id": entry.entry_id,
                "error_text": clean(error),
                "entry_json": exact_json.dumps({**self._as_read(entry), **fields}),
                "dead_letters_maxlen": DEAD_LETTER_MAXLEN,
                "stream_label": label,
            },
        )

    def _as_read(self, entry: StreamEntry) -> Mapping[str, str]:
        try:
            with translated_errors():
                found: Any = self._client.xrange(entry.stream, entry.entry_id, entry.entry_id)
        except StoreUnavailableError:
            raise
        except StoreError:  # no stream, or no entry id: the script reports it
            return {}
        return found[0][1] or {} if found else {}


def clean(text: str) -> str:
    """The text cut to a limit, with bytes that are not UTF-8 escaped."""
    return text[:1_000].encode("utf-8", "backslashreplace").decode()
