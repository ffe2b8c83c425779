"""How the exporter behaves as an HTTP server and as a process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from p33_tasks.exporter.answers import add_headers, no_traceback
from p33_tasks.exporter.connections import close_old_connections
from p33_tasks.store.connection import connect
from tests.integration.exporter.conftest import Exporter, start_exporter
from tests.integration.exporter.world import MIXED, mixed
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="module")
def exporter(redis_server: RedisServer, exporters: Callable[..., Exporter]) -> Exporter:
    mixed(connect(redis_server.url()))
    return exporters(**redis_server.environment, P33_ALLOWLIST=",".join((*MIXED, "LTCUSDT")))


def said(exporter: Exporter, request: bytes) -> str:
    """Speak HTTP by hand; what came back until the other side closed."""
    with socket.create_connection(("127.0.0.1", exporter.port), timeout=10) as wire:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may refuse before it has heard all
            wire.sendall(request)
        return b"".join(iter(lambda: wire.recv(65_536), b"")).decode("utf-8", "replace")


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/readyz", "/plan/x", "/nowhere", "/plan?id="])
def test_every_answer_forbids_scripts_and_framing(exporter: Exporter, path: str) -> None:
    headers = exporter.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "aiohttp" not in headers["Server"]


def test_head_is_answered_without_a_body(exporter: Exporter) -> None:
    for path in ("/", "/metrics", "/healthz"):
        answer = exporter.get(path, method="HEAD")
        assert (answer.status, answer.text) == (200, "")


def test_what_is_not_there_and_what_is_not_allowed_say_so(exporter: Exporter) -> None:
    missing = exporter.get("/nowhere/<script>")
    assert missing.status == 404
    assert "<script>" not in missing.text
    assert "/plan/PLAN_ID" in missing.text
    refused = exporter.get("/metrics", method="POST")
    assert refused.status == 405
    assert "GET" in refused.headers["Allow"]


def test_a_plans_story_is_found_by_path_and_by_the_form(exporter: Exporter) -> None:
    for path in ("/plan/9f2c71b0cafe0005", "/plan?id=9f2c71b0cafe0005", "/plan?id=+9f2c71b0cafe0005%20"):
        answer = exporter.get(path)
        assert answer.status == 200
        for told in ("reconcile_required_qty_mismatch", "off by 2.450921 %", "p33 ledger adopt --replace XRPUSDT"):
            assert told in answer.text
    executed = exporter.get("/plan/abc5f1f59a4df545").text
    assert "Allowed to sell 0.028" in executed
    assert "order_id 8205830455" in executed


def test_a_hostile_plan_id_links_to_its_own_story(exporter: Exporter) -> None:
    home = exporter.get("/").text
    assert "<script>" not in home
    link = home.partition('class="id" href="/plan/%3Cscript')[2].partition('"')[0]
    story = exporter.get(f"/plan/%3Cscript{link}")
    assert story.status == 200
    assert "Denied: unknown_action" in story.text
    assert "<script>" not in story.text


@pytest.mark.parametrize(
    "path",
    [
        "/plan/never-seen",
        "/plan/..%2f..%2fetc%2fpasswd",
        "/plan/%00",
        "/plan/%ff%fe",
        "/plan/%ED%A0%80",
        "/plan/" + "x" * 1_001,
        "/plan/%20",
        "/plan?id=" + "%F0%9F%98%80" * 300,
        "/plan?id=%ff",
        "/plan?id",
        "/plan/a/b?x=1",
    ],
)
def test_an_odd_plan_id_is_a_plan_nobody_knows(exporter: Exporter, path: str) -> None:
    answer = exporter.get(path)
    assert answer.status == 404
    assert "Traceback" not in answer.text


def test_requests_that_are_too_long_or_no_http_end_without_harm(exporter: Exporter) -> None:
    for request in (
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nConnection: close\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(5_000)) + b"\r\n",
        b"\x16\x03\x01 no http\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
    ):
        answer = said(exporter, request)
        assert "Traceback" not in answer
        assert " 200 " not in answer.partition("\r\n")[0]
    assert exporter.get("/healthz").text == "ok\n"
    assert "Traceback" not in exporter.log


def test_a_strangers_name_for_this_address_is_refused(exporter: Exporter) -> None:
    """DNS rebinding: positions must not be readable by any web site that its operator visits."""
    request = b"GET %s HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    for path in (b"/", b"/metrics", b"/plan/x"):
        answer = said(exporter, request % path)
        assert answer.startswith("HTTP/1.1 421 ")
        assert "BTCUSDT" not in answer


def test_a_handler_that_fails_shows_no_traceback() -> None:
    async def broken(_: web.Request) -> web.Response:
        raise RuntimeError("a secret")

    async def ask() -> tuple[int, str]:
        app = web.Application(middlewares=[no_traceback])
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", broken)
        async with TestClient(TestServer(app)) as client, client.get("/") as reply:
            return reply.status, await reply.text()

    status, text = asyncio.run(ask())
    assert status == 500
    assert "a secret" not in text
    assert "Traceback" not in text


def test_a_client_that_says_nothing_does_not_hold_its_connection_for_ever() -> None:
    async def serve() -> None:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert runner.server is not None
        closing = asyncio.create_task(close_old_connections(runner.server, max_age_sec=0.1, look_sec=0.02))
        reader, writer = await asyncio.open_connection(*runner.addresses[0][:2])
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        closing.cancel()
        await runner.cleanup()

    asyncio.run(serve())


def test_of_too_many_connections_the_oldest_give_way() -> None:
    async def serve() -> bool:
        runner = web.AppRunner(web.Application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert runner.server is not None
        closing = asyncio.create_task(close_old_connections(runner.server, max_age_sec=60, most=2, look_sec=0.02))
        pairs = [await asyncio.open_connection(*runner.addresses[0][:2]) for _ in range(3)]
        done, pending = await asyncio.wait(
            [asyncio.create_task(reader.read()) for reader, _ in pairs],
            timeout=10,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in pending:
            task.cancel()
        for _, writer in pairs:
            writer.close()
        closing.cancel()
        await runner.cleanup()
        return len(done) == 1

    assert asyncio.run(serve())


# --- the process ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(
    redis_server: RedisServer, exporters: Callable[..., Exporter], number: signal.Signals
) -> None:
    exporter = exporters(**redis_server.environment)
    exporter.process.send_signal(number)
    assert exporter.process.wait(10) == 0
    assert "EXPORTER_STOPPED" in exporter.log
    assert "Traceback" not in exporter.log


def test_a_taken_port_is_told_with_the_way_out(redis_server: RedisServer, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        exporter = start_exporter(tmp_path, {**redis_server.environment, "P33_METRICS_PORT": port})
        assert exporter.process.wait(20) == 2
    assert f"P33_METRICS_PORT={port}: can't listen there" in exporter.log
    assert "choose another address" in exporter.log
    assert "Traceback" not in exporter.log


def test_a_wrong_configuration_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    exporter = start_exporter(tmp_path, {"P33_METRICS_PORT": "99999"})
    assert exporter.process.wait(20) == 2
    assert "P33_METRICS_PORT='99999'" in exporter.log
    assert "Traceback" not in exporter.log


def test_it_starts_while_redis_is_away(exporters: Callable[..., Exporter]) -> None:
    """A supervisor that restarts everything at once must not find it in a crash loop."""
    exporter = exporters(REDIS_HOST="127.0.0.1", REDIS_PORT="1")
    assert "p33_up 0.0\n" in exporter.get("/metrics").text


def test_importing_it_loads_neither_ccxt_nor_celery() -> None:
    code = "import sys, p33_tasks.exporter; print([m for m in ('ccxt', 'celery', 'kombu') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
