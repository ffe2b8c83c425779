"""Pure: maps an HTTP answer to an error, by its status and the code in its body, never by the URL's host.

ccxt's own mapping of Binance codes depends on the host: behind a proxy -2022 became a plain ExchangeError. It is
not used here.
"""

from __future__ import annotations

import math
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeOrderLimitedError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
)
from p33_tasks.venues.exact_json import loads_exact
from p33_tasks.venues.spec import ErrorCodes, RequestLimit

DEFAULT_PAUSE_SEC = {429: 60, 418: 120}
"""If neither header nor text names a time: Binance counts weight per minute, and its shortest ban is two minutes."""
DEFAULT_ORDER_PAUSE_SEC = 10
"""For an order limit without a time or a window: Binance's shortest window."""
MAX_PAUSE_SEC = 3 * 86_400
"""Binance's longest ban. An answer with a longer pause must not stop this service permanently."""
MAX_UNAVAILABLE_PAUSE_SEC = 60
"""The maximum for a server error's ``Retry-After``, which may come from a proxy in front of the venue."""

CHECK_KEY = "check the key, its permissions and the addresses it allows"
TRY_AGAIN = "the next tick tries again"

_MOST_CAUSES = 10  # of an error; each is the cause of the one before

_BANNED = 418
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_MOMENT = re.compile(
    r"\b(?:until|till|after|before)\b[^0-9]{0,40}([0-9]{13}|[0-9]{10})(?![0-9])", re.IGNORECASE | re.ASCII
)
_WINDOW = re.compile(r"\bper\s+([0-9]{1,4})\s*(SECOND|MINUTE|HOUR|DAY)", re.IGNORECASE | re.ASCII)
_UNIT_SEC = {"SECOND": 1, "MINUTE": 60, "HOUR": 3_600, "DAY": 86_400}
_MAX_TEXT_CHARS = 2_000

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_TIMEOUT_STATUS = 408
_LEGAL_REASONS = 451
_CREDENTIAL_STATUSES = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer, unchanged."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCode:
    """An error of the venue, from the body of an answer."""

    code: str
    text: str


def reason_of(error: BaseException, timeout_ms: int) -> str:
    """Why no answer came: ``NetworkError, Connection refused``, or the time limit.

    The error's own text contains the signed URL, so the text of its errno or of the certificate error is used.
    """
    kind, cause = type(error).__name__, error
    for _ in range(_MOST_CAUSES):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"{kind}, {cause.verify_message}"
        if isinstance(cause, socket.gaierror):
            return f"{kind}, the host's name is not known"
        if isinstance(cause, OSError) and isinstance(cause.errno, int) and not isinstance(cause, ssl.SSLError):
            return f"{kind}, {os.strerror(cause.errno)}"
        following = cause.__cause__ or cause.__context__
        if following is None:
            break
        cause = following
    return f"{kind} (time limit {timeout_ms} ms)"


def venue_code(answer: Answer, codes: ErrorCodes) -> VenueCode | None:
    """The venue's error in the body, whatever the HTTP status is; None when there is none."""
    if not answer.text.lstrip().startswith("{"):
        return None  # a list of rows isn't decoded twice
    try:
        body = loads_exact(answer.text)
    except MalformedResponseError:
        return None
    code = body.get(codes.code_field) if isinstance(body, dict) else None
    if not isinstance(code, int | str) or isinstance(code, bool):
        return None
    # A row's code names the failure; the answer's own code then only reports that some row failed, or even success.
    in_row = _row_code(body, codes)
    if in_row is not None:
        return in_row
    text = str(code) if isinstance(code, int) else code
    if not codes.is_error.fullmatch(text):
        return None
    message = str(body.get(codes.text_field, "")) if isinstance(body, dict) else ""
    return VenueCode(code=codes.code_in(message) or text, text=message)


def _row_code(body: object, codes: ErrorCodes) -> VenueCode | None:
    rows = body.get(codes.rows.rows_field) if codes.rows is not None and isinstance(body, dict) else None
    for row in rows if isinstance(rows, list) else ():
        code = row.get(codes.rows.code_field) if codes.rows is not None and isinstance(row, dict) else None
        if isinstance(code, str) and codes.is_error.fullmatch(code):
            return VenueCode(code=code, text=str(row.get(codes.rows.text_field, "")) if codes.rows else "")
    return None


