"""Makes the ccxt instance. ccxt is imported only when one of these functions is called.

ccxt is used for the venue's URLs and signatures only. Its processing of answers is switched off: it turned HTTP 200
with an empty body into "no positions", mapped errors by the URL's host, and read numbers as floats. The answer is
kept unchanged, and ``session`` judges it.
"""

from __future__ import annotations

import gc
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from p33_tasks.venues.ccxt_classes import exchange_class
from p33_tasks.venues.http_errors import Answer

QUIET_LOGGERS = ("ccxt.base.exchange", "urllib3.connectionpool")
"""At DEBUG these write the signed URL and the API key, so they never go below INFO."""


_WALLET_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key. Its repr shows nothing of it."""

    api_key: str | None = field(default=None, repr=False)
    api_secret: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def secrets(self) -> tuple[str | None, ...]:
        """What must not appear in any text."""
        return (self.api_key, self.api_secret, self.password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What one request is signed with besides its parameters: an order's time, and its validity."""

    time_ms: int  # the timestamp, by the venue's clock
    options: Mapping[str, Any] = field(default_factory=dict)  # ccxt's, for this request
    headers: Mapping[str, str] = field(default_factory=dict)
    # Signs the parameters itself, for a venue whose signature ccxt adds in its unified methods only.
    sign: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] | None = None


@dataclass(slots=True)
class Recorder:
    """The last answer of one client, and the client that it belongs to."""

    client: Any
    answer: Answer | None = None

    def call(self, method: str, params: Mapping[str, Any], stamp: Stamp | None = None) -> Answer | None:
        """Call one implicit API method; the answer, or None where none came. Raises what ccxt raises."""
        self.answer = None
        try:
            with self._stamped(stamp):
                signed = params if stamp is None or stamp.sign is None else stamp.sign(self.client, params)
                getattr(self.client, method)(dict(signed))
        finally:
            # Kept by ccxt for debugging; a traceback that shows variables would show the signed URL.
            self.client.last_request_url = self.client.last_request_body = self.client.last_request_headers = None
        return self.answer

    @contextmanager
    def _stamped(self, stamp: Stamp | None) -> Iterator[None]:
        if stamp is None:
            yield
            return
        client, options, headers = self.client, self.client.options, self.client.headers
        client.options, client.headers = {**options, **stamp.options}, {**headers, **stamp.headers}
        client.nonce = lambda: stamp.time_ms  # taken before the permit was consumed
        try:
            yield
        finally:
            del client.nonce
            client.options, client.headers = options, headers


def preload(exchange_id: str) -> None:
    """Import ccxt's classes in the workers' parent, before the fork, and exclude them from garbage collection.

    Args:
        exchange_id: A ccxt exchange id.
    """
    exchange_class(exchange_id)  # with requests and cryptography 16 MB: only for callers of this function
    gc.collect()
    gc.freeze()


def build_client(
    *,
    exchange_id: str,
    credentials: ApiKey,
    testnet: bool,
    base_url: str | None,
    timeout_ms: int,
    options: Mapping[str, Any],
    headers: Iterable[tuple[str, str]] = (),
) -> Recorder:
    """A ccxt instance that only signs, sends and keeps the answer.

    Must be called in the process that uses it: a session shared across a fork mixed up responses.

    Args:
        exchange_id: A ccxt exchange id.
        credentials: The API key; public endpoints work without.
        testnet: Use the venue's demo trading hosts, or its sandbox where it has no demo trading.
        base_url: Scheme and host that replace the venue's own in every URL, in front of ``testnet``.
        timeout_ms: For connecting and for each wait for data.
        options: ccxt options of the venue.
        headers: Sent with every request.
    """
    for name in QUIET_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.INFO))
    client = exchange_class(exchange_id)(
        {
            "apiKey": credentials.api_key or "",
            "secret": credentials.api_secret or "",
            "password": credentials.password or "",
            "walletAddress": credentials.api_key or "",
            "privateKey": credentials.api_secret or "",
            "timeout": timeout_ms,
            "enableRateLimit": False,  # it is per process; the budget is shared by all workers
            "options": {**options, "maxRetriesOnFailure": 0},
        }
    )
    client.headers = {**(client.headers or {}), **dict(headers)}
    if base_url is not None:
        client.urls["api"] = redirected(client.urls["api"], base_url)
    elif testnet and "demo" in client.urls:
        client.enable_demo_trading(True)  # noqa: FBT003 - ccxt's signature
    elif testnet:
        client.set_sandbox_mode(True)
    client.urls["api"] = with_hostname(client.urls["api"], str(client.hostname or ""))
    recorder = Recorder(client)
    _keep_answers(client, recorder)
    return recorder


def wallet_key(client: Any) -> str:
    """The key of the wallet that signs. Raises ValueError: the API secret isn't one; it is not in the text."""
    key = str(client.privateKey)
    if not _WALLET_KEY.fullmatch(key):
        raise ValueError("the API secret isn't a wallet's key, 0x and 64 hexadecimal digits")
    return key


def redirected(urls: Any, base_url: str) -> Any:
    """The same paths on another scheme and host, at any depth of ccxt's nested URLs."""
    if isinstance(urls, dict):
        return {name: redirected(url, base_url) for name, url in urls.items()}
    if isinstance(urls, str):
        return base_url.rstrip("/") + urlsplit(urls).path
    return urls


def with_hostname(urls: Any, hostname: str) -> Any:
    """The same URLs with ccxt's ``{hostname}`` filled in."""
    if isinstance(urls, dict):
        return {name: with_hostname(url, hostname) for name, url in urls.items()}
    return urls.replace("{hostname}", hostname) if isinstance(urls, str) else urls


def _keep_answers(client: Any, recorder: Recorder) -> None:
    def keep(code: int, _reason: str, _url: str, _method: str, headers: Any, body: str, *_request: Any) -> str:
        lowered = {str(name).lower(): str(value) for name, value in headers.items()}
        recorder.answer = Answer(status=code, headers=lowered, text=body)
        return body

    client.on_rest_response = keep
    client.parse_json = lambda _text: None  # it would be done twice, and with floats
    # A redirect would be followed with the API key in the request's header.
    client.session.get_redirect_target = lambda _response: None
