"""Several hosts: Redis on one, workers and beats on three, the exchange on another, and a network that fails them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.client import SimControl
from tests.fault.load import Load
from tests.fault.promises import check
from tests.fault.record import Effort, Record
from tests.fault.world import BOOK, FLAT, REAL, SETTINGS, START_AMT, World
from tests.support.hosts import Switch, running_hosts
from tests.support.redis_server import running_redis
from tests.support.simulator import running_simulator
from tests.support.tcp_proxy import running_proxy

REDIS, ONE, TWO, THREE, VENUE = range(5)
WORKERS = (ONE, TWO, THREE)
VERDICT_WITHIN_MS = 3_000

HEAVY_LOSS = "20 % loss, 30 to 60 ms late"
"""Three workers pass about one plan a second through this: TCP waits longer after each loss. More is only a backlog."""

_PAUSE = threading.Event()


def _both(*pairs: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    return (*pairs, *((b, a) for a, b in pairs))


Fault = Callable[[Switch], AbstractContextManager[None]]

# name, fault, whether a worker can still reach Redis, (times, seconds) quick, (times, seconds) long
FAULTS: list[tuple[str, Fault, bool, tuple[int, float], tuple[int, float]]] = [
    ("one worker host cut off", lambda s: s.cutting(*_both((ONE, REDIS))), True, (0, 0), (10, 5)),
    ("one host's requests are lost", lambda s: s.cutting((TWO, REDIS)), True, (0, 0), (10, 5)),
    ("one host's answers are lost", lambda s: s.cutting((REDIS, THREE)), True, (1, 2), (10, 5)),
    ("two of three cut off", lambda s: s.cutting(*_both((ONE, REDIS), (TWO, REDIS))), True, (0, 0), (10, 5)),
    ("all three cut off", lambda s: s.cutting(*_both(*((w, REDIS) for w in WORKERS))), False, (0, 0), (10, 5)),
    ("exchange cut off", lambda s: s.cutting(*_both(*((w, VENUE) for w in WORKERS))), True, (0, 0), (5, 6)),
    ("5 % loss, 10 to 20 ms late", lambda s: s.poor(loss=0.05, delay_sec=0.01), True, (0, 0), (5, 20)),
    (HEAVY_LOSS, lambda s: s.poor(loss=0.2, delay_sec=0.03), True, (0, 0), (5, 20)),
]


class Network:
    """The world, spread over hosts."""

    def __init__(self, world: World, switch: Switch) -> None:
        self.world = world
        self.switch = switch


@contextmanager
def _spread(switch: Switch) -> Iterator[World]:
    """The test itself stands on Redis's host."""
    redis_host, venue_host = switch.hosts[REDIS], switch.hosts[VENUE]
    with ExitStack() as stack:
        with venue_host.inside():
            positions = {symbol: str(amt) for symbol, amt in START_AMT.items()}
            sim = stack.enter_context(running_simulator(extra_symbols=30, symbols=positions))
            port = int(sim.base_url.rpartition(":")[2])
            gate = stack.enter_context(running_proxy(port, listen_host=venue_host.address))
        stack.enter_context(redis_host.inside())
        options = ("--bind", "127.0.0.1", redis_host.address, "--protected-mode", "no")
        server = stack.enter_context(running_redis("bundled", options=options))
        url = f"http://{venue_host.address}:{gate.port}"
        env = {
            **SETTINGS,
            "REDIS_HOST": redis_host.address,
            "REDIS_PORT": str(server.port),
            "REDIS_DB": "0",
            "P33_ALLOWLIST": ",".join((*REAL, *FLAT, *BOOK)),
            "P33_EXCHANGE_BASE_URL": url,
        }
        world = World(redis=server, exchange=SimControl(url), env=env)
        stack.callback(world.teardown)
        world.set_ledgers({**START_AMT, **dict.fromkeys((*FLAT, *BOOK), Decimal(0))})
        for number in WORKERS:
            with switch.hosts[number].inside():
                world.add_worker(f"worker{number}")
                world.add_beat(f"beat{number}")
                if number == THREE:
                    world.add_apply()
        world.await_ready()
        world.await_fresh()
        yield world


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with running_hosts(5) as switch, _spread(switch) as world:
        yield Network(world, switch)


@pytest.mark.parametrize("fault", FAULTS, ids=[name for name, *_ in FAULTS])
def test_whatever_the_network_does_nothing_is_lost_nothing_doubled(
    network: Network,
    effort: Effort,
    record: Record,
    fault: tuple[str, Fault, bool, tuple[int, float], tuple[int, float]],
) -> None:
    name, make, works_on, quick, long = fault
    times, seconds = effort.pick(quick, long)
    if not times:
        pytest.skip("only in the long run: --faults=long")
    world = network.world
    verdict_ms: list[int] = []
    is_poor = "loss" in name  # each of a verdict's round trips waits for packets sent again: no promise of speed
    plans_per_sec = 1 if name == HEAVY_LOSS else 5 if is_poor else 25
    results_per_sec = min(3, plans_per_sec)
    with Load(
        world.redis.client, plans_per_sec=plans_per_sec, results_per_sec=results_per_sec, seed=len(name)
    ).running():
        for _ in range(times):
            _PAUSE.wait(0.5)
            with make(network.switch):
                _PAUSE.wait(seconds / 2)
                if works_on:
                    verdict_ms.append(world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=40))
                _PAUSE.wait(seconds / 2)
            if not works_on:
                verdict_ms.append(world.verdict_ms(FLAT[0], f"probe-{uuid.uuid4().hex}", timeout_sec=40))
    world.settle()
    world.await_fresh()
    found = check(world.client, world.exchange.orders(), world.exchange.position)
    told = f"{seconds} s each, {plans_per_sec} plans/s; verdicts on plans published "
    record.add(
        "hosts", name, tried=times, held=0 if found.broken else times, verdict_ms=verdict_ms,
        note=told + ("meanwhile" if works_on else "at its end"),
    )  # fmt: skip
    found.assert_held()
    assert all(program.status == "running" for program in world.programs.values())
    assert is_poor or max(verdict_ms) < effort.pick(4, 2) * VERDICT_WITHIN_MS
