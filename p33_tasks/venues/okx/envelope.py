"""Pure: the envelope around each of OKX's answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.rows import shape


def rows_of(answer: object, what: str) -> list[Any]:
    """The rows of a successful answer. Raises MalformedResponseError."""
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(rows, list):
        raise MalformedResponseError(f"{what}: an object with a list 'data' was expected, {shape(answer)} came")
    if answer.get("code") != "0":
        raise MalformedResponseError(f"{what}: code is {answer.get('code')!r:.20}, not '0'")
    return rows


def only_row_of(answer: object, what: str) -> Mapping[str, Any]:
    """The one row of an answer. Raises MalformedResponseError."""
    rows = rows_of(answer, what)
    if len(rows) != 1 or not isinstance(rows[0], dict):
        raise MalformedResponseError(f"{what}: one row was expected, {shape(rows)} came")
    return rows[0]
