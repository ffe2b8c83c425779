"""These tests need the extra ``forecast``, which the development lock brings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.gate import Gate
from tests.support.redis_server import RedisServer, Version, running_redis

collect_ignore_glob = [] if find_spec("river") else ["test_*.py"]


@pytest.fixture(scope="module", params=["bundled", "old"])
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    version: Version = request.param
    with running_redis(version) as server:
        yield server


@pytest.fixture
def gate(redis_server: RedisServer) -> Gate:
    with redis_server.client() as client:
        client.flushall()
    return Gate(redis_server)
