"""The connection that is kept for the next command, on a real Redis."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import pytest
import redis

from p33_tasks.store.connection import connect
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as started:
        yield started


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with connect(server.url()) as connected:
        yield connected


def test_one_command_after_another_has_the_same_connection(client: redis.Redis) -> None:
    assert {client.client_id() for _ in range(5)} == {client.client_id()}
    pipeline = client.pipeline(transaction=False)
    pipeline.client_id()
    assert pipeline.execute() == [client.client_id()]


def test_two_commands_at_a_time_have_two_connections(client: redis.Redis) -> None:
    client.ping()
    pool = client.connection_pool
    first, second = pool.get_connection(), pool.get_connection()
    assert first is not second
    pool.release(first)
    pool.release(second)
    assert {pool.get_connection(), pool.get_connection()} == {first, second}


def test_a_connection_that_the_server_closed_is_made_anew(server: RedisServer, client: redis.Redis) -> None:
    before = client.client_id()
    with server.client() as other:
        other.client_kill_filter(_id=before)
    assert client.client_id() != before


def test_a_connection_with_an_unread_answer_is_not_used_again(client: redis.Redis) -> None:
    client.ping()
    pool = client.connection_pool
    connection = pool.get_connection()
    connection.send_command("ECHO", "somebody else's answer")
    wait_until(connection.can_read, "the answer is there")
    pool.release(connection)
    assert client.echo("mine") == "mine"


def test_a_connection_is_used_again_after_the_server_restarted(client: redis.Redis, server: RedisServer) -> None:
    client.ping()
    server.kill()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    server.start()
    assert client.ping()


def test_a_forked_child_has_a_connection_of_its_own(client: redis.Redis) -> None:
    before = client.client_id()
    fork = multiprocessing.get_context("fork")
    told = fork.SimpleQueue()
    child = fork.Process(target=lambda: told.put(client.client_id()))
    child.start()
    child.join(20)
    assert told.get() != before
    assert client.client_id() == before


def test_closing_a_client_closes_the_connection_that_is_kept(server: RedisServer) -> None:
    with server.client() as other:
        client = connect(server.url())
        number = client.client_id()
        client.close()
        assert number not in {int(each["id"]) for each in other.client_list()}
