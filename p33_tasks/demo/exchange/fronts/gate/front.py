"""Gate v4: no envelope, errors with a label, and a signature over method, path, query, the body's hash and seconds.

Without the header ``X-Gate-Size-Decimal: 1`` sizes are whole numbers, cut off, as at the venue.

Source: "APIv4 signed request requirements" and the labels of Gate's API documentation.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import web

from p33_tasks.demo.exchange.answers import json_answer
from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.gate import routes
from p33_tasks.demo.exchange.fronts.json_params import json_params
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

_KEY_HEADER: Final = "KEY"
_EXPIRES_SEC: Final = 60
_SERVER_ERRORS: Final = 500
_SECONDS: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")  # the venue's own client sends a fraction
_OF_ONE: Final = {"/api/v4/futures/usdt/orders/": "order_id", "/api/v4/futures/usdt/contracts/": "contract"}
_LABELS: Final = {
    -1000: ("INTERNAL", 500),
    -1001: ("SERVER_ERROR", 500),
    -1003: ("TOO_MANY_REQUESTS", 429),
    -1007: ("SERVER_ERROR", 500),
    -1008: ("TOO_BUSY", 503),
    -1015: ("TOO_MANY_REQUESTS", 429),
    -1021: ("REQUEST_EXPIRED", 403),
    -1022: ("INVALID_SIGNATURE", 401),
    -1121: ("CONTRACT_NOT_FOUND", 400),
    -2011: ("ORDER_NOT_FOUND", 404),
    -2013: ("ORDER_NOT_FOUND", 404),
    -2014: ("INVALID_KEY", 401),
    -2015: ("INVALID_KEY", 401),
    -2019: ("INSUFFICIENT_AVAILABLE", 400),
    -2022: ("POSITION_EMPTY", 400),
    -4003: ("SIZE_TOO_SMALL", 400),
    -4004: ("SIZE_TOO_SMALL", 400),
    -4005: ("SIZE_TOO_LARGE", 400),
    -5000: ("NOT_FOUND", 404),
}
_PARAMETER_ERROR: Final = ("INVALID_PARAM_VALUE", 400)


def _pattern(sent: SignedBytes) -> str:
    named = next(((path, name) for path, name in _OF_ONE.items() if sent.path.startswith(path)), None)
    return sent.path if named is None else f"{named[0]}{{{named[1]}}}"


def _params(sent: SignedBytes) -> dict[str, str]:
    of_path = {name: sent.path.removeprefix(path) for path, name in _OF_ONE.items() if sent.path.startswith(path)}
    return json_params(sent) | of_path


def _authenticate(sim: Simulation, headers: Headers, sent: SignedBytes, params: dict[str, str]) -> None:
    key, stamp = headers.get(_KEY_HEADER, ""), headers.get("Timestamp", "")
    if not hmac.compare_digest(key.encode(errors="replace"), sim.credentials.key.encode()):
        raise refusal(-2015)
    if not _SECONDS.fullmatch(stamp) or abs(float(stamp) - sim.server_ms / 1000) > _EXPIRES_SEC:
        raise refusal(-1021)
    body = hashlib.sha512(sent.body.encode(errors="surrogateescape")).hexdigest()
    text = "\n".join((sent.method, sent.path, unquote(sent.query), body, stamp))
    digest = hmac.new(sim.credentials.secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha512)
    if not hmac.compare_digest(headers.get("SIGN", "").encode(errors="replace"), digest.hexdigest().encode()):
        raise refusal(-1022)
    expires = headers.get("X-Gate-Exptime", "")
    if expires and not (expires.isascii() and expires.isdecimal() and sim.server_ms < int(expires[:15])):
        raise refusal(-1021)
    params[routes.DECIMAL] = headers.get("X-Gate-Size-Decimal", "")


def _envelope(_sim: Simulation, answer: Any) -> Any:
    return answer


def _error(error: VenueError) -> web.Response:
    label, status = _LABELS.get(error.code, _PARAMETER_ERROR)
    status = error.http_status if error.http_status >= _SERVER_ERRORS else status
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    return json_answer(dump({"label": label, "message": error.text}), status=status, headers=headers)


def _headers(_sim: Simulation, _route: Route) -> Mapping[str, str]:
    return {}


def _unknown_path(method: str, path: str) -> web.Response:
    return _error(refusal(-5000, path=path, method=method))


GATE: Final = Front(
    routes=routes.ROUTES,
    key_header=_KEY_HEADER,
    params=_params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=_error,
    headers=_headers,
    unknown_path=_unknown_path,
    pattern=_pattern,
    symbol=routes.symbol_of,
)
