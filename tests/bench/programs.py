"""Starting what is measured, on loopback, each in processes of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.up.demo import account_of
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until


@contextmanager
def running_process(name: str, command: list[str], env: dict[str, str], ready: str = "") -> Iterator[LocalProcess]:
    process = LocalProcess(name, command, env, is_ready=lambda log: ready in log)
    try:
        process.ready()
        yield process
    finally:
        process.teardown()


@contextmanager
def running_brain(
    symbols: list[str],
    *,
    exchange: str = "binanceusdm",
    held: Mapping[str, str] | None = None,
    latency_ms: int = 0,
    beat: bool = True,
    **env: str,
) -> Iterator[Brain]:
    """Redis with AOF, the simulated exchange, one worker with two pool processes, and beat."""
    with ExitStack() as stack:
        server = stack.enter_context(running_redis("bundled", aof=False))
        sim = stack.enter_context(
            running_simulator(symbols=held, exchange=exchange, extra_symbols=600, latency_ms=latency_ms)
        )
        settings = {
            **server.environment,
            "P33_EXCHANGE_BASE_URL": sim.base_url,
            "P33_EXCHANGE": exchange,
            **account_of(exchange),
            "P33_ALLOWLIST": ",".join(symbols),
            "P33_LOG_LEVEL": "WARNING",
            "P33_LEDGER_BOOTSTRAP": "adopt",
            **env,
        }
        worker = stack.enter_context(
            running_process("worker", ["celery", "-A", "p33_tasks", "worker", "-c", "2"], settings)
        )
        if beat:
            stack.enter_context(running_process("beat", ["celery", "-A", "p33_tasks", "beat"], settings))
        client = server.client()
        wait_until(lambda: client.exists("quantum:stream:apply.plan"), "the ingest reads", timeout_sec=120)
        if beat:
            last = f"quantum:position:snapshot:{symbols[-1]}"
            wait_until(lambda: client.exists(last), "snapshots are there", timeout_sec=120)
        yield Brain(server, sim, worker, settings)


@contextmanager
def running_floor(server: RedisServer, **more: str) -> Iterator[LocalProcess]:
    """The floor's worker, and its ingest, on the same Redis."""
    env = {**server.environment, **more}
    worker = [
        "celery",
        "-A",
        "tests.bench.floor",
        "worker",
        "-c",
        "2",
        "-l",
        "INFO",
        "--without-gossip",
        "--without-mingle",
    ]
    with (
        running_process("floor", worker, env, ready=" ready.") as floor,
        running_process("feed", ["python", "-m", "tests.bench.floor"], env),
    ):
        client = server.client()
        wait_until(lambda: client.exists("floor:stream:apply.plan"), "the floor's ingest reads", timeout_sec=40)
        yield floor


@contextmanager
def running_bare(server: RedisServer) -> Iterator[LocalProcess]:
    """The process that reads a stream and runs one script, on the same Redis."""
    with running_process("bare", ["python", "-m", "tests.bench.bare"], dict(server.environment)) as bare:
        client = server.client()
        wait_until(lambda: client.exists("bare:stream:apply.plan"), "the bare script's process reads", timeout_sec=40)
        yield bare


class Brain:
    """What runs."""

    def __init__(
        self, server: RedisServer, exchange: SimControl, worker: LocalProcess, settings: dict[str, str]
    ) -> None:
        self.server = server
        self.exchange = exchange
        self.worker = worker
        self.settings = settings
