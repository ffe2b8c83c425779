"""A channel of kombu's Redis transport uses one client for everything it sends.

Symptom: kombu makes a new client of redis-py for each batch that it publishes; that took more than a third of the time
    in which the ingest sends a task.
Versions: kombu 5.7.0, redis-py 8.1.0.
Upstream: no issue found.
Test: tests/unit/celery/test_patches.py::test_kombu_makes_a_client_for_each_publish
Delete when: kombu keeps the client of a channel, or redis-py's clients cost nothing to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport.redis import Channel

_KEPT = "p33_client"


def keep_clients() -> None:
    """Let every channel of this process use its first client for as long as its connection pool is the same."""
    Channel.conn_or_acquire = _kept  # type: ignore[method-assign, assignment]  # our own in its place


@contextmanager
def _kept(channel: Any, client: Any = None) -> Iterator[Any]:
    if client is None:
        client = getattr(channel, _KEPT, None)
        # A channel that was closed and opened again has a new pool: connections of the old one may be dead.
        if client is None or client.connection_pool is not channel.pool:
            client = channel._create_client()  # noqa: SLF001 - what kombu itself does here, each time
            setattr(channel, _KEPT, client)
    yield client
