"""One brain for each file of contract tests, started as a person would who has nothing but the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract import system as contract
from tests.contract.system import System
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.simulator import SimControl, running_simulator
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis("bundled", aof=True) as server:
        server.skip_first_pause()
        yield server


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimControl]:
    with running_simulator(extra_symbols=contract.LISTED, weight_limit=1_000_000) as control:
        yield control


@pytest.fixture(scope="module")
def environment(redis_server: RedisServer, exchange: SimControl) -> dict[str, str]:
    return {
        **redis_server.environment,
        "P33_EXCHANGE_BASE_URL": exchange.base_url,
        "BINANCE_API_KEY": "demo",
        "BINANCE_API_SECRET": "demo",
        "P33_ALLOWLIST": ",".join(contract.SYMBOLS),
        "P33_POLL_SEC": str(contract.POLL_SEC),
        "P33_STALE_THRESHOLD_SEC": str(contract.THRESHOLD_SEC),
        "P33_COOLDOWN_SEC": str(contract.COOLDOWN_SEC),
        "P33_PERMIT_TTL": str(contract.PERMIT_TTL_SEC),
        "P33_PERMIT_SIGNING_KEY": contract.SIGNING_KEY,
        "P33_METRICS_PORT": str(free_port()),
    }


@pytest.fixture(scope="module")
def processes(environment: dict[str, str]) -> Iterator[list[LocalProcess]]:
    app = ["celery", "-A", "p33_tasks"]
    started = [
        LocalProcess("worker", [*app, "worker", "-c", "2"], environment, is_ready=lambda log: "INGEST_READY" in log),
        LocalProcess("beat", [*app, "beat"], environment),
        LocalProcess("exporter", ["p33", "exporter"], environment, is_ready=lambda log: "EXPORTER_LISTENING" in log),
    ]
    yield started
    for process in started:
        process.teardown()


@pytest.fixture(scope="module")
def system(
    redis_server: RedisServer, exchange: SimControl, environment: dict[str, str], processes: list[LocalProcess]
) -> System:
    """The system, once it is up and every symbol has its first snapshot."""
    running = System(
        redis=redis_server,
        exchange=exchange,
        environment=environment,
        metrics_port=int(environment["P33_METRICS_PORT"]),
    )
    for process in processes:
        process.ready()
    wait_until(lambda: all(map(running.snapshot, contract.SYMBOLS)), "every symbol has a snapshot", timeout_sec=30)
    return running
