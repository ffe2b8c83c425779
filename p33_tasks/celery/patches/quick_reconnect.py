"""A worker tries to connect to the broker again about once a second.

Symptom: Celery waits 2, 4, 6 ... 30 s between attempts to connect. A plan is too old by then.
Versions: Celery 5.7.0, kombu 5.7.0.
Upstream: no issue found for the steps; https://github.com/celery/celery/issues/4627 is about the time-out alone.
Test: tests/unit/celery/test_patches.py::test_celery_waits_long_between_attempts_to_connect
Delete when: Celery has settings for the steps of the broker's retries.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

FIRST_SEC, STEP_SEC, MOST_SEC = 0.2, 0.2, 1.0


class QuickReconnect(Consumer):  # type: ignore[misc]  # Celery has no types
    """Reconnects within about a second after the broker is back."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, and try again until that works, about once a second."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=FIRST_SEC, interval_step=STEP_SEC, interval_max=MOST_SEC
        )
        return super().ensure_connected(conn)
