"""Pure: what an HTTP answer stands for, told by its status and the code in its body, never by the URL's host.

ccxt's own mapping of Binance codes depends on the host: behind a proxy -2022 became a plain ExchangeError. It is
not used here.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    ExchangeUnavailableError,
    MalformedResponseError,
)
from p33_tasks.exchange.exact_json import loads_exact

DEFAULT_PAUSE_SEC = {429: 60, 418: 120}
"""Without ``Retry-After``: Binance counts weight per minute, and its shortest ban is two minutes."""
MAX_PAUSE_SEC = 3 * 86_400
"""Binance's longest ban. A header that asks for more must not stop this service for good."""

CHECK_KEY = "check the key, its permissions and the addresses it allows"
TRY_AGAIN = "the next tick tries again"

_MOST_CAUSES = 10  # of an error; each is the one behind the last

_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_SERVER_ERRORS = range(500, 600)
_TIMEOUT_STATUS = 408
_LEGAL_REASONS = 451
_CREDENTIAL_STATUSES = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back over HTTP, untouched."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A venue's own error codes, by what has to be done about them."""

    credentials: frozenset[int]
    clock: frozenset[int]
    rate_limited: frozenset[int]
    unavailable: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCode:
    """``{"code": ..., "msg": ...}``."""

    code: int
    text: str


def reason_of(error: BaseException, timeout_ms: int) -> str:
    """Why no answer came: ``NetworkError, Connection refused``, or the time limit.

    An error's own text holds the signed URL, so the words are the system's for its number, or the certificate's.
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


def venue_code(answer: Answer) -> VenueCode | None:
    """The venue's error in the body, whatever the HTTP status is; None when there is none."""
    if not answer.text.lstrip().startswith("{"):
        return None  # a list of rows isn't decoded twice
    try:
        body = loads_exact(answer.text)
    except MalformedResponseError:
        return None
    if not isinstance(body, dict):
        return None
    code = body.get("code")
    if isinstance(code, str) and code.removeprefix("-").isascii() and code.removeprefix("-").isdecimal():
        code = int(code) if len(code) <= len("-1234567890") else None
    if not isinstance(code, int) or isinstance(code, bool) or code >= 0:
        return None
    return VenueCode(code=code, text=str(body.get("msg", "")))


def failure_of(answer: Answer, codes: Codes, what: str, scrub: Callable[[str], str]) -> ExchangeError | None:
    """The error that an answer stands for, or None for an answer that is to be read.

    Args:
        answer: What came back.
        codes: The venue's codes.
        what: The request, for the message, e.g. ``binanceusdm GET /fapi/v2/positionRisk``.
        scrub: Takes secrets out of a text.
    """
    refused = venue_code(answer)
    if answer.status in _OK and refused is None:
        return None
    text = scrub(f"{what}: {_describe(answer, refused)}")
    code = refused.code if refused else None
    if answer.status in DEFAULT_PAUSE_SEC or code in codes.rate_limited:
        return ExchangeRateLimitedError(
            f"{text}; no worker sends a request for {pause_sec(answer)} s", retry_after_sec=pause_sec(answer)
        )
    kind, advice = _kind(answer.status, code, codes)
    return kind(f"{text}; {advice}")


def _kind(status: int, code: int | None, codes: Codes) -> tuple[type[ExchangeError], str]:
    """The error class and what to do about it; the first line that applies."""
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
    return ExchangeError, "the venue refused the request itself; is the base URL right?"


def pause_sec(answer: Answer) -> int:
    """Whole seconds to wait: ``Retry-After``, within 1 and ``MAX_PAUSE_SEC``, or the status's default."""
    header = answer.headers.get("retry-after", "").strip()
    if header.isascii() and header.isdecimal():
        return max(1, min(int(header[:12]), MAX_PAUSE_SEC))
    return DEFAULT_PAUSE_SEC.get(answer.status, DEFAULT_PAUSE_SEC[429])


def _describe(answer: Answer, refused: VenueCode | None) -> str:
    if refused is not None:
        return f"HTTP {answer.status}, code {refused.code}: {refused.text or 'no message'}"
    return f"HTTP {answer.status} with {len(answer.text)} characters that hold no error code"
