"""HTTP answers: the same headers on every one, and never a traceback."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from p33_tasks.exporter.page import templates
from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.exporter")

_STYLE_HASH = base64.b64encode(hashlib.sha256(templates.STYLE.encode()).digest()).decode()
HEADERS = {
    # No external resources and no scripts: the page's own style, and forms to this host only.
    "Content-Security-Policy": (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "p33-exporter",
}


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers to a response, before it is sent."""
    response.headers.update(HEADERS)


def page(body: str, *, status: int = 200) -> web.Response:
    """An HTML answer."""
    return web.Response(text=body, status=status, content_type="text/html")


def plain(text: str, *, status: int = 200) -> web.Response:
    """A text answer."""
    return web.Response(text=text, status=status, content_type="text/plain")


def is_own_name(host: str) -> bool:
    """Whether a Host header is an address or localhost, so that it can't be a foreign name.

    A web site can let its own name point to 127.0.0.1 (DNS rebinding) and read this page in its visitor's browser.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _is_address(name)


@web.middleware
async def no_traceback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """An error page instead of aiohttp's texts, also for unexpected errors."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        answer = page(
            templates.message(f"{error.status} {error.reason}", _ADVICE.get(error.status, "")), status=error.status
        )
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except Exception:  # the last handler: any error is logged and not raised
        log.exception(LogEvent.EXPORTER_PAGE_FAILED, path=request.path[:200])
        return page(templates.message("500 Internal error", "The exporter's log has the details."), status=500)


_ADVICE = {
    404: "There is nothing at this address. There are /, /verdicts, /deadletters, /plan/PLAN_ID, /metrics, /healthz "
    "and /readyz.",
    405: "This service can only be read: use GET or HEAD.",
    421: "The exporter listens on a loopback address: use localhost or an IP address, not a host name.",
}


def own_names_only(host: str) -> Middleware:
    """Refuse foreign host names while bound to a loopback address; ``host`` is the service's address."""
    loopback = host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if loopback and not is_own_name(request.host):
            raise web.HTTPMisdirectedRequest
        return await handler(request)

    return check


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
