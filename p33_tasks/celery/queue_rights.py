"""A worker serves the queues that its login may read, and logs the ACL line that is missing for the others.

A worker waits for all of its queues in one ``BRPOP``, which Redis refuses if one of the queues isn't permitted.
After an upgrade with a new queue, a worker on a host with the old ACL file would do nothing.
"""

from __future__ import annotations

from typing import Any

import redis
import structlog

from p33_tasks.errors import ConfigurationError
from p33_tasks.log_events import LogEvent
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.rights import Command, refused_commands

log = structlog.get_logger("p33.worker")

HIGHEST_PRIORITY = "\x06\x169"
"""Suffix of the list in which kombu keeps a queue's messages of the highest priority; ``BRPOP`` names it as well."""


def serve_permitted_queues(app: Any, settings: Settings) -> None:
    """Remove the queues that the worker's login may not read.

    Args:
        app: The Celery app, after ``-Q`` was read and before the worker's consumer is created.
        settings: The broker's URL and the key prefix.

    Raises:
        ConfigurationError: No queue is left.
    """
    if settings.celery_broker_url.startswith("amqp"):
        return
    consumed = list(app.amqp.queues.consume_from)
    try:
        lacking = lacking_queues(settings, consumed)
    except redis.RedisError as error:
        # Unavailable or busy: the worker waits for its broker, as always. Or the role may not send MULTI, which
        # kombu needs as well.
        log.warning(LogEvent.QUEUE_RIGHTS_UNKNOWN, problem=str(error))
        return
    for queue in lacking:
        log.error(LogEvent.QUEUE_NOT_PERMITTED, queue=queue, acl_line=acl_line(settings.key_prefix, queue))
    if consumed and len(lacking) == len(consumed):
        lines = ", ".join(acl_line(settings.key_prefix, queue) for queue in lacking)
        raise ConfigurationError(f"the broker's login may read none of this worker's queues; its ACL lacks {lines}")
    app.amqp.queues.deselect(lacking)


def lacking_queues(settings: Settings, queues: list[str]) -> list[str]:
    """The queues that the broker's login may not serve.

    Raises:
        redis.RedisError: The commands can't be tried.
    """
    client = connect(settings.celery_broker_url, retries=0)
    try:
        commands = [command for queue in queues for command in queue_commands(settings.key_prefix, queue)]
        refused = set(refused_commands(client, commands))
    finally:
        client.close()
    return [queue for queue in queues if refused.intersection(queue_commands(settings.key_prefix, queue))]


def queue_commands(prefix: str, queue: str) -> list[Command]:
    """The commands that a worker sends for one queue: to receive tasks, and to declare it."""
    key = f"{prefix}:{queue}"
    return [("BRPOP", key, f"{key}{HIGHEST_PRIORITY}", "1"), ("LLEN", key)]


def acl_line(prefix: str, queue: str) -> str:
    """The ACL rule of ``p33-brain`` for the queue; ``config/users.acl`` permits ``p33.*``, which includes it."""
    return f"(+lpush +brpop +del +pexpire ~{prefix}:{queue}*)"
