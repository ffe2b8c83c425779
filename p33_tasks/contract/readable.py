"""A foreign entry as text that can be stored, and that people can read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_DEAD_LETTER_CHARS = 65_536


def readable(fields: Mapping[str, Any], max_chars: int = MAX_DEAD_LETTER_CHARS) -> dict[str, str]:
    """An entry's fields as text that can be stored: undecodable bytes escaped, all of it bounded.

    Args:
        fields: As read from a stream or a task; a value may have any type.
        max_chars: Total length; if the text was cut, the field ``p33_note`` says so.
    """
    kept: dict[str, str] = {}
    room = max_chars
    for name, value in fields.items():
        text, key = _printable(value), _printable(name)[:200]
        if len(text) + len(key) > room:
            total = sum(len(str(n)) + len(str(v)) for n, v in fields.items())
            kept[key] = text[: max(0, room - len(key))]
            kept["p33_note"] = f"cut: the entry has {total} characters, {max_chars} are kept"
            break
        kept[key] = text
        room -= len(text) + len(key)
    return kept


def _printable(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    # Lone surrogates that encode a byte become \xff; any others \udfff.
    raw = text.encode("utf-8", "surrogateescape") if _is_escaped(text) else text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def _is_escaped(text: str) -> bool:
    return all(not "\ud800" <= c <= "\udfff" or "\udc80" <= c <= "\udcff" for c in text)
