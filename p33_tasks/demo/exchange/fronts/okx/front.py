"""OKX v5: an envelope with ``code`` and a code per row, ISO timestamps, and a passphrase.

Source: "REST Authentication" and the error codes of OKX's v5 documentation.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from p33_tasks.demo.exchange.answers import json_answer
from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.json_params import json_params
from p33_tasks.demo.exchange.fronts.okx import routes
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

PASSPHRASE: Final = "demo"  # noqa: S105 (a public word, on loopback)
_KEY_HEADER: Final = "OK-ACCESS-KEY"
_EXPIRES_MS: Final = 30_000
_CODES: Final = {
    -1000: ("50026", 500),
    -1001: ("50001", 503),
    -1003: ("50011", 429),
    -1007: ("50004", 400),
    -1008: ("50013", 429),
    -1015: ("50061", 200),
    -1021: ("50102", 401),
    -1022: ("50113", 401),
    -1121: ("51001", 400),
    -2011: ("51603", 200),
    -2013: ("51603", 200),
    -2014: ("50103", 401),
    -2015: ("50111", 401),
    -5000: ("404", 404),
}
_PARAMETER_ERROR: Final = ("51000", 400)


def _authenticate(sim: Simulation, headers: Headers, sent: SignedBytes, _params: dict[str, str]) -> None:
    key, stamp = headers.get(_KEY_HEADER, ""), headers.get("OK-ACCESS-TIMESTAMP", "")
    if not hmac.compare_digest(key.encode(errors="replace"), sim.credentials.key.encode()):
        raise refusal(-2015)
    if headers.get("OK-ACCESS-PASSPHRASE") != PASSPHRASE:
        raise VenueError(-2015, "Request header OK-ACCESS-PASSPHRASE incorrect.", http_status=401)
    now_ms = sim.server_ms
    if abs(_milliseconds(stamp) - now_ms) > _EXPIRES_MS:
        raise refusal(-1021)
    text = f"{stamp}{sent.method}{sent.path}{'?' + sent.query if sent.query else ''}{sent.body}"
    digest = hmac.new(sim.credentials.secret.encode(), text.encode(errors="surrogateescape"), hashlib.sha256).digest()
    if not hmac.compare_digest(headers.get("OK-ACCESS-SIGN", "").encode(errors="replace"), base64.b64encode(digest)):
        raise refusal(-1022)
    expires = headers.get("expTime", "")
    if expires and not (expires.isascii() and expires.isdecimal() and now_ms < int(expires)):
        raise refusal(-1021)


def _milliseconds(stamp: str) -> int:
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError as error:
        raise refusal(-1021) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def _envelope(_sim: Simulation, answer: Any) -> Any:
    if isinstance(answer, routes.Refused):
        return {"code": "1", "msg": "All operations failed", "data": [answer.row]}
    return {"code": "0", "msg": "", "data": answer}


def _error(error: VenueError) -> web.Response:
    code, status = _CODES.get(error.code, _PARAMETER_ERROR)
    status = error.http_status if error.http_status >= 500 else status  # noqa: PLR2004 - what a switch asked for
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    return json_answer(dump({"code": code, "msg": error.text, "data": []}), status=status, headers=headers)


def _headers(_sim: Simulation, _route: Route) -> Mapping[str, str]:
    return {}


def _unknown_path(method: str, path: str) -> web.Response:
    return _error(refusal(-5000, path=path, method=method))


OKX: Final = Front(
    routes=routes.ROUTES,
    key_header=_KEY_HEADER,
    params=json_params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=_error,
    headers=_headers,
    unknown_path=_unknown_path,
    symbol=routes.symbol_of,
)
