"""``@job``: a task is declared once, beside its function.

Queues, routes, time limits, beat's entries, which stream's entries become it, which workers load ccxt, and the queue
lists of ``p33 check`` and of the queue metrics all follow from the list of declared jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import shared_task

from p33_tasks.errors import P33Error
from p33_tasks.settings import Settings

PREFIX = "p33."
"""Of each task's and each queue's name: the ACL of the roles permits ``p33.*`` on the broker and nothing else."""

_declared: dict[str, Job] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A declared task."""

    name: str
    queue: str
    time_limit: int  # seconds; then its process is killed and replaced
    soft_time_limit: int | None = None  # seconds; then SoftTimeLimitExceeded is raised in the task
    every: float | Callable[[Settings], float] | None = None  # seconds between two of beat's; None: not scheduled
    for_each_symbol: bool = False  # beat sends one per allowlisted symbol, as ``symbol``
    stream: str | None = None  # the ingest sends it for each entry of this stream
    reads_venue: bool = (
        False  # it waits for the venue: ccxt is loaded before the fork, and a verdict needs another process
    )
    served_with: str | None = None  # workers of that queue serve this one too, whatever ``-Q`` says
    is_on: Callable[[Settings], bool] | None = None  # None: always; else it has a queue only where this is true

    def period_sec(self, settings: Settings) -> float | None:
        """Seconds between two of beat's."""
        return self.every(settings) if callable(self.every) else self.every


def job(name: str, *, throws: tuple[type[Exception], ...] = (P33Error,), **more: Any) -> Callable[[Any], Any]:
    """Declare a task; ``more`` are the fields of ``Job``.

    Args:
        name: It begins with ``p33.``, and so does its queue's.
        throws: Errors that the log already explains: Celery adds no traceback.
        more: See ``Job``.

    Raises:
        ValueError: The declaration can't work.
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
    """The declared jobs: all of them, or those that are on with these settings."""
    return tuple(
        found for found in _declared.values() if settings is None or found.is_on is None or found.is_on(settings)
    )


def queues(settings: Settings) -> tuple[str, ...]:
    """Of the jobs that are on, each once."""
    return tuple(dict.fromkeys(found.queue for found in jobs(settings)))
