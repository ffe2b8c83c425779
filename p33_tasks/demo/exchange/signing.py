"""Authentication of requests: API key, timestamp, recvWindow, and the HMAC over the sent bytes.

Source: "Endpoint security" of Binance's futures documentation. The signature is the hex HMAC-SHA256 of the query
string followed directly by the body, both as sent, without the ``signature`` parameter itself.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.core.orders import required

DEFAULT_RECV_WINDOW_MS: Final = 5_000
LONGEST_RECV_WINDOW_MS: Final = 60_000
AHEAD_LIMIT_MS: Final = 1_000
AHEAD_TEXT: Final = "Timestamp for this request was 1000ms ahead of the server's time."


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The one account's API key."""

    key: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBytes:
    """The bytes of a request as received."""

    query: str
    body: str
    method: str = ""
    path: str = ""

    def params(self) -> dict[str, str]:
        """The decoded parameters of query and body. Raises -1101 for a name that comes twice."""
        pairs = parse_qsl(self.query, keep_blank_values=True) + parse_qsl(self.body, keep_blank_values=True)
        params = dict(pairs)
        if len(params) != len(pairs):
            raise refusal(-1101)
        return params

    def payload(self) -> bytes:
        """The bytes under the signature."""
        return (_unsigned(self.query) + _unsigned(self.body)).encode(errors="surrogateescape")


def sign(secret: str, payload: bytes) -> str:
    """Hex HMAC-SHA256."""
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def check_key(credentials: Credentials, api_key: str | None) -> None:
    """The ``X-MBX-APIKEY`` header. Raises -2014 or -2015."""
    if not api_key:
        raise refusal(-2014)
    if not hmac.compare_digest(api_key.encode(errors="replace"), credentials.key.encode()):
        raise refusal(-2015)


def check_signature(credentials: Credentials, sent: SignedBytes, params: Mapping[str, str], *, now_ms: int) -> None:
    """A signed request's timestamp and signature. Raises -1102, -1131, -1021 or -1022."""
    timestamp_ms = _integer(params, "timestamp")
    signature = required(params, "signature")
    check_timestamp(timestamp_ms, _recv_window_ms(params), now_ms=now_ms)
    expected = sign(credentials.secret, sent.payload())
    if not hmac.compare_digest(signature.encode(errors="replace"), expected.encode()):
        raise refusal(-1022)


def check_timestamp(timestamp_ms: int, recv_window_ms: int, *, now_ms: int) -> None:
    """Not more than 1000 ms ahead of the venue's clock and not older than recvWindow. Raises -1021."""
    if timestamp_ms >= now_ms + AHEAD_LIMIT_MS:
        raise VenueError(-1021, AHEAD_TEXT, http_status=400)
    if now_ms - timestamp_ms > recv_window_ms:
        raise refusal(-1021)


def _recv_window_ms(params: Mapping[str, str]) -> int:
    if "recvWindow" not in params:
        return DEFAULT_RECV_WINDOW_MS
    recv_window_ms = _integer(params, "recvWindow")
    if recv_window_ms > LONGEST_RECV_WINDOW_MS:
        raise refusal(-1131)
    return recv_window_ms


def _integer(params: Mapping[str, str], name: str) -> int:
    text = required(params, name)
    if not (text.isascii() and text.isdigit()):
        raise refusal(-1102, name=name)
    return int(text)


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))
