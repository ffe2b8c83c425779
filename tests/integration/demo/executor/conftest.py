"""A Redis and a simulator for the module, and a clean slate of both for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.executor.apply_layer import build_executor
from p33_tasks.demo.executor.attempt import Executor
from p33_tasks.demo.names import APPLY_GROUP
from p33_tasks.demo.plan_reader import PlanReader
from tests.integration.demo.executor.brain import SYMBOLS, Brain, settings_for
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimControl]:
    with running_simulator() as control:
        yield control


@pytest.fixture
def sim(simulator: SimControl) -> SimControl:
    simulator.clear_faults()
    for symbol in SYMBOLS:
        simulator.set_position(symbol, 0)
    simulator.set_position("BTCUSDT", "0.040")
    return simulator


@pytest.fixture
def brain(redis_server: RedisServer, sim: SimControl) -> Brain:
    redis_server.client().flushall()
    # An account of its own: the simulator remembers every client order id of the tests before.
    prefix = f"test-{uuid.uuid4().hex[:8]}"
    redis_server.skip_first_pause(prefix)
    return Brain(settings_for(redis_server, sim, P33_KEY_PREFIX=prefix))


@pytest.fixture
def reader(brain: Brain) -> PlanReader:
    made = PlanReader(brain.client, brain.keys.plans, group=APPLY_GROUP, consumer="apply-1")
    made.new(count=1, block_ms=1)  # makes the group
    return made


@pytest.fixture
def executor(brain: Brain) -> Executor:
    return build_executor(brain.settings)
