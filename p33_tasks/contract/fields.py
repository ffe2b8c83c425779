"""Strict readers of one field of a stream entry, or of a JSON text inside it; all raise the same error.

For any input (NaN, ``1e400``, a lone surrogate, ten thousand brackets) the outcome is a value or an
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from p33_tasks.domain import quantities as q
from p33_tasks.errors import InvalidMessageError, InvalidQuantityError

MAX_PLAN_ID_CHARS = 200
MAX_SYMBOL_CHARS = 40
MAX_ID_CHARS = 100  # an order id; venues' own have up to 36 characters
MAX_JSON_CHARS = 1_000_000

_TRUE = frozenset({"true", "1", "yes", "on", "y", "t"})
_FALSE = frozenset({"false", "0", "no", "off", "n", "f"})
# How writers spell an absent value: str(None) in Python, null in other languages.
_NOTHING = frozenset({"", "none", "null"})


class NumberLiteral(str):
    """A number in JSON, as written: not rounded, and an overflow in a field that isn't used is no error."""

    __slots__ = ()

    @property
    def is_integer(self) -> bool:
        """Whether the number was written as an integer."""
        return self.lstrip("-").isdecimal()


def shown(value: object, limit: int = 60) -> str:
    """A value for an error message: short, on one line, always encodable."""
    text = ascii(value) if isinstance(value, str | bytes) else ascii(type(value).__name__)
    return text if len(text) <= limit else f"{text[:limit]}..."


def text_of(fields: Mapping[str, object], name: str) -> str | None:
    """A field as text; None when it is absent or null.

    Raises:
        InvalidMessageError: For bytes that are not UTF-8, and for a list, a mapping or a float.
    """
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() <= 4 * MAX_ID_CHARS:
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise InvalidMessageError(f"{name} is not UTF-8: {shown(value)}") from error
    raise InvalidMessageError(f"{name} must be text, found {shown(value)}")


def word_of(fields: Mapping[str, object], name: str) -> str | None:
    """As ``text_of``, with surrounding blanks removed."""
    text = text_of(fields, name)
    return None if text is None else text.strip()


def id_of(fields: Mapping[str, object], name: str, max_chars: int) -> str:
    """A required field that becomes part of a key: printable, not blank, at most ``max_chars`` long.

    Raises:
        InvalidMessageError: For anything else.
    """
    text = None if isinstance(fields.get(name), bool) else text_of(fields, name)
    if text is None or not text.strip():
        raise InvalidMessageError(f"{name} is missing")
    if len(text) > max_chars:
        raise InvalidMessageError(f"{name} has {len(text)} characters, at most {max_chars} are allowed: {shown(text)}")
    if not text.isprintable():
        raise InvalidMessageError(f"{name} holds characters that can't be printed: {shown(text)}")
    return text


def symbol_of(fields: Mapping[str, object], name: str) -> str:
    """The venue's symbol id in upper case, with surrounding blanks removed.

    Only ASCII letters change case: some Unicode letters become ASCII ones (a long s becomes ``S``), another symbol's.

    Raises:
        InvalidMessageError: When it is missing, too long or can't be printed.
    """
    text = id_of(fields, name, 2 * MAX_SYMBOL_CHARS).strip()
    if len(text) > MAX_SYMBOL_CHARS:
        raise InvalidMessageError(f"{name} has {len(text)} characters, at most {MAX_SYMBOL_CHARS} are allowed")
    return text.upper() if text.isascii() else text


def flag_of(fields: Mapping[str, object], name: str) -> bool | None:
    """A boolean in any usual spelling; None when the field is absent or null.

    Raises:
        InvalidMessageError: For any other text, also the empty one.
    """
    text = text_of(fields, name)
    if text is None:
        return None
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise InvalidMessageError(f"{name} must be true or false, found {shown(text)}")


def quantity_of(fields: Mapping[str, object], name: str) -> Decimal:
    """An executed quantity in base units; 0 when none is given.

    Raises:
        InvalidMessageError: When it is not a finite decimal, or negative.
    """
    value = fields.get(name)
    if is_nothing(value):
        return q.ZERO
    try:
        quantity = q.parse_quantity(value)
    except (InvalidQuantityError, TypeError) as error:
        raise InvalidMessageError(f"{name} is not a quantity: {shown(value)}") from error
    if quantity < 0:
        raise InvalidMessageError(f"{name} must not be negative, found {shown(str(value))}")
    return quantity


def order_id_of(fields: Mapping[str, object], name: str) -> str | None:
    """An order id as text, written as a string or an integer; None when there is none.

    Raises:
        InvalidMessageError: For a fraction (an id that went through a float is a wrong id), a flag, or an
            id that is too long or can't be printed.
    """
    value = fields.get(name)
    if is_nothing(value):
        return None
    if isinstance(value, bool) or (isinstance(value, NumberLiteral) and not value.is_integer):
        raise InvalidMessageError(f"{name} must be a string or an integer, found {shown(str(value))}")
    return id_of(fields, name, MAX_ID_CHARS).strip()


def is_nothing(value: object) -> bool:
    """Whether the value is absent in any spelling: null, blank, or the word None."""
    return value is None or (
        isinstance(value, str) and len(value) <= MAX_ID_CHARS and value.strip().lower() in _NOTHING
    )


def json_of(fields: Mapping[str, object], name: str) -> Any:
    """A field's JSON, decoded, with numbers as ``NumberLiteral``; None when the field has no value.

    Raises:
        InvalidMessageError: For a text that is not JSON, too long, nested too deep, or names a key twice.
    """
    value = fields.get(name)
    if isinstance(value, list | dict):  # a task's plan is JSON already
        return value
    text = text_of(fields, name)
    if text is None or is_nothing(text):
        return None
    if len(text) > MAX_JSON_CHARS:
        raise InvalidMessageError(f"{name} has {len(text)} characters, at most {MAX_JSON_CHARS} are allowed")
    try:
        return json.loads(
            text,
            parse_float=NumberLiteral,
            parse_int=NumberLiteral,
            parse_constant=NumberLiteral,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)[:120]
        raise InvalidMessageError(f"{name} is not usable JSON ({why}): {shown(text)}") from error


def objects_of(fields: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """The objects of a JSON list; empty when the field has no value.

    Raises:
        InvalidMessageError: For any other shape.
    """
    items = json_of(fields, name)
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise InvalidMessageError(f"{name} must be a JSON list of objects, found {shown(fields[name])}")
    return items


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is named twice")
    return members
