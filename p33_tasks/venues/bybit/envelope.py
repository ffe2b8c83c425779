"""Pure: the envelope around each of Bybit's answers, and its pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.bybit.spec import CATEGORY
from p33_tasks.venues.rows import shape
from p33_tasks.venues.session import VenueSession
from p33_tasks.venues.spec import Endpoint

MOST_PAGES: Final = 20


def result_of(answer: object, what: str) -> Mapping[str, Any]:
    """The ``result`` of a successful answer. Raises MalformedResponseError."""
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(result, dict):
        raise MalformedResponseError(f"{what}: an object with an object 'result' was expected, {shape(answer)} came")
    code = answer.get("retCode")
    if not isinstance(code, int) or isinstance(code, bool) or code != 0:
        raise MalformedResponseError(f"{what}: retCode is {code!r:.20}, not 0")
    return result


def rows_of(answer: object, what: str, *, is_about_account: bool = True) -> list[Any]:
    """The rows of one page; a page of market data may have no category.

    Raises:
        MalformedResponseError: It isn't the documented page, or it is of another category.
    """
    result = result_of(answer, what)
    rows, category = result.get("list"), result.get("category")
    if category != CATEGORY and not (category is None and not is_about_account):
        raise MalformedResponseError(f"{what}: category is {category!r:.20}, {CATEGORY!r} was asked for")
    if not isinstance(rows, list):
        raise MalformedResponseError(f"{what}: a list was expected in 'result', {shape(rows)} came")
    return rows


def pages(session: VenueSession, endpoint: Endpoint, params: Mapping[str, Any] | None = None) -> Iterator[object]:
    """Every page of an answer, until a cursor or a page is empty: the last page with rows may have a cursor.

    A short page isn't the last: the venue may filter a page's rows.

    Raises:
        ExchangeError: Any subclass; then nothing is known.
    """
    cursor, seen = "", set[str]()
    for _ in range(MOST_PAGES):
        answer = session.ask(endpoint, {**(params or {}), **({"cursor": cursor} if cursor else {})})
        result = result_of(answer, endpoint.shown)
        yield answer
        found = result.get("nextPageCursor")
        if found is None or found == "" or result.get("list") == []:
            return
        if not isinstance(found, str) or found in seen:
            raise MalformedResponseError(f"{endpoint.shown}: the cursor of the next page can't be used, or came before")
        seen.add(found)
        cursor = found
    raise MalformedResponseError(f"{endpoint.shown}: more than {MOST_PAGES} pages")
