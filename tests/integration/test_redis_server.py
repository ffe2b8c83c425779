"""The tests' own Redis server, which everything else stands on."""

from __future__ import annotations

import pytest

from tests.support.redis_server import running_redis


@pytest.mark.parametrize(("version", "major"), [("bundled", "7"), ("old", "6"), ("system", "7")])
def test_each_version_starts_and_is_what_it_says(version, major):
    """Valkey calls itself a Redis 7.2, whose commands it has."""
    with running_redis(version) as server, server.client() as client:
        assert client.info("server")["redis_version"].startswith(major)


def test_with_aof_a_killed_server_comes_back_with_its_data():
    with running_redis(aof=True) as server:
        with server.client() as client:
            client.set("kept", "1")
        server.kill()
        server.start()
        with server.client() as client:
            assert client.get("kept") == "1"


def test_without_aof_a_killed_server_comes_back_empty():
    with running_redis() as server:
        with server.client() as client:
            client.set("lost", "1")
        server.kill()
        server.start()
        with server.client() as client:
            assert client.get("lost") is None
