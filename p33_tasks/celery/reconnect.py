"""A worker that outlives its broker and whatever it finds there, and comes back soon after the broker did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
from celery.worker.consumer import Consumer

from p33_tasks.celery.refusal import problem_of
from p33_tasks.log_events import LogEvent

FIRST_SEC, STEP_SEC, MOST_SEC = 0.2, 0.2, 1.0

EVENTS_SEC = 0.5
"""Flower and the queue metrics learn of a task this much later; each publish took as long as half a verdict."""

MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What kombu raises where a text in the queue is no message at all. It was taken off the queue by then."""

log = structlog.get_logger("p33.worker")


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's, which waits 2, 4, 6 ... 30 s between attempts to connect: a plan is too old by then.

    It also tells of its tasks several times a second, not once per task and step: that was 40 % of its work.
    """

    _events_at = 0.0  # monotonic; a flush is due by then

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connecting again costs half a second; an unknown error would end the worker.
        errors: tuple[type[BaseException], ...] = self.conninfo.connection_errors
        self.connection_errors = (*errors, *MALFORMED)

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, trying again for ever, about once a second."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=FIRST_SEC, interval_step=STEP_SEC, interval_max=MOST_SEC
        )
        return super().ensure_connected(conn)

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Clean up behind a lost connection; whatever that meets, a new connection is made next.

        kombu 5.7 closes the lost one by giving back messages that were not acknowledged, over a transport that it
        had taken apart before: an AttributeError, which ended the worker.
        """
        self._keep_events()
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning(
                LogEvent.BROKER_CLEANUP_FAILED, error=str(error), note="their entries are still pending in the streams"
            )

    def on_close(self) -> None:
        """Behind a lost connection: forget what no process has begun. What they have told of, is heard before.

        Celery forgets every task whose beginning it hasn't read yet, and with it the time limit: a process that waits
        for an exchange which drips bytes would be gone for as long as it drips.
        """
        pool: Any = getattr(self.pool, "_pool", None)  # billiard's, of the kinds that have processes
        for process in list(getattr(pool, "_pool", ())):
            try:
                pool.process_flush_queues(process)
            except Exception as error:  # noqa: BLE001 - a callback met the lost connection; that doesn't end a worker
                log.warning(
                    LogEvent.POOL_NOT_READ,
                    pid=process.pid,
                    error=str(error),
                    note="its entry is still pending, or done",
                )
        self._keep_events()
        super().on_close()

    def on_send_event_buffered(self) -> None:
        """Flush the events soon, together with those that follow (24 of them are flushed at once)."""
        now = time.monotonic()
        if self.hub and now >= self._events_at:  # by time: a timer that a lost connection took along isn't waited for
            self._events_at = now + EVENTS_SEC
            self.hub.call_later(EVENTS_SEC, self._flush_events)

    def _keep_events(self) -> None:
        """What wasn't sent yet goes where Celery takes it over from, for the next connection."""
        dispatcher = self.event_dispatcher
        if dispatcher is None:
            return
        for group, events in dispatcher._group_buffer.items():  # noqa: SLF001 - Celery carries over the other buffer only
            if events:
                dispatcher._outbound_buffer.append((list(events), f"{group}.multi"))  # noqa: SLF001 - as above
                events.clear()

    def shutdown(self) -> None:
        """End, after the last events were sent; the pool has finished its tasks by now."""
        self._flush_events()
        super().shutdown()

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's handler, behind a look at each message."""
        handle = super().create_task_handler(*args, **kwargs)
        tasks = {name for name in self.app.tasks if not name.startswith("celery.")}  # Celery's own run any task

        def received(message: Any) -> None:
            problem = problem_of(
                message.headers,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                body=message.body,
                tasks=tasks,
            )
            if problem is not None:
                self._refuse(message, problem)
                return
            try:
                handle(message)
            except MALFORMED as error:
                self._refuse(message, f"{type(error).__name__}: {error!s:.200}")

        return received

    def _refuse(self, message: Any, problem: str) -> None:
        """Take a message off the broker for good: given back, it would meet the next worker."""
        log.error(LogEvent.MESSAGE_REFUSED, problem=problem)
        if not message.acknowledged:
            message.reject_log_error(logging.getLogger(__name__), self.connection_errors)
