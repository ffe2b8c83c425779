"""The worker's consumer outlives what kombu trips over when a connection is lost."""

from __future__ import annotations

from celery.worker.consumer import Consumer

from p33_tasks.celery.reconnect import PatientConsumer


def test_a_failing_cleanup_behind_a_lost_connection_does_not_end_the_worker(monkeypatch):
    """As kombu 5.7 does when messages were not acknowledged yet (seen in tests/fault at a restart of Redis)."""
    cleaned = []

    def clean(self, exc):
        cleaned.append(exc)
        None.hostname  # noqa: B018 - the very error  # type: ignore[attr-defined]

    monkeypatch.setattr(Consumer, "on_connection_error_after_connected", clean)
    lost = ConnectionError("Redis went away")

    PatientConsumer.on_connection_error_after_connected(object.__new__(PatientConsumer), lost)

    assert cleaned == [lost]
