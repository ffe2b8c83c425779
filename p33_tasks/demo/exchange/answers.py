"""The HTTP answer to one request: the venue's own, or one changed by a fault switch."""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from p33_tasks.demo.exchange.core.codes import VenueError, refusal
from p33_tasks.demo.exchange.faults import Faults
from p33_tasks.demo.exchange.limits import too_many
from p33_tasks.demo.exchange.wire import dump

HTML_PAGE: Final = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
# A hanging request is ended after this, so that none lasts much longer than a test.
LONGEST_HANG_SEC: Final = 300

# Bodies that are halves of the venue's own answer: the request is carried out for them.
HALVES: Final = ("truncated", "cut")
_FIXED_BODIES: Final = {"empty": b"", "null": b"null", "object": b"{}", "list": b"[]", "html": HTML_PAGE}


class ConnectionDropped(Exception):  # noqa: N818 (an outcome that was asked for, no error)
    """The switch closed the connection; no answer can be sent."""


def json_answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON body as the venue sends it."""
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_answer(error: VenueError) -> web.Response:
    """``{"code": ..., "msg": ...}`` with the error's status, and Retry-After where it has one."""
    headers = {} if error.retry_after_sec is None else {"Retry-After": str(error.retry_after_sec)}
    return json_answer(dump({"code": error.code, "msg": error.text}), status=error.http_status, headers=headers)


def status_error(faults: Faults) -> VenueError:
    """The answer of the ``status`` switch."""
    if faults.status in (418, 429):
        return too_many(faults.status, faults.retry_after_sec or None)
    text = refusal(-1001).text
    retry_after_sec = faults.retry_after_sec or None
    return VenueError(-1001, text, http_status=faults.status, retry_after_sec=retry_after_sec)


async def broken_answer(
    request: web.Request, body: str, answer: web.Response | None, closing: asyncio.Event
) -> web.StreamResponse:
    """The venue's answer as changed by the ``body`` switch. Raises ConnectionDropped."""
    if body in _FIXED_BODIES:
        content_type = "text/html" if body == "html" else "application/json"
        return web.Response(body=_FIXED_BODIES[body], content_type=content_type)
    content = answer.body if answer is not None and isinstance(answer.body, bytes) else b""
    if body == "truncated":
        return json_answer(content[: len(content) // 2])
    if body == "cut":
        await _cut(request, content)
    elif body == "hang":
        await _hang(closing)
    _close(request)
    raise ConnectionDropped


async def _cut(request: web.Request, content: bytes) -> None:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(content)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])


async def _hang(closing: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(closing.wait(), timeout=LONGEST_HANG_SEC)
    except TimeoutError:
        return


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()
