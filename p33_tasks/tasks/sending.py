"""Sending a task from within another one: whoever sends it has done its own work, and never waits or fails for it."""

from __future__ import annotations

from typing import Any

from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.errors import P33Error

NOT_SENT = (P33Error, KombuError, RedisError, OSError)
"""What says that it could not be sent. To be logged: a later refresh sends it again."""


def send(task: Any, here: Runtime, *, expires_sec: float | None = None, **arguments: str) -> None:
    """Send a task of this account, once and without a result.

    Args:
        task: As ``@job`` made it.
        here: Whose prefix it carries.
        expires_sec: After which it isn't worth running.
        **arguments: Its own.

    Raises:
        NOT_SENT: The broker is away.
    """
    task.apply_async(
        kwargs={**arguments, "prefix": here.keys.prefix}, expires=expires_sec, ignore_result=True, retry=False
    )
