"""Task events are sent together twice a second, and survive a lost connection.

Symptom: one publish per task and step was 40 % of the main process. On a reconnect the dispatcher hands only one of its
    two buffers to the next one, so events that waited in the other were lost.
Versions: Celery 5.7.0.
Upstream: https://github.com/celery/celery/issues/6487, whose fixes (https://github.com/celery/celery/pull/10401,
    https://github.com/celery/celery/pull/10417) keep events when a flush fails, not when the dispatcher is replaced.
Test: tests/unit/celery/test_patches.py::test_celery_sends_task_events_at_once_and_hands_over_one_buffer
Delete when: Celery has a setting for the period of its event flushes, and its dispatchers hand over both buffers.
"""

from __future__ import annotations

import time
from typing import Any

from celery.worker.consumer import Consumer

EVENTS_SEC = 0.5
"""The delay of a task's events for Flower and the queue metrics; a publish takes as long as half a verdict."""


class TaskEvents(Consumer):  # type: ignore[misc]  # Celery has no types
    """Sends task events in batches."""

    _events_at = 0.0  # monotonic; a flush is due at this time

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Keep the waiting events, then clean up as Celery does."""
        self._keep_events()
        super().on_connection_error_after_connected(exc)

    def on_close(self) -> None:
        """Keep also the events of the pool's later reports."""
        self._keep_events()
        super().on_close()

    def on_send_event_buffered(self) -> None:
        """Flush the events soon, together with those that follow (24 of them are flushed at once)."""
        now = time.monotonic()
        if self.hub and now >= self._events_at:  # by time, since a timer is lost with its connection
            self._events_at = now + EVENTS_SEC
            self.hub.call_later(EVENTS_SEC, self._flush_events)

    def shutdown(self) -> None:
        """End, after the last events were sent; the pool has finished its tasks by now."""
        self._flush_events()
        super().shutdown()

    def _keep_events(self) -> None:
        """Move unsent events to the buffer that Celery passes to the next connection's dispatcher."""
        dispatcher: Any = self.event_dispatcher
        if dispatcher is None:
            return
        for group, events in dispatcher._group_buffer.items():  # noqa: SLF001 - Celery hands over the other buffer only
            if events:
                dispatcher._outbound_buffer.append((list(events), f"{group}.multi"))  # noqa: SLF001 - as above
                events.clear()
