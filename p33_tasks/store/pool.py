"""A pool that keeps one connection at hand: in a process that asks one thing after another, the next command's.

Of what a command costs this process, redis-py's pool takes a quarter: a lock, an event, and counters for telemetry at
each borrowing and each return. The look at the socket stays: a connection that the server closed, or in which an answer
lies that nobody read, is not used again.
"""

from __future__ import annotations

import os
from typing import Any

import redis


class KeepingPool(redis.ConnectionPool):
    """Any number of threads may use it; a forked child makes its own connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._kept: list[Any] = []
        super().__init__(*args, **kwargs)

    def reset(self) -> None:
        """See ``redis.ConnectionPool.reset``: called in a child, for which the parent's connections are none."""
        self._kept = []
        super().reset()

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """See ``redis.ConnectionPool.get_connection``."""
        if self.pid != os.getpid():
            return super().get_connection()
        try:
            connection = self._kept.pop()  # in one step: no two threads get the same
        except IndexError:
            return super().get_connection()
        if not _is_usable(connection):
            connection.disconnect()  # the next command connects it
        return connection

    def release(self, connection: Any) -> None:
        """See ``redis.ConnectionPool.release``."""
        if self._kept or self.pid != os.getpid() or connection.should_reconnect():
            super().release(connection)
        else:
            self._kept.append(connection)


def _is_usable(connection: Any) -> bool:
    try:
        return not connection.can_read()
    except (redis.ConnectionError, redis.TimeoutError, OSError):
        return False
