"""A whole system of real processes that faults are done to: Redis, simulated exchange, workers, beat, apply layer."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import psutil
import redis

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.names import DemoKeys, client_order_id
from tests.support.guard import watch
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

POLL_SEC, THRESHOLD_SEC, COOLDOWN_SEC, PERMIT_TTL_SEC = 1, 3, 1, 5
SETTINGS = {
    "P33_POLL_SEC": str(POLL_SEC),
    "P33_STALE_THRESHOLD_SEC": str(THRESHOLD_SEC),
    "P33_COOLDOWN_SEC": str(COOLDOWN_SEC),
    "P33_PERMIT_TTL": str(PERMIT_TTL_SEC),
    "BINANCE_API_KEY": "demo",
    "BINANCE_API_SECRET": "demo",
}
READING: dict[str, Any] = {"decode_responses": True, "encoding_errors": "surrogateescape"}
PLANS, RESULTS = "quantum:stream:apply.plan", "quantum:stream:apply.result"
DECISIONS = "quantum:stream:p33.decision"

REAL = tuple(f"SIM{n:03d}USDT" for n in range(0, 24, 3))
"""With positions; their plans are executed by the apply layer."""
FLAT = tuple(f"SIM{n:03d}USDT" for n in range(1, 24, 3))
"""Without; their plans are denied."""
BOOK = tuple(f"SIM{n:03d}USDT" for n in range(2, 24, 3))
"""Flat at the exchange; an executor that is the test itself reports fills on them."""
START_AMT = {symbol: Decimal(90_000) * (-1 if n % 2 else 1) for n, symbol in enumerate(REAL)}


class Program(LocalProcess):
    """A program that keeps the logs of all its lives."""

    _life_at = 0
    ended_with: int | None = None  # the exit code, or the signal as a negative number, of a life that ended by itself
    _was_ready = 0  # the life that was ready once, by its pid: a long log isn't read again and again

    def start(self) -> None:
        if self._process is not None and self._process.poll() not in {None, -9}:  # -9: the test's own doing
            self.ended_with = self._process.returncode
        with self._log.open("ab") as log:
            self._life_at = log.tell()
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        watch(self._process.pid)
        self.seen: set[psutil.Process] = getattr(self, "seen", set())

    @property
    def was_restarted(self) -> bool:
        return self._life_at > 0

    def logs(self) -> str:
        """Of this life."""
        with self._log.open("rb") as log:
            log.seek(self._life_at)
            return log.read().decode("utf-8", "replace")

    def all_logs(self) -> str:
        """Of every life."""
        return self._log.read_text("utf-8", "replace")

    def last_words(self, chars: int = 6_000) -> str:
        """From what ended a life, or else the end of the life before the present one."""
        logs = self.all_logs()
        banner = logs.rfind(f" -------------- {self.name}@")  # of the present life
        logs = logs[: banner if self.ended_with is not None and banner > 0 else None]
        at = logs.rfind(" CRITICAL ")
        told = logs[max(0, at - chars) : at + chars] if at >= 0 else logs[-chars:]
        return f"{self.name}, exit code {self.ended_with}:\n{told}"

    @property
    def is_ready(self) -> bool:
        if self.status != "running":
            return False
        if self._was_ready != self.pid and (self._is_ready is None or self._is_ready(self.logs())):
            self._was_ready = self.pid
        return self._was_ready == self.pid

    def kill_main(self) -> None:
        """Only the main process; what it started is left to itself."""
        self.seen |= set(self.tree())
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 9)
        self._wait()

    def teardown(self) -> None:
        super().teardown()
        for process in self.seen:  # of earlier lives; a pid that was given away again is told apart by its start time
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running():
                    process.kill()


def tolerant_client(port: int, host: str = "127.0.0.1") -> redis.Redis:
    """As our own programs read: foreign bytes come back as they are."""
    client: redis.Redis = redis.Redis(host, port, socket_timeout=10, socket_connect_timeout=2, **READING)
    return client


@dataclass
class World:
    """What runs."""

    redis: RedisServer
    exchange: SimControl
    env: dict[str, str]
    programs: dict[str, Program] = field(default_factory=dict)
    connect: Callable[[], redis.Redis] | None = None  # where it isn't one server on loopback
    client: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.connect() if self.connect is not None else tolerant_client(self.redis.port)

    # --- programs ---------------------------------------------------------------------------------------------------

    @property
    def workers(self) -> list[Program]:
        return [program for name, program in self.programs.items() if name.startswith("worker")]

    def add(self, name: str, command: Sequence[str], *, ready: Sequence[str] = (), **env: str) -> Program:
        """Start a program."""
        program = Program(
            name, command, {**self.env, **env}, is_ready=lambda log: all(word in log for word in ready) or not ready
        )
        self.programs[name] = program
        return program

    def add_worker(self, name: str = "worker1", concurrency: int = 2, **env: str) -> Program:
        command = ["celery", "-A", "p33_tasks", "worker", "-n", f"{name}@%h", "-c", str(concurrency)]
        return self.add(name, command, ready=(" ready.", "INGEST_READY"), **env)

    def add_beat(self, name: str = "beat", **env: str) -> Program:
        return self.add(name, ["celery", "-A", "p33_tasks", "beat"], **env)

    def add_apply(self, **env: str) -> Program:
        command = ["python", "-m", "p33_tasks.demo.executor.apply_layer"]
        return self.add("apply", command, ready=("APPLY_LAYER",), **env)

    def add_governor(self, **env: str) -> Program:
        """A generous one: it is not what is tested."""
        limits = ["--per-5-min", "100000", "--per-hour", "1000000", "--daily-notional", "1e15"]
        return self.add("governor", ["python", "-m", "p33_tasks.demo.governor", *limits], **env)

    def add_exporter(self, port: int) -> Program:
        return self.add("exporter", ["p33", "exporter"], ready=("EXPORTER",), P33_METRICS_PORT=str(port))

    @contextmanager
    def supervised(self) -> Iterator[None]:
        """Ended programs are started again at once, as a service manager would."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                for program in list(self.programs.values()):
                    if program.status != "running":
                        program.start()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(10)

    def await_ready(self, *, timeout_sec: float = 40) -> None:
        for program in self.programs.values():
            wait_until(lambda p=program: p.is_ready, f"{program.name} is ready", timeout_sec=timeout_sec)

    def teardown(self) -> None:
        for program in self.programs.values():
            program.teardown()

    # --- the scene --------------------------------------------------------------------------------------------------

    def set_ledgers(self, amounts: Mapping[str, Decimal]) -> None:
        """Ledgers as they would be after a life of fills."""
        pipeline = self.client.pipeline(transaction=False)
        for symbol, amt in amounts.items():
            side = "FLAT" if amt == 0 else "LONG" if amt > 0 else "SHORT"
            fields: dict[str, str] = {"last_known_amt": str(amt), "last_known_side": side}
            pipeline.hset(f"quantum:position:ledger:{symbol}", mapping=dict(fields))
        pipeline.execute()

    def await_fresh(self, symbols: Sequence[str] = (*REAL, *FLAT, *BOOK), *, timeout_sec: float = 40) -> int:
        """Wait until each symbol has a snapshot fetched from now on; returns milliseconds that it took."""
        began_ms = self.now_ms()
        run_id = self.client.info("server")["run_id"]

        def fresh() -> bool:
            pipeline = self.client.pipeline(transaction=False)
            for symbol in symbols:
                pipeline.hmget(f"quantum:position:snapshot:{symbol}", "ts_ms", "run_id")
            return all(int(ts or 0) >= began_ms and run == run_id for ts, run in pipeline.execute())

        wait_until(fresh, "fresh snapshots", timeout_sec=timeout_sec)
        return self.now_ms() - began_ms

    def _kept(self, group: str, *, answers_lost: bool) -> int:
        """Plans that an executor may keep: of unknown outcome, while their position is held for them.

        Only where nobody can know whether the order was sent. Either Redis restarted between the consumption and the
        step to ``sending`` (the journal names no sender then): it may have forgotten that another process took that
        step, and one process doesn't know of another. Or the executor was killed behind that step, with all it knew.
        An executor that lives, and whose own step it was, knows whether it called the venue; it must have told. Unless
        the venue's answer was lost: then an order that the venue doesn't know may still come, and is waited for.
        """
        if group != "apply" or "apply" not in self.programs:
            return 0
        executor = self.programs["apply"]
        told = set(re.findall(r"INFO UNKNOWN symbol=(\S+) plan_id=(\S+)", executor.all_logs()))
        held = [plan for symbol, plan in told if self.client.get(f"quantum:position:inflight:{symbol}") == plan]
        journals = DemoKeys("quantum")
        sent = {order["clientOrderId"] for order in self.exchange.orders()} if answers_lost else set()
        return sum(
            executor.was_restarted
            or not self.client.hget(journals.journal(plan), "sender")
            or (answers_lost and client_order_id("quantum", plan) not in sent)
            for plan in held
        )

    def settle(self, *, timeout_sec: float = 60, answers_lost: bool = False) -> None:
        """Wait until everybody has read and acknowledged everything, and ledgers stand still.

        Args:
            timeout_sec: For all of it.
            answers_lost: The venue lost answers to orders: see ``_kept``.
        """
        groups = {PLANS: {"p33", *(["apply"] if "apply" in self.programs else [])}, RESULTS: {"p33"}}

        def unsettled() -> list[str]:
            left = []
            for stream, names in groups.items():
                if not self.client.exists(stream):
                    continue
                last = self.client.xinfo_stream(stream)["last-generated-id"]
                done = {
                    group["name"]
                    for group in self.client.xinfo_groups(stream)
                    if group["pending"] <= self._kept(group["name"], answers_lost=answers_lost)
                    and group["last-delivered-id"] == last
                }
                left += [f"{name} on {stream}" for name in names - done]
            return left

        try:
            wait_until(lambda: not unsettled(), "all streams are settled", timeout_sec=timeout_sec, every_sec=0.1)
        except AssertionError as error:
            found = {stream: self.client.xinfo_groups(stream) for stream in groups}
            waiting = {stream: self.client.xpending_range(stream, "p33", "-", "+", 3) for stream in groups}
            raise AssertionError(f"not settled: {unsettled()}; {found}; {waiting}") from error

    def now_ms(self) -> int:
        """Redis TIME."""
        seconds, micros = self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    def verdict_ms(self, symbol: str, plan_id: str, action: str = "CLOSE_FULL", *, timeout_sec: float = 10) -> int:
        """Publish one plan; milliseconds until its verdict is there, by Redis's own clock."""
        entry_id = self.client.xadd(PLANS, dict(plan_entry(plan_id, symbol, action)))
        key = f"quantum:p33:decision:{plan_id}"
        wait_until(lambda: self.client.exists(key), f"a verdict on {plan_id}", timeout_sec=timeout_sec, every_sec=0.01)
        (decided,) = (i for i, f in self.client.xrevrange(DECISIONS, count=500) if f["plan_id"] == plan_id)
        return int(str(decided).partition("-")[0]) - int(str(entry_id).partition("-")[0])


