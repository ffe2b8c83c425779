"""The app's configuration: queues, routes, engine settings, schedule. Why each value: ARCHITECTURE.md."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from p33_tasks.celery.alive import AliveStep
from p33_tasks.celery.bootsteps import IngestStep
from p33_tasks.celery.broker import broker_of
from p33_tasks.celery.signals import connect_signals
from p33_tasks.domain.reconciling import Mode
from p33_tasks.settings import Settings

PERMITS = "p33.permits"
LEDGER = "p33.ledger"
SNAPSHOTS = "p33.snapshots"
RECONCILE = "p33.reconcile"

MIN_CONCURRENCY = 2
"""One process may wait for the exchange; a verdict must not wait behind it. Reconciliation waits in one more."""


def make_app(settings: Settings) -> Celery:
    """The app for one configuration. Nothing is connected.

    Raises:
        ConfigurationError: The broker's URL can't be used.
    """
    app = Celery("p33_tasks", include=["p33_tasks.tasks"], control="p33_tasks.celery.control:Control")
    broker = broker_of(settings)
    app.conf.update(
        broker_url=broker.url,
        broker_transport_options=broker.transport_options,
        broker_use_ssl=broker.use_ssl or False,
        **_engine(has_reconciliation=settings.reconcile_mode is not Mode.OFF),
        beat_schedule=schedule(settings),
    )
    app.steps["worker"].update({IngestStep, AliveStep})
    connect_signals(settings)
    return app


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """One refresh per allowlisted symbol and period."""
    return {
        f"refresh {symbol}": {
            "task": "p33.refresh_snapshot",
            "schedule": float(settings.poll_sec),
            "kwargs": {"symbol": symbol, "prefix": settings.key_prefix},
            "options": {"queue": SNAPSHOTS, "ignore_result": True},
        }
        for symbol in settings.allowlist
    }


def _queue(name: str) -> Queue:
    # A queue declared without an exchange of its own takes the default queue's: one message lands in all of them.
    return Queue(name, exchange=Exchange(name, type="direct"), routing_key=name)  # type: ignore[no-untyped-call]  # kombu's


def _engine(*, has_reconciliation: bool = False) -> dict[str, Any]:
    queues = [PERMITS, LEDGER, SNAPSHOTS, *([RECONCILE] if has_reconciliation else [])]
    return {
        # what travels
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "event_serializer": "json",
        "enable_utc": True,
        "timezone": "UTC",
        # where to
        "task_queues": [_queue(name) for name in queues],
        "task_routes": {
            "p33.evaluate_permit": {"queue": PERMITS},
            "p33.apply_result": {"queue": LEDGER},
            "p33.refresh_snapshot": {"queue": SNAPSHOTS},
            **({"p33.reconcile": {"queue": RECONCILE}} if has_reconciliation else {}),
            "p33.adapt_limits": {"queue": SNAPSHOTS},
        },
        # A process that hangs (a name server that never answers) is killed and replaced; its entry was sent again
        # long before.
        "task_annotations": {
            "p33.evaluate_permit": {"time_limit": 10},
            "p33.apply_result": {"time_limit": 10},
            "p33.refresh_snapshot": {"time_limit": 30},
            "p33.reconcile": {"time_limit": 60},
            "p33.adapt_limits": {"time_limit": 10},
        },
        "task_default_queue": SNAPSHOTS,
        "task_default_exchange": SNAPSHOTS,
        "task_default_routing_key": SNAPSHOTS,
        "task_create_missing_queues": False,
        # how: the stream's pending list recovers what a dying worker drops, faster than any broker does
        "task_acks_late": False,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": max(MIN_CONCURRENCY + has_reconciliation, os.cpu_count() or 0),
        "worker_soft_shutdown_timeout": 5.0,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_consumer": "p33_tasks.celery.consumer:PatientConsumer",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # for ever: a supervisor's restart would do the same, later
        "broker_connection_timeout": 2,
        # A Redis that is read-only, out of memory or busy with a script answers with errors of a channel: without
        # this they end the worker.
        "broker_channel_error_retry": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # for Flower and the queue metrics
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        # beat
        "beat_scheduler": "p33_tasks.celery.scheduler:BatchScheduler",
        "beat_max_loop_interval": 1,
    }
