"""One Redis for a module, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.services.both_stores import RealGate, RememberingGate
from tests.support.gate import Gate
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer, Version, running_redis


@pytest.fixture(scope="module", params=["bundled"])
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    version: Version = request.param
    with running_redis(version) as server:
        yield server


@pytest.fixture
def server(redis_server: RedisServer) -> RedisServer:
    """Empty, and set as every test expects it."""
    with redis_server.client() as client:
        client.config_set("maxmemory", 0)
        client.flushall()
    return redis_server


@pytest.fixture
def gate(server: RedisServer) -> Gate:
    return Gate(server)


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with running_redis("bundled") as found:
        yield found


@pytest.fixture(params=["fake", "real"])
def place(request: pytest.FixtureRequest) -> Any:
    """The stores in memory, and those on a Redis."""
    if request.param == "fake":
        return RememberingGate()
    server: RedisServer = request.getfixturevalue("own_redis")
    with server.client() as client:
        client.flushall()
    return RealGate(server)


@pytest.fixture
def world(server: RedisServer) -> Reconciled:
    """An account of 0.040 on both sides, with a watermark, in mode ``repair``."""
    made = Reconciled(server)
    made.mark()
    return made
