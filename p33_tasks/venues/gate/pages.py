"""Gate's answers have no envelope: a list, or an object. Lists come in pages by offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.gate.spec import PAGE
from p33_tasks.venues.rows import shape
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint

MOST_PAGES: Final = 20


def rows_of(answer: object, what: str) -> list[Any]:
    """The rows of one page. Raises MalformedResponseError: not a list (an object is an error)."""
    if not isinstance(answer, list):
        raise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")
    return answer


def object_of(answer: object, what: str) -> Mapping[str, Any]:
    """The answer, which must be an object. Raises MalformedResponseError."""
    if not isinstance(answer, dict):
        raise MalformedResponseError(f"{what}: an object was expected, {shape(answer)} came")
    return answer


def pages(session: VenueSession, endpoint: Endpoint, params: Mapping[str, Any] | None = None) -> list[list[Any]]:
    """Every page, until one isn't full. Raises ExchangeError: also for more than 2 000 rows."""
    found: list[list[Any]] = []
    for number in range(MOST_PAGES):
        offset = {"offset": number * PAGE} if number else {}
        rows = rows_of(session.ask(endpoint, {**(params or {}), **offset}), endpoint.shown)
        if len(rows) > PAGE:
            raise MalformedResponseError(f"{endpoint.shown}: a page of {len(rows)} rows, at most {PAGE} were asked for")
        found.append(rows)
        if len(rows) < PAGE:
            return found
    raise MalformedResponseError(f"{endpoint.shown}: more than {MOST_PAGES * PAGE} rows")


def all_rows(session: VenueSession, endpoint: Endpoint, params: Mapping[str, Any]) -> list[Any]:
    """The rows of every page. Raises ExchangeError."""
    return [row for page in pages(session, endpoint, params) for row in page]
