"""Bitget v2: its envelope, HTTP 400 for nearly every error, and a signature over the bytes sent.

Source: "Signature" and the error codes of Bitget's API documentation.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from p33_tasks.demo.exchange.answers import json_answer
from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.fronts.bitget import routes
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.json_params import json_params
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

PASSPHRASE: Final = "demo"  # noqa: S105 (a public word, on loopback)
_KEY_HEADER: Final = "ACCESS-KEY"
_EXPIRES_MS: Final = 30_000
_SERVER_ERRORS: Final = 500
_CODES: Final = {
    -1000: ("40015", 400),
    -1001: ("40725", 400),
    -1003: ("429", 429),
    -1007: ("40010", 400),
    -1008: ("40604", 400),
    -1015: ("429", 429),
    -1021: ("40008", 400),
    -1022: ("40009", 400),
    -1121: ("40309", 400),
    -2011: ("40768", 400),
    -2013: ("40109", 400),
    -2014: ("40006", 400),
    -2015: ("40037", 400),
    -2019: ("40762", 400),
    -2022: ("22002", 400),
    -4023: ("40808", 400),
    -4061: ("40774", 400),
    -4116: ("40786", 400),
    -4164: ("45110", 400),
    -5000: ("40404", 404),
}
_PARAMETER_ERROR: Final = ("40017", 400)


def _authenticate(sim: Simulation, headers: Headers, sent: SignedBytes, _params: dict[str, str]) -> None:
    key, stamp = headers.get(_KEY_HEADER, ""), headers.get("ACCESS-TIMESTAMP", "")
    if not hmac.compare_digest(key.encode(errors="replace"), sim.credentials.key.encode()):
        raise refusal(-2015)
    if headers.get("ACCESS-PASSPHRASE") != PASSPHRASE:
        raise VenueError(-2015, "apikey/password is incorrect", http_status=400)
    if not (stamp.isascii() and stamp.isdecimal() and abs(int(stamp[:15]) - sim.server_ms) <= _EXPIRES_MS):
        raise refusal(-1021)
    # The query is signed as it reads, not as it is encoded for the wire.
    query = f"?{unquote(sent.query)}" if sent.query else ""
    text = f"{stamp}{sent.method}{sent.path}{query}{sent.body}"
    digest = hmac.new(sim.credentials.secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256).digest()
    if not hmac.compare_digest(headers.get("ACCESS-SIGN", "").encode(errors="replace"), base64.b64encode(digest)):
        raise refusal(-1022)


def _envelope(sim: Simulation, answer: Any) -> Any:
    return {"code": "00000", "msg": "success", "requestTime": sim.server_ms, "data": answer}


def _error(error: VenueError) -> web.Response:
    code, status = _CODES.get(error.code, _PARAMETER_ERROR)
    status = error.http_status if error.http_status >= _SERVER_ERRORS else status
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    body = {"code": code, "msg": error.text, "requestTime": 0, "data": None}
    return json_answer(dump(body), status=status, headers=headers)


def _headers(_sim: Simulation, _route: Route) -> Mapping[str, str]:
    return {}


def _unknown_path(method: str, path: str) -> web.Response:
    return _error(refusal(-5000, path=path, method=method))


BITGET: Final = Front(
    routes=routes.ROUTES,
    key_header=_KEY_HEADER,
    params=json_params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=_error,
    headers=_headers,
    unknown_path=_unknown_path,
)
