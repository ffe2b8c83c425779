"""A running system as the units start it, each process apart, so that each can be killed, frozen and started again."""

from __future__ import annotations

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
import redis

from p33_tasks.cli.queue_metrics import celery_exporter_command
from p33_tasks.contract.keys import Keys
from p33_tasks.demo.exchange.client import SimControl
from tests.deployment.cluster import ROOT, environment, program
from tests.factories import plan_entry, result_entry
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, free_port, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

KEYS = Keys()
POSITIONS = {"BTCUSDT": "0.04", "ETHUSDT": "-1.2"}
SETTINGS = {"P33_ALLOWLIST": ",".join(POSITIONS), "P33_POLL_SEC": "1", "P33_STALE_THRESHOLD_SEC": "4"}
SETTINGS |= {"P33_COOLDOWN_SEC": "1", "P33_PERMIT_TTL": "2", "BINANCE_API_KEY": "demo", "BINANCE_API_SECRET": "demo"}
SETTINGS |= {"P33_RECONCILE_KEY": "a-key-that-signs-emergency-closes"}
"""The system's own settings, quick where a default would only make the test longer."""

QUEUES = "p33.permits,p33.ledger"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that a fault can be done to."""

    redis: RedisServer
    broker: RedisServer
    exchange: SimControl
    env: Mapping[str, str]
    worker: LocalProcess  # judges plans, records results, reads the streams
    snapshots: LocalProcess
    beat: LocalProcess
    exporter: LocalProcess
    queue_metrics: LocalProcess | None  # celery-exporter; None where its environment wasn't made
    targets: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    # --- traffic ----------------------------------------------------------------------------------------------------

    def client(self) -> redis.Redis:
        """A client of the state store."""
        return self.redis.client()

    def publish_plan(self, **changes: Any) -> str:
        """A plan as a producer writes it, with an id of its own; returns that."""
        plan_id = f"live-{time.time_ns():x}-{next(self.numbers)}"
        with self.client() as client:
            client.xadd(KEYS.plans, plan_entry(plan_id=plan_id, **changes))
        return plan_id

    def publish_fill(self, quantity: str, side: str = "SELL", **changes: Any) -> None:
        """The report of an executed order that no permit was given for."""
        order_id = str(time.time_ns() + next(self.numbers))
        fields = {"plan_id": f"rogue-{order_id}", "order_id": order_id, "side": side, "filled_qty": quantity, **changes}
        with self.client() as client:
            client.xadd(KEYS.results, result_entry(**fields, order_status="FILLED"))

    def p33(self, *arguments: str) -> None:
        """A command of the operator's, as in the runbook."""
        done = self.try_p33(*arguments)
        assert done.returncode == 0, f"p33 {' '.join(arguments)}: {done.stdout}{done.stderr}"

    def try_p33(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [program("p33"), *arguments]
        return subprocess.run(
            command, env=dict(self.env), cwd=ROOT, check=False, capture_output=True, text=True, timeout=30
        )

    def adopt(self, symbol: str) -> None:
        """What the runbook says where exchange and ledger differ; refused for as long as an order may be under way."""
        command = ("ledger", "adopt", "--replace", "--yes", symbol)
        done = f"{symbol}'s ledger is adopted"
        wait_until(lambda: self.try_p33(*command).returncode == 0, done, timeout_sec=20, every_sec=0.5)

    def restore(self, symbol: str) -> None:
        """The position of the beginning, and a ledger that agrees with it."""
        amount, key = POSITIONS[symbol], KEYS.snapshot(symbol)
        self.exchange.set_position(symbol, amount)
        with self.client() as client:
            wait_until(lambda: client.hget(key, "position_amt") == amount, f"{symbol} is fetched again")
        self.adopt(symbol)

    # --- processes --------------------------------------------------------------------------------------------------

    def pool(self) -> list[psutil.Process]:
        """The worker's pool: what does its tasks."""
        children = psutil.Process(self.worker.pid).children()
        return [child for child in children if child.pid not in {process.pid for process in self.ingest()}]

    def ingest(self) -> list[psutil.Process]:
        """The process beside the pool that reads the streams."""
        return [p for p in psutil.Process(self.worker.pid).children() if "p33_tasks.celery.ingest" in p.cmdline()]


@contextmanager
def frozen(*processes: psutil.Process) -> Iterator[None]:
    """Processes that hang for as long as the block runs."""
    try:
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            if process.is_running():
                process.send_signal(signal.SIGCONT)


@contextmanager
def killed(process: LocalProcess) -> Iterator[None]:
    """A process and its children are gone (SIGKILL) for as long as the block runs."""
    process.kill()
    try:
        yield
    finally:
        process.start()
        process.ready()


@contextmanager
def running_world() -> Iterator[World]:
    """The system, healthy: every symbol has a fresh snapshot and a ledger that agrees."""
    with ExitStack() as stack:
        # Redis 7 tells what was trimmed unread. The broker is apart, so that it can be away alone.
        state = stack.enter_context(running_redis("system", aof=True))
        broker = stack.enter_context(running_redis("system"))
        exchange = stack.enter_context(running_simulator(symbols=POSITIONS))
        port, queue_port = free_port(), free_port()
        ours = {"P33_EXCHANGE_BASE_URL": exchange.base_url, "P33_METRICS_PORT": str(port)}
        env = environment(**SETTINGS, **state.environment, **ours, P33_BROKER_URL=broker.url())

        def start(name: str, *command: str, ready: str) -> LocalProcess:
            process = LocalProcess(name, command, env, is_ready=lambda log: ready in log)
            stack.callback(process.teardown)
            return process

        celery = ("celery", "-A", "p33_tasks")
        worker = ("worker", "--hostname", "worker1@%h", "--concurrency", "2", "-Q", QUEUES)
        snapshots = ("worker", "--hostname", "snapshots@%h", "--concurrency", "2", "-Q", "p33.snapshots")
        queue_metrics = celery_exporter_command(port=queue_port)
        world = World(
            redis=state,
            broker=broker,
            exchange=exchange,
            env=env,
            worker=start("worker", *celery, *worker, ready="INGEST_NAMED"),
            snapshots=start("snapshots", *celery, *snapshots, ready=" ready."),
            beat=start("beat", *celery, "beat", "--pidfile=", ready=""),
            exporter=start("exporter", "p33", "exporter", ready="EXPORTER_LISTENING"),
            queue_metrics=None
            if queue_metrics is None
            else start("queues", "python", *queue_metrics[1:], ready="Started celery-exporter"),
            targets={"p33": f"127.0.0.1:{port}", "celery": f"127.0.0.1:{queue_port}"},
        )
        for process in (world.worker, world.snapshots, world.beat, world.exporter):
            process.ready()
        for symbol in POSITIONS:
            world.adopt(symbol)
        yield world
