"""Workers and beats as a person would start them, against a Redis of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, running_redis

Start = Callable[..., LocalProcess]

NO_EXCHANGE = {"P33_EXCHANGE_BASE_URL": "http://127.0.0.1:9", "P33_POLL_SEC": "1"}


@pytest.fixture(params=["bundled"])
def redis_server(request) -> Iterator[RedisServer]:
    with running_redis(request.param) as server:
        yield server


@pytest.fixture
def start(redis_server) -> Iterator[Start]:
    """Starts ``celery -A p33_tasks <arguments>`` and ends it after the test."""
    started: list[LocalProcess] = []

    def start_one(*arguments: str, name: str = "celery", wait: bool = True, **env: str) -> LocalProcess:
        process = LocalProcess(
            name,
            ["celery", "-A", "p33_tasks", *arguments],
            {**redis_server.environment, **NO_EXCHANGE, **env},
            is_ready=_readiness(arguments, env),
        )
        started.append(process)
        if wait:
            process.ready()
        return process

    yield start_one
    for process in started:
        process.teardown()


def _readiness(arguments: tuple[str, ...], env: dict[str, str]) -> Callable[[str], bool] | None:
    if arguments[0] != "worker":
        return None
    reads = env.get("P33_INGEST") != "off" and "p33.snapshots" not in arguments
    return lambda log: " ready." in log and (not reads or "INGEST_NAMED" in log)
