"""A broker channel that keeps its client sends and receives as kombu's own does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kombu import Connection, Producer, Queue

from p33_tasks.celery.broker import redis_options
from p33_tasks.celery.channels import share_client


@pytest.fixture
def connection(redis_server) -> Iterator[Connection]:
    with Connection(redis_server.url(1), transport_options=redis_options("quantum")) as connection:
        yield connection


def _made(channel, monkeypatch) -> list[object]:
    """Every client that the channel makes from now on."""
    made: list[object] = []
    make = channel.Client

    def noting(**options):
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr(channel, "Client", noting)
    return made


def _send_and_take(channel, number: int) -> None:
    queue = Queue("q", channel=channel)
    queue.declare()
    Producer(channel).publish({"n": number}, routing_key="q")
    message = queue.get()
    assert message.payload == {"n": number}
    message.ack()


def test_one_client_serves_every_message(connection, monkeypatch):
    channel = connection.channel()
    made = _made(channel, monkeypatch)
    share_client(channel)
    for number in range(20):
        _send_and_take(channel, number)
    assert len(made) == 1


def test_the_client_that_waits_for_messages_is_not_the_one_that_sends(connection):
    """It keeps a connection, on which an answer may be due."""
    channel = connection.channel()
    share_client(channel)
    assert channel.client is not channel._create_client()
    assert channel._create_client() is channel._create_client()


def test_a_pool_that_was_replaced_gets_a_client_of_its_own(connection):
    channel = connection.channel()
    share_client(channel)
    before = channel._create_client()
    channel._disconnect_pools()
    after = channel._create_client()
    assert after is not before
    assert after.connection_pool is channel.pool
    _send_and_take(channel, 1)


def test_another_transport_is_left_alone():
    channel = Connection("memory://").channel()
    share_client(channel)
    assert not hasattr(channel, "Client")
