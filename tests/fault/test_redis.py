"""What can happen to Redis and the way to it, under load: the same promises, and soon after its end verdicts again."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis

from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record
from tests.fault.world import FLAT, World, running_world
from tests.support.redis_server import running_redis
from tests.support.tcp_proxy import TcpProxy, running_proxy

BACK_WITHIN_MS, BACK_WITHIN_ON_A_BUSY_MACHINE_MS = 5_000, 20_000
"""From the end of a fault to the verdict on a plan that is published then; the quick run shares its machine."""

_PAUSE = threading.Event()


class Sick:
    """The world, and the hand that makes it ill."""

    def __init__(self, world: World, proxy: TcpProxy) -> None:
        self.world = world
        self.proxy = proxy
        self.chance = random.Random(7)

    @contextmanager
    def restarted(self) -> Iterator[None]:
        """Killed; started again when the block ends."""
        self.world.redis.kill()
        yield
        self.world.redis.start()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """A process that doesn't answer, as in a slow fork or on a frozen machine."""
        os.kill(self.world.redis.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.world.redis.pid, signal.SIGCONT)

    @contextmanager
    def clients_killed(self) -> Iterator[None]:
        """Every connection of every program, blocked ones too."""
        self.world.client.client_kill_filter(_type="normal", skipme=True)
        yield

    @contextmanager
    def connections_reset(self) -> Iterator[None]:
        self.proxy.cut()
        yield

    def swallowed(self) -> contextlib.AbstractContextManager[None]:
        return self.proxy.holding()

    def answers_lost(self) -> contextlib.AbstractContextManager[None]:
        """What was asked is done; nobody hears of it."""
        return self.proxy.holding("down")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """As after a failover that this client hasn't heard of."""
        self.world.client.replicaof("127.0.0.1", 1)
        try:
            yield
        finally:
            self.world.client.replicaof("NO", "ONE")

    @contextmanager
    def out_of_memory(self) -> Iterator[None]:
        self.world.client.config_set("maxmemory", "1mb")
        try:
            yield
        finally:
            self.world.client.config_set("maxmemory", "0")

    @contextmanager
    def slow_script(self) -> Iterator[None]:
        """Somebody's script runs past ``lua-time-limit``: every other command is answered BUSY."""
        self.world.client.config_set("lua-time-limit", "100")
        other = self.world.redis.client()

        def run() -> None:
            with contextlib.suppress(redis.RedisError):
                other.eval("while true do redis.call('PING') end", 0)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self.world.redis.client() as killer:
                killer.script_kill()
            thread.join(10)
            other.close()

    @contextmanager
    def slow_network(self) -> Iterator[None]:
        self.proxy.delay_sec = 0.05
        try:
            yield
        finally:
            self.proxy.delay_sec = 0.0


Fault = Callable[[Sick], contextlib.AbstractContextManager[None]]

# name, fault, (times, seconds) quick, (times, seconds) long
FAULTS: list[tuple[str, Fault, tuple[int, float], tuple[int, float]]] = [
    ("killed and restarted, with AOF", Sick.restarted, (2, 0.3), (30, 0.5)),
    ("stopped for 2 s", Sick.stopped, (1, 2), (10, 2)),
    ("stopped for 8 s", Sick.stopped, (0, 8), (5, 8)),
    ("stopped for 20 s", Sick.stopped, (0, 20), (3, 20)),
    ("every client killed", Sick.clients_killed, (3, 0), (100, 0.2)),
    ("every connection reset", Sick.connections_reset, (2, 0), (100, 0.2)),
    ("network swallows packets", Sick.swallowed, (1, 3.5), (5, 10)),
    ("network swallows answers only", Sick.answers_lost, (1, 1), (20, 3)),
    ("network 50 ms slower each way", Sick.slow_network, (0, 2), (3, 10)),
    ("read-only replica", Sick.read_only, (1, 1), (20, 2)),
    ("out of memory, noeviction", Sick.out_of_memory, (1, 1), (20, 2)),
    ("somebody's script runs for 1 s or more", Sick.slow_script, (1, 1), (10, 3)),
]


@pytest.fixture(scope="module")
def sick() -> Iterator[Sick]:
    """A world whose programs reach Redis through a proxy."""
    with (
        running_redis("bundled", aof=True, options=("--appendfsync", "everysec")) as server,
        running_proxy(server.port) as proxy,
    ):
        through = {"REDIS_PORT": str(proxy.port)}
        with running_world(server=server, settings=through) as world, world.supervised():
            yield Sick(world, proxy)


@pytest.mark.parametrize("fault", FAULTS, ids=[name for name, *_ in FAULTS])
def test_nothing_is_lost_nothing_doubled_and_verdicts_come_again(
    sick: Sick, effort: Effort, record: Record, fault: tuple[str, Fault, tuple[int, float], tuple[int, float]]
) -> None:
    name, make, quick, long = fault
    times, seconds = effort.pick(quick, long)
    if not times:
        pytest.skip("only in the long run: --faults=long")
    world = sick.world
    before = {p.name: p.pid for p in world.programs.values()}
    back_ms: list[int] = []
    with Load(
        world.redis.client, plans_per_sec=effort.pick(25, 60), results_per_sec=effort.pick(5, 15), seed=len(name)
    ).running():
        for _ in range(times):
            _PAUSE.wait(sick.chance.uniform(0.1, 0.6))
            with make(sick):
                _PAUSE.wait(seconds)
            back_ms.append(world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=40))
    world.settle()
    world.await_fresh()
    found = check(world.client, world.exchange.orders(), world.exchange.position)
    died = [p.name for p in world.programs.values() if p.pid != before[p.name]]
    record.add(
        "redis",
        name,
        tried=times,
        held=0 if found.broken else times,
        verdict_ms=back_ms,
        note=f"{seconds} s each; verdicts of plans published at its end" + (f"; ended: {died}" if died else ""),
    )
    found.assert_held()
    assert not died, "ended: " + "\n".join(world.programs[n].last_words() for n in died)
    assert max(back_ms) < effort.pick(BACK_WITHIN_ON_A_BUSY_MACHINE_MS, BACK_WITHIN_MS), back_ms
