"""A real HTTP server that answers what a test tells it to, byte for byte, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """One answer."""

    body: bytes | str = b"[]"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    claimed_length: int | None = None  # a Content-Length that isn't true
    hang: bool = False  # no answer before the server is stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str
    params: Mapping[str, str]  # of the query and the body
    headers: Mapping[str, str]
    body: str = ""


Answering = Callable[[Asked], Canned]


class CannedServer:
    """Set ``answer`` to a ``Canned`` or to a function of the request; read ``asked``."""

    def __init__(self) -> None:
        self.answer: Canned | Answering = Canned()
        self.asked: list[Asked] = []
        self.stopping = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def answer_to(self, asked: Asked) -> Canned:
        self.asked.append(asked)
        return self.answer if isinstance(self.answer, Canned) else self.answer(asked)

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextmanager
def canned_http() -> Iterator[CannedServer]:
    server = CannedServer()
    try:
        yield server
    finally:
        server.stop()


def _handler(server: CannedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query) + parse_qsl(body))
            headers = {name.lower(): value for name, value in self.headers.items()}
            canned = server.answer_to(
                Asked(method=self.command, path=parts.path, params=params, headers=headers, body=body)
            )
            if canned.hang:
                server.stopping.wait(60)
                self.close_connection = True
                return
            content = canned.body.encode() if isinstance(canned.body, str) else canned.body
            self.send_response(canned.status)
            for name, value in {"Content-Type": "application/json", **canned.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(canned.claimed_length or len(content)))
            self.end_headers()
            self.wfile.write(content)
            if canned.claimed_length is not None:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
            pass

    return Handler
