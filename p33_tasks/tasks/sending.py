"""Send a task from within another task, which has done its own work and must not wait or fail for it."""

from __future__ import annotations

from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.errors import P33Error

NOT_SENT = (P33Error, KombuError, RedisError, OSError)
"""Errors when a task can't be sent. Callers log them: a later refresh sends the task again."""


def send(task: Any, here: Runtime, *, expires_sec: float | None = None, **arguments: str) -> None:
    """Send a task of this account, once and without a result.

    Args:
        task: As ``@job`` made it.
        here: The process; its key prefix is added to the message.
        expires_sec: After this time the task doesn't run.
        **arguments: The task's arguments.

    Raises:
        NOT_SENT: The broker is away.
    """
    task.apply_async(
        kwargs={**arguments, "prefix": here.keys.prefix}, expires=expires_sec, ignore_result=True, retry=False
    )
