"""JSON with exact numbers: reads and writes ``Decimal``, never a float.

The standard library can't write a ``Decimal``, and a float would write 0.027999999 for 0.028.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError

MAX_NUMBER_CHARS = 200

_LITERALS = {None: "null", True: "true", False: "false"}

MOST_KNOWN_NAME_CHARS = 40
"""Longest name that is cached: a longer one isn't one of ours."""


def dumps(value: object, *, sort_keys: bool = False) -> str:
    """Write compact JSON, quantities as exact decimal literals.

    Raises:
        TypeError: For a float, or a type that JSON lacks.
    """
    parts: list[str] = []
    _write(value, parts.append, sort_keys)
    return "".join(parts)


def _write(value: object, put: Callable[[str], None], sort_keys: bool) -> None:  # noqa: FBT001 - as in dumps
    kind = type(value)  # exact types first: each verdict writes sixty values, and isinstance with an ABC is slow
    if kind is str:
        put(_text(value))  # type: ignore[arg-type]  # see kind, here and below
    elif kind is int:
        put(repr(value))
    elif value is None or value is True or value is False:
        put(_LITERALS[value])
    elif kind is Decimal:
        put(canonical(value))  # type: ignore[arg-type]
    elif isinstance(value, (dict, Mapping)):
        before = "{"
        for name, member in sorted(value.items()) if sort_keys else value.items():
            put(before)
            put(_known_name(name) if type(name) is str and len(name) <= MOST_KNOWN_NAME_CHARS else _name(name))
            _write(member, put, sort_keys)
            before = ","
        put("{}" if before == "{" else "}")
    elif isinstance(value, (list, tuple)):
        before = "["
        for item in value:
            put(before)
            _write(item, put, sort_keys)
            before = ","
        put("[]" if before == "[" else "]")
    else:
        _write_subclass(value, put)


def _write_subclass(value: object, put: Callable[[str], None]) -> None:
    """A member of an enumeration, or another text or number."""
    if isinstance(value, str):
        put(_text(value))
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, Decimal):
        put(canonical(value))
    else:
        raise TypeError(f"{type(value).__name__} is not written to JSON: {value!r:.80}")


def _name(name: object) -> str:
    return f"{_text(str(name))}:"


_known_name = lru_cache(1_000)(_name)


def _text(value: str) -> str:
    # Bytes that were not UTF-8 are lone surrogates here; JSON must be UTF-8 again.
    return encode_basestring(value if value.isascii() else value.encode("utf-8", "backslashreplace").decode())


def loads_object(text: str | bytes, *, numbers: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """Read a JSON object, with numbers as ``Decimal`` or int.

    Args:
        text: The JSON.
        numbers: Converts every number's text instead, for objects whose numbers this service doesn't check.

    Raises:
        CorruptStateError: It is not a JSON object, has an invalid number (NaN, 1e400), or a key twice: two readers
            could then see different values.
    """
    try:
        value = json.loads(
            text,
            parse_float=numbers or _exact,
            parse_int=numbers or int,
            parse_constant=numbers or _refuse,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        raise CorruptStateError(f"not usable JSON: {error}") from error
    if not isinstance(value, dict):
        raise CorruptStateError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is named twice")
    return members


def _exact(text: str) -> Decimal:
    # Wider than a quantity, so that the drift of absurd amounts in percent can be read; quantities are checked on use.
    try:
        number = Decimal(text)
    except InvalidOperation as error:  # an exponent beyond what a Decimal can hold
        raise ValueError(f"no number: {text[:40]}") from error
    if len(text) > MAX_NUMBER_CHARS or abs(number.adjusted()) > MAX_NUMBER_CHARS:
        raise ValueError(f"a number of {len(text)} characters, beginning {text[:40]}")
    return number


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number")