def plan_entry(plan_id: str, symbol: str, action: str = "CLOSE_FULL") -> dict[str, str]:
    return {"plan_id": plan_id, "symbol": symbol, "action": action, "decision": "EXECUTE"}


@contextmanager
def running_world(
    *,
    workers: int = 2,
    apply: bool = True,
    beat: bool = True,
    aof: bool = False,
    server: RedisServer | None = None,
    connect: Callable[[], redis.Redis] | None = None,
    settings: Mapping[str, str] | None = None,
    wait: bool = True,
) -> Iterator[World]:
    """A system that is up and has fresh snapshots and ledgers.

    Args:
        workers: How many, of two pool processes each.
        apply: The reference apply layer too.
        beat: One beat too.
        aof: Redis keeps what it wrote.
        server: A Redis of the test's own instead.
        connect: How the test itself reaches it, where that isn't its port on loopback.
        settings: More environment variables.
        wait: Until everything is up.
    """
    with ExitStack() as stack:
        if server is None:
            server = stack.enter_context(running_redis("bundled", aof=aof))
        positions = {symbol: str(amt) for symbol, amt in START_AMT.items()}
        exchange = stack.enter_context(running_simulator(extra_symbols=30, symbols=positions))
        env = {
            **server.environment,
            **SETTINGS,
            "P33_ALLOWLIST": ",".join((*REAL, *FLAT, *BOOK)),
            "P33_EXCHANGE_BASE_URL": exchange.base_url,
            **(settings or {}),
        }
        world = World(redis=server, exchange=exchange, env=env, connect=connect)
        stack.callback(world.teardown)
        world.set_ledgers({**START_AMT, **dict.fromkeys((*FLAT, *BOOK), Decimal(0))})
        for number in range(1, workers + 1):
            world.add_worker(f"worker{number}")
        if beat:
            world.add_beat()
        if apply:
            world.add_apply()
        if wait:
            world.await_ready()
            if beat:
                world.await_fresh()
        yield world
