"""One Redis client per broker channel: kombu makes a new one for each command, a fifth of a worker's main process."""

from __future__ import annotations

from typing import Any

from kombu.transport.redis import Channel


def share_client(channel: object) -> None:
    """Let a channel use one client per connection pool for what it sends, instead of one per command.

    A client holds nothing but the pool and a table of 350 kinds of answers, which takes most of the time to make. The
    client that waits for messages is kombu's own: it keeps a connection.

    Args:
        channel: Of any transport; only kombu's for Redis is changed.
    """
    if not isinstance(channel, Channel):
        return
    make = channel.Client
    shared: list[Any] = []

    def client(*, connection_pool: Any, **options: Any) -> Any:
        if connection_pool is not channel.pool:
            return make(connection_pool=connection_pool, **options)
        if not shared or shared[0].connection_pool is not connection_pool:  # a closed channel's pool is replaced
            shared[:] = [make(connection_pool=connection_pool, **options)]
        return shared[0]

    channel.Client = client
