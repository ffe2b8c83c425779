"""A worker's heartbeat: its main loop iterates, and its pool's processes keep within their tasks' time limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from celery import bootsteps
from celery.worker import state
from celery.worker.consumer import Consumer

from p33_tasks.bootstrap.alive import EVERY_SEC, MAIN, POOL, Sign, runtime_dir
from p33_tasks.bootstrap.runtime import settings
from p33_tasks.celery.ingest_process import IngestStep
from p33_tasks.tasks.job import jobs

MARGIN_SEC = 15.0
"""Added to a task's time limit: the time to kill its process and for the worker to read that."""


class SignsOfLife(Consumer):  # type: ignore[misc]  # Celery has no types
    """Part of the worker's consumer: writes the heartbeat while it waits for its broker, when no timer runs."""

    def ensure_connected(self, conn: Any) -> Any:
        """Celery's method, with a heartbeat at each attempt."""
        connect = conn.ensure_connection

        def ensure_connection(*args: Any, callback: Callable[[], None] | None = None, **kwargs: Any) -> Any:
            return connect(*args, callback=partial(self._while_waiting, callback), **kwargs)

        conn.ensure_connection = ensure_connection
        return super().ensure_connected(conn)

    def _while_waiting(self, callback: Callable[[], None] | None) -> None:
        sign = getattr(self.controller, "sign_of_life", None)
        if sign is not None:
            sign.show()
        if callback is not None:
            callback()


class AliveStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Writes the heartbeat about once a second, from the loop that receives tasks, also during a broker outage."""

    requires: ClassVar[Any] = ("celery.worker.components:Timer", "celery.worker.components:Pool")
    label = "Alive"

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._worker = worker
        self._timer: Any = None
        self._sign: Sign | None = None
        self._since: dict[str, float] = {}  # monotonic, when a running task was first seen
        worker.sign_of_life = self

    def start(self, worker: Any) -> None:
        """Start, in the worker's main process."""
        has_ingest = IngestStep.is_wanted(worker)
        self._sign = Sign(folder=runtime_dir(settings().runtime_dir), role="worker", has_ingest=has_ingest)
        self._sign.begin()
        self._timer = worker.timer.call_repeatedly(EVERY_SEC, self.show)

    def show(self) -> None:
        """Record an iteration of the loop, and that the pool works if it does."""
        if self._sign is not None:
            self._sign.show(MAIN, *([POOL] if self._pool_works() else []))

    def stop(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        """Remove the heartbeat file."""
        if self._timer is not None:
            self._timer.cancel()
        if self._sign is not None:
            self._sign.end()
            self._sign = None

    terminate = stop

    def _pool_works(self) -> bool:
        """Whether the pool has a process, and no task runs longer than its time limit."""
        pool = getattr(self._worker.pool, "_pool", None)  # billiard's attribute; a thread pool has no processes
        processes = getattr(pool, "_pool", None)
        if processes is not None and not any(process.exitcode is None for process in processes):
            return False
        now = time.monotonic()
        limits = {job.name: job.time_limit for job in jobs()}
        running = {str(request.id): limits.get(request.name, 0) for request in tuple(state.active_requests)}
        self._since = {task_id: self._since.get(task_id, now) for task_id in running}
        return all(now - self._since[task_id] < limit + MARGIN_SEC for task_id, limit in running.items())
