"""Upstream faults that only a real Redis shows; see tests/unit/celery/test_patches.py."""

from __future__ import annotations

import pytest
from kombu import Connection, Producer, Queue


def test_kombu_closes_a_channel_over_a_transport_that_is_gone(redis_server):
    """When this fails, p33_tasks/celery/patches/failing_cleanup.py can go."""
    connection = Connection(redis_server.url(1))  # kombu's defaults: copies of messages in Redis
    channel = connection.default_channel
    queue = Queue("q", channel=channel)
    queue.declare()
    Producer(channel).publish([[], {}, {}], routing_key="q", serializer="json")
    assert queue.get() is not None
    connection._do_close_transport()
    channel.__dict__.pop("client", None)
    channel._disconnect_pools()
    with pytest.raises(AttributeError):
        channel.close()
