"""The base of our tasks: what a pool process tells its worker of a failure fits into one write of their pipe.

Celery's own telling of an exception holds a position per instruction of each frame, 50 KB where Redis is away. billiard
writes the length of more than 16 KB apart from the rest; a worker whose broker connection broke in between forgets
that it has read the length, reads the rest as lengths, and no longer hears that process: its task is killed after the
time limit, and then the worker ends.
"""

from __future__ import annotations

import pickle
from typing import Any

from celery import Task

MAX_TRACEBACK_BYTES = 8_000
MAX_EXCEPTION_BYTES = 4_000


class LeanTask(Task):  # type: ignore[misc]  # Celery has no types
    """A task whose failure is told by its exception and its traceback's text: all that events, Flower and logs show."""

    abstract = True

    def on_failure(self, *failure: Any) -> None:
        """Keep what will be told, the last of Celery's arguments: it has still to be logged whole."""
        self.request.told = failure[-1]

    def after_return(self, *_: Any) -> None:
        """Make it small."""
        told = getattr(self.request, "told", None)
        if told is None:
            return
        told.tb = None
        told.traceback = told.traceback.encode("utf-8", "replace")[-MAX_TRACEBACK_BYTES:].decode("utf-8", "ignore")
        if len(pickle.dumps(told.exception)) > MAX_EXCEPTION_BYTES:
            told.exception = RuntimeError(f"{type(told.exception).__name__}, too long to be told: see the log")
