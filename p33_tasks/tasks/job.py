"""``@job``: declares a task at its function.

Queues, routes, time limits, beat's schedule, the task for each stream's entries, the workers that load ccxt, and the
queue lists of ``p33 check`` and of the queue metrics are all derived from the declared jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import shared_task

from p33_tasks.errors import P33Error
from p33_tasks.settings import Settings

PREFIX = "p33."
"""Prefix of all names of tasks and queues: on the broker, the roles' ACL permits ``p33.*`` only."""

_declared: dict[str, Job] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A declared task."""

    name: str
    queue: str
    time_limit: int  # seconds; then the process is killed and replaced
    soft_time_limit: int | None = None  # seconds; then SoftTimeLimitExceeded is raised in the task
    every: float | Callable[[Settings], float] | None = None  # beat's period in seconds; None: not scheduled
    for_each_symbol: bool = False  # beat sends one per allowlisted symbol, as ``symbol``
    stream: str | None = None  # the ingest sends a task for each entry of this stream
    reads_venue: bool = False  # waits for the venue: ccxt is loaded before the fork, and verdicts need another process
    served_with: str | None = None  # workers of that queue also serve this one, for any ``-Q``
    is_on: Callable[[Settings], bool] | None = None  # None: always; else there is a queue only if this returns true

    def period_sec(self, settings: Settings) -> float | None:
        """Beat's period in seconds; None: not scheduled."""
        return self.every(settings) if callable(self.every) else self.every


def job(name: str, *, throws: tuple[type[Exception], ...] = (P33Error,), **more: Any) -> Callable[[Any], Any]:
    """Declare a task; ``more`` are the fields of ``Job``.

    Args:
        name: The task's name; it must begin with ``p33.``, as the queue's.
        throws: Errors that are logged already, so that Celery logs no traceback.
        more: See ``Job``.

    Raises:
        ValueError: The declaration is invalid.
    """
    found = Job(name=name, **more)
    if name in _declared:
        raise ValueError(f"the task {name} is declared twice")
    for part in (name, found.queue):
        if not part.startswith(PREFIX):
            raise ValueError(f"{part!r}: names of tasks and queues begin with {PREFIX!r}, which the ACL permits")
    if found.soft_time_limit is not None and found.soft_time_limit >= found.time_limit:
        raise ValueError(f"{name}: soft_time_limit {found.soft_time_limit} must be below time_limit {found.time_limit}")
    _declared[name] = found
    decorated: Callable[[Any], Any] = shared_task(
        name=name, throws=throws, time_limit=found.time_limit, soft_time_limit=found.soft_time_limit
    )
    return decorated


def jobs(settings: Settings | None = None) -> tuple[Job, ...]:
    """The declared jobs: all, or those that these settings switch on."""
    return tuple(
        found for found in _declared.values() if settings is None or found.is_on is None or found.is_on(settings)
    )


def queues(settings: Settings) -> tuple[str, ...]:
    """The queues of the jobs that these settings switch on, each once."""
    return tuple(dict.fromkeys(found.queue for found in jobs(settings)))
