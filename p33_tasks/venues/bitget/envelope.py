"""Pure: the envelope around each of Bitget's answers, and the pages of its lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.rows import shape
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint

SUCCESS: Final = "00000"
PAGE: Final = 100
MOST_PAGES: Final = 20


def _data_of(answer: object, what: str) -> Any:
    if not isinstance(answer, dict) or answer.get("code") != SUCCESS:
        found = f"code {answer.get('code')!r:.20}" if isinstance(answer, dict) else shape(answer)
        raise MalformedResponseError(f"{what}: an object with code {SUCCESS!r} was expected, {found} came")
    return answer.get("data")


def rows_of(answer: object, what: str) -> list[Any]:
    """The rows of a successful answer. Raises MalformedResponseError."""
    rows = _data_of(answer, what)
    if not isinstance(rows, list):
        raise MalformedResponseError(f"{what}: a list was expected in 'data', {shape(rows)} came")
    return rows


def object_of(answer: object, what: str) -> Mapping[str, Any]:
    """The object of a successful answer. Raises MalformedResponseError."""
    found = _data_of(answer, what)
    if not isinstance(found, dict):
        raise MalformedResponseError(f"{what}: an object was expected in 'data', {shape(found)} came")
    return found


def pages(session: VenueSession, endpoint: Endpoint, params: Mapping[str, Any], name: str) -> list[Any]:
    """The rows under ``name`` of every page, newest first. An empty list may come as null, with ``endId`` null too.

    Raises:
        ExchangeError: Any subclass; also for more than 2 000 rows, and for a page that can't be continued.
    """
    found: list[Any] = []
    before: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        data = object_of(session.ask(endpoint, {**params, **before}), endpoint.shown)
        rows, end = data.get(name, ...), data.get("endId")
        if rows is None and end in {None, ""}:
            return found
        if not isinstance(rows, list):
            raise MalformedResponseError(f"{endpoint.shown}: a list {name!r} was expected, {shape(rows)} came")
        found.extend(rows)
        if len(rows) < PAGE:
            return found
        if not isinstance(end, str) or not end or before.get("idLessThan") == end:
            raise MalformedResponseError(f"{endpoint.shown}: a full page has no new endId")
        before = {"idLessThan": end}
    raise MalformedResponseError(f"{endpoint.shown}: more than {MOST_PAGES * PAGE} rows")
