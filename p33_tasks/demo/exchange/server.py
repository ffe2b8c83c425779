"""The aiohttp application: every request to the venue passes counting, limits, faults, security, handler."""

import asyncio
from typing import Final

from aiohttp import web

from p33_tasks.demo.exchange import control
from p33_tasks.demo.exchange.answers import (
    HALVES,
    ConnectionDropped,
    broken_answer,
    json_answer,
    status_error,
)
from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.fronts.front import Front
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.demo.exchange.fronts.route import Route
from p33_tasks.demo.exchange.signing import SignedBytes
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.exchange.wire import dump

_CLOSING: Final = web.AppKey("closing", asyncio.Event)


def make_app(sim: Simulation) -> web.Application:
    """The application of one simulator: ``/sim`` is its control, everything else is the venue."""
    app = web.Application()
    control.add_routes(app, sim)
    closing = asyncio.Event()
    app[_CLOSING] = closing

    async def venue(request: web.Request) -> web.StreamResponse:
        return await _recorded(sim, request, closing)

    app.router.add_route("*", "/{path:.*}", venue)
    app.on_shutdown.append(_release_hung)
    return app


def _front(sim: Simulation) -> Front:
    return FRONTS[sim.options.exchange]


async def _release_hung(app: web.Application) -> None:
    app[_CLOSING].set()


async def _recorded(sim: Simulation, request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
    front = _front(sim)
    body = (await request.read()).decode(errors="surrogateescape")
    sent = SignedBytes(query=_raw_query(request), body=body, method=request.method, path=request.path)
    endpoint, route = f"{request.method} {front.pattern(sent)}", front.route(sent)
    weight = route.weight_for(sent.query) if route is not None else 0
    sim.recorder.arrived(endpoint, weight=weight, with_key=front.key_header in request.headers, now_ms=sim.now_ms)
    try:
        response = await _answer(sim, request, route, sent, closing)
    except ConnectionDropped:
        sim.recorder.answered(endpoint, 0)
        return web.Response()  # the transport is closed: this isn't sent
    sim.recorder.answered(endpoint, response.status)
    return response


async def _answer(
    sim: Simulation, request: web.Request, route: Route | None, sent: SignedBytes, closing: asyncio.Event
) -> web.StreamResponse:
    if route is None:
        return _front(sim).unknown_path(request.method, request.path)
    try:
        sim.limiter.charge(route.weight_for(sent.query), sim.now_ms)
    except VenueError as error:
        return _with_headers(sim, route, _front(sim).error(error))
    faults = sim.faults
    if not faults.strikes(request.method, _front(sim).pattern(sent)):
        return _with_headers(sim, route, _handle(sim, request, route, sent))
    latency_sec = faults.latency_ms / 1000
    await asyncio.sleep(latency_sec / 2)  # half on the way there, half on the way back, as in a network
    try:
        return await _struck(sim, request, route, sent, closing)
    finally:
        await asyncio.sleep(latency_sec / 2)


async def _struck(
    sim: Simulation, request: web.Request, route: Route, sent: SignedBytes, closing: asyncio.Event
) -> web.StreamResponse:
    faults = sim.faults
    if not faults.status and faults.body == "normal":
        return _with_headers(sim, route, _handle(sim, request, route, sent))
    sim.spend_fault()
    answer = None
    if faults.takes_effect or (not faults.status and faults.body in HALVES):
        answer = _handle(sim, request, route, sent)
    if faults.status:
        return _with_headers(sim, route, _front(sim).error(status_error(faults)))
    return await broken_answer(request, faults.body, answer, closing)


def _handle(sim: Simulation, request: web.Request, route: Route, sent: SignedBytes) -> web.Response:
    front = _front(sim)
    try:
        params = front.params(sent)
        if route.security == "signed":
            front.authenticate(sim, request.headers, sent, params)
        sim.settle()
        return json_answer(dump(front.envelope(sim, route.handler(sim, params))))
    except VenueError as error:
        return _front(sim).error(error)


def _with_headers(sim: Simulation, route: Route, response: web.Response) -> web.Response:
    response.headers.update(_front(sim).headers(sim, route))
    return response


def _raw_query(request: web.Request) -> str:
    """The query string byte for byte: ``request.query_string`` is decoded, and the signature is over what was sent."""
    return request.raw_path.partition("?")[2]
