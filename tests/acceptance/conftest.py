"""The whole chain, through pytest-celery's fixtures over local processes.

Redis, simulated exchange, workers, beat, governor and apply layer: one system per test module, and every test has
symbols of its own. ``--reconcile-mode observe`` or ``repair`` plays the same with reconciliation at work.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_celery import CeleryBrokerCluster, CeleryTestBroker, CeleryTestNode, CeleryTestWorker, CeleryWorkerCluster

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.demo.up.demo import account_of
from tests.acceptance.system import BINANCE, SETTINGS, SYMBOLS, System
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator


@pytest.fixture(scope="module")
def venue() -> str:
    """Whose API the simulated exchange has."""
    return BINANCE


@pytest.fixture(scope="module")
def redis_server(venue: str) -> Iterator[RedisServer]:
    """One for each venue: under one prefix, another account's snapshots are refused for ten minutes."""
    with running_redis("bundled", aof=True) as server:
        server.skip_first_pause()
        yield server


@pytest.fixture(scope="module")
def symbols(venue: str, request: pytest.FixtureRequest) -> tuple[str, ...]:
    """By number, under the venue's own names: as many as the module needs, since each costs time at every poll."""
    count = getattr(request.module, "SYMBOL_COUNT", len(SYMBOLS))
    return tuple(FRONTS[venue].symbol(f"SIM{number:03d}") for number in range(count))


@pytest.fixture(scope="module")
def exchange(venue: str) -> Iterator[SimControl]:
    with running_simulator(extra_symbols=len(SYMBOLS), exchange=venue) as control:
        yield control


@pytest.fixture(scope="module")
def environment(
    redis_server: RedisServer,
    exchange: SimControl,
    venue: str,
    symbols: tuple[str, ...],
    pytestconfig: pytest.Config,
) -> dict[str, str]:
    """What a person would export before starting the programs by hand."""
    return {
        **redis_server.environment,
        "P33_EXCHANGE": venue,
        "P33_EXCHANGE_BASE_URL": exchange.base_url,
        **account_of(venue),
        "P33_RECONCILE_MODE": pytestconfig.getoption("--reconcile-mode"),
        "P33_RECONCILE_KEY": "a-key-for-emergencies-of-32-chars",
        "P33_ALLOWLIST": ",".join(symbols),
        **SETTINGS,
    }


@pytest.fixture(scope="module")
def celery_broker_cluster(redis_server: RedisServer) -> CeleryBrokerCluster:
    """Our Redis is the broker as well, in its next database."""
    url = redis_server.url(1)
    broker = CeleryTestBroker(_Running("redis", {"url": url, "host_url": url}))  # type: ignore[arg-type]  # no container
    return CeleryBrokerCluster(broker)


@pytest.fixture(scope="module")
def celery_backend_cluster() -> None:
    """No result backend: verdicts are in Redis."""


@pytest.fixture
def celery_worker_cluster_config(celery_broker_cluster: CeleryBrokerCluster) -> dict[str, object]:
    return {"celery_broker_cluster_config": celery_broker_cluster.config()}


@pytest.fixture(scope="module")
def celery_worker_cluster(environment: dict[str, str]) -> Iterator[CeleryWorkerCluster]:
    """Two workers, started as a person would."""
    workers = [
        CeleryTestWorker(
            LocalProcess(
                name,
                ["celery", "-A", "p33_tasks", "worker", "-n", f"{name}@%h", "-c", "2"],
                environment,
                is_ready=lambda log: " ready." in log and "INGEST_READY" in log,
            ),  # type: ignore[arg-type]  # no container
            app=None,
        )
        for name in ("w1", "w2")
    ]
    cluster = CeleryWorkerCluster(*workers)
    yield cluster
    for worker in workers:
        worker.teardown()


@pytest.fixture(scope="module")
def beat(environment: dict[str, str]) -> Iterator[CeleryTestNode]:
    node = CeleryTestNode(LocalProcess("beat", ["celery", "-A", "p33_tasks", "beat"], environment))  # type: ignore[arg-type]
    yield node
    node.teardown()


@pytest.fixture(scope="module")
def neighbours(environment: dict[str, str]) -> Iterator[list[CeleryTestNode]]:
    """Governor and apply layer: the governor is generous, since it is not what is tested."""
    module = ["python", "-m"]
    governor = ["p33_tasks.demo.governor", "--per-5-min", "100", "--per-hour", "1000", "--daily-notional", "1e9"]
    nodes = [
        CeleryTestNode(LocalProcess("governor", module + governor, environment)),  # type: ignore[arg-type]
        CeleryTestNode(LocalProcess("apply", [*module, "p33_tasks.demo.executor.apply_layer"], environment)),  # type: ignore[arg-type]
    ]
    yield nodes
    for node in nodes:
        node.teardown()


@pytest.fixture(scope="module")
def running(
    redis_server: RedisServer,
    exchange: SimControl,
    celery_worker_cluster: CeleryWorkerCluster,
    beat: CeleryTestNode,
    neighbours: list[CeleryTestNode],
    symbols: tuple[str, ...],
) -> System:
    """The system, once all of its programs are up and the first snapshots are there."""
    system = System(
        redis=redis_server,
        exchange=exchange,
        workers=list(celery_worker_cluster),
        beat=beat,
        neighbours=neighbours,
        symbols=symbols,
    )
    system.wait_until_up()
    return system


@pytest.fixture
def system(running: System, celery_setup: object) -> System:  # pytest-celery's own check of the parts
    return running


class _Running:
    """A server that somebody else started and stops."""

    def __init__(self, name: str, celeryconfig: dict[str, str]) -> None:
        self.name = name
        self.id = name
        self.status = "running"
        self.celeryconfig = celeryconfig

    def ready(self) -> bool:
        return True

    def logs(self) -> str:
        return ""

    def teardown(self) -> None:
        """Not ours to stop."""
