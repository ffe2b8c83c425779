"""After the broker connection is lost, read what the pool processes have reported, then drop the tasks not begun.

Symptom: Celery drops every task whose beginning it hasn't read yet, and with it the task's time limit. A process that
    waits for an exchange which drips bytes would be lost for that time.
Versions: Celery 5.7.0, billiard 4.3.2.
Upstream: https://github.com/celery/celery/pull/10345 keeps the tasks whose beginning was read;
    https://github.com/celery/celery/issues/8541 is about what else is lost.
Test: tests/unit/celery/test_patches.py::test_celery_drops_a_task_whose_beginning_it_has_not_read
Delete when: Celery reads the pool's pipes before it drops reserved tasks on a reconnect.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery.worker.consumer import Consumer

from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.worker")


class PoolReportsFirst(Consumer):  # type: ignore[misc]  # Celery has no types
    """Drains the pool's pipes before a reconnect drops tasks."""

    def on_close(self) -> None:
        """Read the reports in the pipes, then continue as Celery does."""
        pool: Any = getattr(self.pool, "_pool", None)  # billiard's attribute, in pools with processes
        for process in list(getattr(pool, "_pool", ())):
            try:
                pool.process_flush_queues(process)
            except Exception as error:  # noqa: BLE001 - a callback met the lost connection; that doesn't end a worker
                log.warning(LogEvent.POOL_NOT_READ, pid=process.pid, error=str(error), note="pending, or done")
        super().on_close()
