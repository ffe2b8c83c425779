"""Which commands a login may send, tried without carrying any of them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

Command = tuple[str, ...]


def refused_commands(client: redis.Redis, commands: Sequence[Command]) -> list[Command]:
    """Those of the commands that Redis refuses to this login.

    Redis compares a command with the ACL when a transaction queues it; the transaction is then discarded. This works on
    every version, and needs ``MULTI`` and ``DISCARD`` only. ``ACL DRYRUN`` came with Redis 7, and tells whoever may use
    it the rights of every role.

    Args:
        client: Of the login.
        commands: Complete ones: Redis refuses a wrong number of arguments before it looks at the ACL.

    Raises:
        redis.NoPermissionError: The login may not send ``MULTI``, so that nothing can be tried.
        redis.RedisError: Redis is away, or a command isn't one of this server's.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        _ask(connection, "MULTI")
        refused = [command for command in commands if not _is_permitted(connection, command)]
        _ask(connection, "DISCARD")
    except BaseException:
        connection.disconnect()  # an open transaction must not go back into the pool
        raise
    finally:
        pool.release(connection)
    return refused


def _is_permitted(connection: Any, command: Command) -> bool:
    try:
        _ask(connection, *command)
    except redis.exceptions.NoPermissionError:
        return False
    return True


def _ask(connection: Any, *command: str) -> Any:
    connection.send_command(*command)
    return connection.read_response()
