"""A worker that outlives its broker, and comes back soon after it did."""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from celery.worker.consumer import Consumer

FIRST_SEC, STEP_SEC, MOST_SEC = 0.2, 0.2, 1.0

log = structlog.get_logger("p33.worker")


class PatientConsumer(Consumer):  # type: ignore[misc]  # Celery has no types
    """Celery's, which waits 2, 4, 6 ... 30 s between attempts to connect: a plan is too old by then."""

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
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning(
                "BROKER_CLEANUP_FAILED", error=str(error), note="their entries are still pending in the streams"
            )
