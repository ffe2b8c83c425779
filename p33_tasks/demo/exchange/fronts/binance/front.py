"""Binance USD-M futures: the core's own words, as they are."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from p33_tasks.demo.exchange.answers import error_answer
from p33_tasks.demo.exchange.core.codes import refusal
from p33_tasks.demo.exchange.fronts.binance.routes import ROUTES
from p33_tasks.demo.exchange.fronts.front import Front, Headers
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes, check_key, check_signature
from p33_tasks.demo.exchange.simulation import Simulation

_KEY_HEADER: Final = "X-MBX-APIKEY"


def _authenticate(sim: Simulation, headers: Headers, sent: SignedBytes, params: dict[str, str]) -> None:
    check_key(sim.credentials, headers.get(_KEY_HEADER))
    check_signature(sim.credentials, sent, params, now_ms=sim.server_ms)


def _envelope(_sim: Simulation, answer: Any) -> Any:
    return answer


def _headers(sim: Simulation, route: Route) -> Mapping[str, str]:
    now_ms = sim.now_ms
    orders = sim.limiter.order_headers(now_ms) if route.is_order else {}
    return {**sim.limiter.weight_headers(now_ms), **orders}


def _unknown_path(method: str, path: str) -> web.Response:
    if path.startswith("/fapi/"):
        return error_answer(refusal(-5000, path=path, method=method))
    return web.Response(text="404 Not found", status=404)


BINANCE: Final = Front(
    routes=ROUTES,
    key_header=_KEY_HEADER,
    params=SignedBytes.params,
    authenticate=_authenticate,
    envelope=_envelope,
    error=error_answer,
    headers=_headers,
    unknown_path=_unknown_path,
)
