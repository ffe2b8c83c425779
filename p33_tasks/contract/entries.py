"""Stream entries as they come from Redis: their fields, their size, and the time in their id (CONTRACT section 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from p33_tasks.errors import InvalidMessageError

MAX_ENTRY_CHARS = 65_536
"""A larger plan is denied and a larger result is a dead letter: every load of a plan's facts returns its entry."""

MAX_AHEAD_MS = 1_000
"""An entry id further ahead of Redis' TIME doesn't tell when the entry was added; TIME at its first reading does."""

MAX_TOGETHER = 32
"""Plans that one task message stands for at most."""

ENTRY_COPY_TTL_SEC = 3_600
"""How long a result's copy and an entry's first reading are kept."""

Fields = dict[str, str | list[str]]
"""Undecodable bytes are lone surrogates; a field that is named twice with two values is a list."""


def fields_of(flat: Sequence[str]) -> Fields:
    """An entry's fields, from Redis' list of names and values."""
    fields: Fields = {}
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        known = fields.get(name)
        if known is None or known == value:
            fields[name] = value
        else:  # two answers to one question: no parser of ours takes a list
            fields[name] = [*_values(known), value]
    return fields


def chars_of(fields: Mapping[str, str | list[str]]) -> int:
    """An entry's size, about."""
    chars = 0
    for name, value in fields.items():
        chars += len(name) + (len(value) if isinstance(value, str) else sum(map(len, value)))
    return chars


def time_ms_of(entry_id: str) -> int:
    """The time in an entry's id, Unix milliseconds: Redis' own, unless its producer chose the id."""
    return int(entry_id.partition("-")[0])


def copy_of(flat: Sequence[str]) -> str:
    """An entry's fields as ``claim_entries.lua`` and ``read_entries.lua`` keep them: never sent again yet."""
    return "0\n" + json.dumps(list(flat), ensure_ascii=False)


def flat_of(copy: str) -> list[str]:
    """An entry's names and values, from their copy.

    Raises:
        InvalidMessageError: It is no such copy.
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
