"""A cleanup that fails after the broker connection was lost doesn't end the worker.

Symptom: kombu closes a lost channel by giving back its unacknowledged messages, over a transport that it took apart
    before: an AttributeError, which ended the worker when Redis was killed under load. It needs kombu's copies of
    messages in Redis (``ack_emulation``), which ``celery/broker.py`` turns off: this is the second line of defence.
Versions: kombu 5.7.0, Celery 5.7.0.
Upstream: no issue with this traceback found; https://github.com/celery/celery/issues/9250 is similar.
Test: tests/integration/engine/test_patches.py::test_kombu_closes_a_channel_over_a_transport_that_is_gone
Delete when: closing such a channel raises nothing, or a connection error.
"""

from __future__ import annotations

import structlog
from celery.worker.consumer import Consumer

from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.worker")


class FailingCleanup(Consumer):  # type: ignore[misc]  # Celery has no types
    """Catches kombu's errors during the cleanup of a lost connection."""

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        """Clean up after a lost connection; also after an error here a new connection is opened next."""
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            log.warning(
                LogEvent.BROKER_CLEANUP_FAILED, error=str(error), note="their entries are still pending in the streams"
            )