def failure_of(
    answer: Answer,
    codes: ErrorCodes,
    what: str,
    scrub: Callable[[str], str],
    now_ms: int,
    *,
    limit: RequestLimit | None = None,
) -> ExchangeError | None:
    """The error that an answer means, or None for a success.

    Args:
        answer: The HTTP answer.
        codes: The venue's codes.
        what: The request, for the message, e.g. ``venue GET /v2/positions``.
        scrub: Removes secrets from a text.
        now_ms: The venue's clock, for answers that name a moment; the answer's ``Date`` header takes precedence.
        limit: The venue's request limit, for a refusal without a time of its own.
    """
    refused = venue_code(answer, codes)
    if answer.status in _OK and refused is None:
        return None
    text = scrub(f"{what}: {_describe(answer, refused)}")
    code = refused.code if refused else None
    if code in codes.order_limited and answer.status != _BANNED:
        wait = order_pause_sec(answer, now_ms)
        return ExchangeOrderLimitedError(
            f"{text}; no order is sent for {wait} s, reading goes on", retry_after_sec=wait
        )
    ban_sec = _ban_sec(answer, codes)
    if answer.status in DEFAULT_PAUSE_SEC or code in codes.rate_limited or ban_sec is not None:
        wait = pause_sec(answer, now_ms, limit) if ban_sec is None else ban_sec
        return ExchangeRateLimitedError(f"{text}; no worker sends a request for {wait} s", retry_after_sec=wait)
    kind, advice = _kind(answer.status, code, codes)
    named = named_pause_sec(answer, now_ms)
    if kind is ExchangeUnavailableError and named is not None:
        wait = min(named, MAX_UNAVAILABLE_PAUSE_SEC)
        return ExchangeUnavailableError(f"{text}; no worker sends a request for {wait} s", retry_after_sec=wait)
    return kind(f"{text}; {advice}")


def _kind(status: int, code: str | None, codes: ErrorCodes) -> tuple[type[ExchangeError], str]:
    """The error class and the advice; the first case that applies."""
    table: tuple[tuple[bool, type[ExchangeError], str], ...] = (
        (code in codes.clock, ExchangeClockError, "the clock offset is measured again before the next request"),
        (code in codes.credentials, ExchangeCredentialsError, CHECK_KEY),
        (code in codes.unavailable, ExchangeUnavailableError, TRY_AGAIN),
        (status in _SERVER_ERRORS or status == _TIMEOUT_STATUS, ExchangeUnavailableError, TRY_AGAIN),
        (status in _CREDENTIAL_STATUSES, ExchangeCredentialsError, CHECK_KEY),
        (status == _LEGAL_REASONS, ExchangeUnavailableError, "the venue doesn't serve this host's location"),
        (status in _REDIRECTS, ExchangeError, "a redirect is not followed, the API key would go along"),
    )
    for applies, kind, advice in table:
        if applies:
            return kind, advice
    return ExchangeError, "is the base URL right?" if code is None else "the venue refused the request"


def pause_sec(answer: Answer, now_ms: int, limit: RequestLimit | None = None) -> int:
    """Whole seconds without any request: until the latest time the answer names, else the venue's window.

    The time can be in ``Retry-After`` (seconds or a date), in the text ("banned until 1659146400000") or in a
    venue-specific header.
    """
    named = named_pause_sec(answer, now_ms)
    if named is not None:
        return named
    moment = answer.headers.get(limit.reset_header, "") if limit and limit.reset_header else ""
    if moment.isascii() and moment.isdecimal():
        return min(_bounded(math.ceil((int(moment[:15]) - now_ms) / 1000)), MAX_UNAVAILABLE_PAUSE_SEC)
    if answer.status == _BANNED or limit is None:
        return DEFAULT_PAUSE_SEC.get(answer.status, DEFAULT_PAUSE_SEC[429])
    return limit.pause_sec


def _ban_sec(answer: Answer, codes: ErrorCodes) -> int | None:
    for ban in codes.bans:
        if answer.status == ban.status and ban.text.search(answer.text[:_MAX_TEXT_CHARS]):
            return ban.pause_sec
    return None


def order_pause_sec(answer: Answer, now_ms: int) -> int:
    """As ``pause_sec``, for an order limit; the text may name its window ("300 orders per 10 SECOND")."""
    named = named_pause_sec(answer, now_ms)
    if named is not None:
        return named
    window = _WINDOW.search(answer.text[:_MAX_TEXT_CHARS])
    return _bounded(int(window[1]) * _UNIT_SEC[window[2].upper()]) if window else DEFAULT_ORDER_PAUSE_SEC


def named_pause_sec(answer: Answer, now_ms: int) -> int | None:
    """Seconds until the latest time that the answer names, from 1 to ``MAX_PAUSE_SEC``; None: it names no time."""
    now_sec = (_date_ms(answer.headers.get("date", "")) or now_ms) / 1000
    header = answer.headers.get("retry-after", "").strip()
    found: list[float] = []
    if _SECONDS.fullmatch(header):
        found.append(float(header[:12]))
    elif (moment_ms := _date_ms(header)) is not None:
        found.append(moment_ms / 1000 - now_sec)
    for digits in _MOMENT.findall(answer.text[:_MAX_TEXT_CHARS]):
        moment_sec = int(digits) / (1000 if len(digits) == len("1659146400000") else 1)
        if moment_sec > now_sec:  # a time in the past is ignored
            found.append(moment_sec - now_sec)
    return _bounded(math.ceil(max(found))) if found else None


def _bounded(seconds: int) -> int:
    return max(1, min(seconds, MAX_PAUSE_SEC))


def _date_ms(text: str) -> int | None:
    """An HTTP date in milliseconds; None when it isn't one."""
    try:
        moment = parsedate_to_datetime(text)
        return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _describe(answer: Answer, refused: VenueCode | None) -> str:
    if refused is not None:
        return f"HTTP {answer.status}, code {refused.code}: {refused.text or 'no message'}"
    return f"HTTP {answer.status} with {len(answer.text)} characters that hold no error code"
