"""A worker that comes back soon after its broker did."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

FIRST_SEC, STEP_SEC, MOST_SEC = 0.2, 0.2, 1.0


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's, which waits 2, 4, 6 ... 30 s between attempts to connect: a plan is too old by then."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connect, trying again for ever, about once a second."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=FIRST_SEC, interval_step=STEP_SEC, interval_max=MOST_SEC
        )
        return super().ensure_connected(conn)
