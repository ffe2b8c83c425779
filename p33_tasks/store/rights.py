"""Test which commands a login may send, without executing them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis

Command = tuple[str, ...]


def refused_commands(client: redis.Redis, commands: Sequence[Command]) -> list[Command]:
    """The commands that Redis refuses to this login.

    Redis checks the ACL when a transaction queues a command; the transaction is then discarded. This works on every
    version, and needs ``MULTI`` and ``DISCARD`` only. ``ACL DRYRUN`` needs Redis 7, and a user of it can read the
    rights of every role.

    Args:
        client: A client with this login.
        commands: Complete commands: Redis refuses a wrong number of arguments before it checks the ACL.

    Raises:
        redis.NoPermissionError: The login may not send ``MULTI``, so nothing can be tested.
        redis.RedisError: Redis is away, or this server doesn't have a command.
    """
    pool = client.connection_pool
    connection: Any = pool.get_connection()
    try:
        _ask(connection, "MULTI")
        refused = [command for command in commands if not _is_permitted(connection, command)]
        _ask(connection, "DISCARD")
    except BaseException:
        connection.disconnect()  # an open transaction must not return to the pool
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
