"""Stream entries as they come from Redis: their fields, their size, and the time in their id (CONTRACT section 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from p33_tasks.errors import InvalidMessageError

MAX_ENTRY_CHARS = 65_536
"""Largest entry. A larger plan is denied, a larger result is a dead letter: loading a plan's facts loads its entry."""

MAX_AHEAD_MS = 1_000
"""If an entry id is further ahead of Redis TIME, the entry's age counts from TIME at its first reading instead."""

MAX_TOGETHER = 32
"""Maximum number of plans per task message."""

ENTRY_COPY_TTL_SEC = 3_600
"""How long the copy of a result and the time of an entry's first reading are kept."""

Fields = dict[str, str | list[str]]
"""Field name to value. Undecodable bytes are lone surrogates; a field with two different values is a list."""


def fields_of(flat: Sequence[str]) -> Fields:
    """An entry's fields, from Redis' list of names and values."""
    fields: Fields = {}
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        known = fields.get(name)
        if known is None or known == value:
            fields[name] = value
        else:  # contradicting values: every parser of ours rejects a list
            fields[name] = [*_values(known), value]
    return fields


def chars_of(fields: Mapping[str, str | list[str]]) -> int:
    """An entry's approximate size in characters."""
    chars = 0
    for name, value in fields.items():
        chars += len(name) + (len(value) if isinstance(value, str) else sum(map(len, value)))
    return chars


def time_ms_of(entry_id: str) -> int:
    """The time in an entry's id, Unix milliseconds: set by Redis, unless the producer chose the id."""
    return int(entry_id.partition("-")[0])


def copy_of(flat: Sequence[str]) -> str:
    """The text of a new copy, as ``claim_entries.lua`` and ``read_entries.lua`` write it: not sent again so far."""
    return "0\n" + json.dumps(list(flat), ensure_ascii=False)


def flat_of(copy: str) -> list[str]:
    """An entry's names and values, read from its copy.

    Raises:
        InvalidMessageError: The text is not such a copy.
    """
    try:
        flat = json.loads(copy.partition("\n")[2])
    except ValueError as error:
        raise InvalidMessageError("the entry's copy is not JSON") from error
    if not isinstance(flat, list) or len(flat) % 2 or not all(isinstance(part, str) for part in flat):
        raise InvalidMessageError("the entry's copy is not a list of names and values")
    return flat


def _values(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
