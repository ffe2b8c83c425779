"""Exact JSON decoder: numbers become Decimal with every digit, never float.

A number without an exact value (``NaN``, ``1e9999999999999999999``) and a duplicate key of an object
become ``UNREADABLE``. No reader accepts that value, so only the row that contains it is invalid.
"""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final

from p33_tasks.domain.quantities import MAX_TEXT_LENGTH
from p33_tasks.errors import MalformedResponseError


class Unreadable(Enum):
    """A JSON value that is present but not usable."""

    UNREADABLE = "unreadable"

    def __repr__(self) -> str:
        return "an unreadable value"


UNREADABLE: Final = Unreadable.UNREADABLE


def loads_exact(text: str) -> object:
    """Decode JSON; numbers with a point or an exponent become Decimal, whole ones int.

    Raises:
        MalformedResponseError: For text that is not JSON (empty, HTML, truncated) or nested without end. The text
            is not in the message.
    """
    try:
        return json.loads(
            text,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=lambda _name: UNREADABLE,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        found = "an empty body" if not text.strip() else f"{len(text)} characters, {error.msg} at {error.pos}"
        raise MalformedResponseError(f"the answer is not JSON: {found}") from None  # its cause contains the whole text
    except RecursionError:
        raise MalformedResponseError("the answer is JSON nested without end") from None


def _integer(text: str) -> int | Unreadable:
    return int(text) if len(text) <= MAX_TEXT_LENGTH else UNREADABLE


def _decimal(text: str) -> Decimal | Unreadable:
    if len(text) > MAX_TEXT_LENGTH:
        return UNREADABLE
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what a Decimal can hold
        return UNREADABLE


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        result.update({key: UNREADABLE for key, count in counts.items() if count > 1})
    return result
