"""What is answered while Redis is away, hangs, or comes back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from p33_tasks.store.connection import connect
from tests.integration.exporter.conftest import Answer, Exporter
from tests.integration.exporter.world import MIXED, World
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
def exporter(redis_server: RedisServer, exporters: Callable[..., Exporter]) -> Exporter:
    world = World(connect(redis_server.url()), tuple(MIXED))
    world.refresh(MIXED)
    world.read_streams()
    return exporters(**redis_server.environment, P33_ALLOWLIST=",".join(MIXED))


def timed(act: Callable[[], Answer]) -> tuple[float, Answer]:
    began = time.monotonic()
    answer = act()
    return time.monotonic() - began, answer


def test_a_killed_redis_is_told_at_once_and_its_return_too(exporter: Exporter, redis_server: RedisServer) -> None:
    assert exporter.get("/readyz").text == "ready\n"
    redis_server.kill()

    took_sec, scrape = timed(lambda: exporter.get("/metrics"))
    assert scrape.status == 200
    assert "p33_up 0.0\n" in scrape.text
    assert "p33_build_info" in scrape.text
    assert "p33_position_amt" not in scrape.text
    assert took_sec < 3
    ready = exporter.get("/readyz")
    assert ready.status == 503
    assert ready.text.startswith("not ready\n- Redis can't be reached:")
    page = exporter.get("/")
    assert page.status == 503
    assert "Redis does not answer" in page.text
    assert exporter.get("/plan/abc").status == 503
    assert exporter.get("/healthz").text == "ok\n"

    redis_server.start()
    assert "p33_up 1.0\n" in exporter.get("/metrics").text
    # It came back empty: reachable, and no plan can be judged.
    assert exporter.get("/readyz").status == 503
    assert "not usable" in exporter.get("/readyz").text


def test_a_redis_that_hangs_costs_no_more_than_the_time_given(exporter: Exporter, redis_server: RedisServer) -> None:
    """Connections are accepted and nothing comes back, as in a network that swallows packets."""
    exporter.get("/metrics")
    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        took_sec, scrape = timed(lambda: exporter.get("/metrics"))
        hurried_sec, hurried = timed(
            lambda: exporter.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.5"})
        )
        page_sec, page = timed(lambda: exporter.get("/"))
        alive_sec, alive = timed(lambda: exporter.get("/healthz"))
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert (scrape.status, "p33_up 0.0\n" in scrape.text, took_sec < 4) == (200, True, True)
    assert (hurried.status, "p33_up 0.0\n" in hurried.text, hurried_sec < 1) == (200, True, True)
    assert (page.status, page_sec < 4) == (503, True)
    assert (alive.status, alive_sec < 0.5) == (200, True)
    wait_until(lambda: "p33_up 1.0\n" in exporter.get("/metrics").text, "the scrape works again")


def test_a_hundred_readers_of_a_hanging_redis_all_get_their_answer(
    exporter: Exporter, redis_server: RedisServer
) -> None:
    """They share one read, so a Redis in trouble isn't asked a hundred times."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - of this test alone

    os.kill(redis_server.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(100) as pool:
            took_sec, answers = timed(lambda: list(pool.map(lambda _: exporter.get("/metrics"), range(100))))  # type: ignore[arg-type, return-value]  # a list of answers
    finally:
        os.kill(redis_server.pid, signal.SIGCONT)
    assert {answer.status for answer in answers} == {200}  # type: ignore[attr-defined]  # a list of answers
    assert took_sec < 10


def test_a_wrong_password_is_told_without_the_password(
    redis_server: RedisServer, exporters: Callable[..., Exporter]
) -> None:
    exporter = exporters(**redis_server.environment, REDIS_PASSWORD="hunter2hunter2")
    for path in ("/readyz", "/", "/metrics"):
        answer = exporter.get(path)
        assert "hunter2" not in answer.text
    assert exporter.get("/readyz").status == 503
    assert "hunter2" not in exporter.log


def test_entries_that_nobody_reads_make_it_not_ready(exporter: Exporter, redis_server: RedisServer) -> None:
    client = connect(redis_server.url())
    client.xadd("quantum:stream:apply.plan", {"plan_id": "waits"}, id=f"{int(client.time()[0]) - 60}000-0")
    ready = exporter.get("/readyz")
    assert ready.status == 503
    assert "stream quantum:stream:apply.plan: 1 waiting, the oldest for 6" in ready.text
