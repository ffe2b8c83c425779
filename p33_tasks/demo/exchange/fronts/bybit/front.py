"""Bybit v5: its envelope with HTTP 200 for nearly every error, its headers, and a signature over the bytes sent.

Source: "Integration Guidance" and the error codes of Bybit's v5 documentation.
"""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from p33_tasks.demo.exchange.answers import json_answer
from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.fronts.bybit import routes
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.json_params import json_params
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes, check_timestamp
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

_KEY_HEADER: Final = "X-BAPI-API-KEY"
_SERVER_ERRORS: Final = 500
_CODES: Final = {
    -1000: 10000,
    -1001: 10016,
    -1003: 10006,
    -1007: 10016,
    -1008: 10016,
    -1015: 10006,
    -1021: 10002,
    -1022: 10004,
    -2011: 110001,
    -2013: 110001,
    -2014: 10003,
    -2015: 10003,
    -2019: 110007,
    -2022: 110017,
    -4116: 110072,
    -4164: 110094,
    -5000: 10017,
}
_PARAMETER_ERROR: Final = 10001


def _authenticate(sim: Simulation, headers: Headers, sent: SignedBytes, _params: dict[str, str]) -> None:
    key, stamp = headers.get(_KEY_HEADER, ""), headers.get("X-BAPI-TIMESTAMP", "")
    window = headers.get("X-BAPI-RECV-WINDOW", "5000")
    if not hmac.compare_digest(key.encode(errors="replace"), sim.credentials.key.encode()):
        raise refusal(-2015)
    if not (stamp.isascii() and stamp.isdecimal() and window.isascii() and window.isdecimal()):
        raise refusal(-1021)
    check_timestamp(int(stamp), int(window), now_ms=sim.server_ms)
    text = f"{stamp}{key}{window}{sent.body or sent.query}"
    expected = hmac.new(
        sim.credentials.secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256
    ).hexdigest()
    if not hmac.compare_digest(headers.get("X-BAPI-SIGN", "").encode(errors="replace"), expected.encode()):
        raise refusal(-1022)


def _envelope(sim: Simulation, answer: Any) -> Any:
    return {"retCode": 0, "retMsg": "OK", "result": answer, "retExtInfo": {}, "time": sim.server_ms}


def _error(error: VenueError) -> web.Response:
    status = error.http_status if error.http_status >= _SERVER_ERRORS else 200
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    body = {"retCode": _CODES.get(error.code, _PARAMETER_ERROR), "retMsg": error.text, "result": {}, "retExtInfo": {}}
    return json_answer(dump(body), status=status, headers=headers)


def _headers(sim: Simulation, _route: Route) -> Mapping[str, str]:
    return {"X-Bapi-Limit": "50", "X-Bapi-Limit-Status": "49", "X-Bapi-Limit-Reset-Timestamp": str(sim.server_ms)}


def _unknown_path(method: str, path: str) -> web.Response:
    return _error(refusal(-5000, path=path, method=method))


BYBIT: Final = Front(
    routes=routes.ROUTES,
    key_header=_KEY_HEADER,
    params=json_params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=_error,
    headers=_headers,
    unknown_path=_unknown_path,
)
