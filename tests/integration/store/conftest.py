"""Both Redis versions, one server each for a module, emptied for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from p33_tasks.apply import Consumed
from tests.support.gate import Gate
from tests.support.redis_server import RedisServer, Version, running_redis


@pytest.fixture(scope="module", params=["bundled", "old", "system"])
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


@pytest.fixture
def allowed(gate: Gate) -> Gate:
    """plan-1 is allowed and granted; nothing is consumed yet."""
    gate.make_ready()
    gate.allow()
    gate.grant()
    return gate


@pytest.fixture
def consumed(gate: Gate) -> tuple[Gate, Consumed]:
    """plan-1 was allowed and consumed; its order may be on its way."""
    gate.make_ready()
    gate.allow()
    return gate, gate.consume()
