"""The app's configuration: queues, routes and schedule of the declared jobs, and engine settings.

ARCHITECTURE.md has the reason for each value.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from p33_tasks.celery.broker import broker_of
from p33_tasks.celery.ingest_process import IngestStep
from p33_tasks.celery.patches.json_lines import print_json_alone
from p33_tasks.celery.signals import connect_signals
from p33_tasks.settings import Settings
from p33_tasks.tasks.job import Job, jobs, queues

DEFAULT_QUEUE = "p33.snapshots"
"""The queue of a task without one: never the verdicts' queue."""


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
        **_engine(settings),
        beat_schedule=schedule(settings),
    )
    app.steps["worker"].update({IngestStep, "p33_tasks.celery.alive:AliveStep"})  # a name: only workers import it
    connect_signals(settings)
    if settings.log_format == "json":
        print_json_alone(app, settings)
    return app


def schedule(settings: Settings) -> dict[str, dict[str, Any]]:
    """Beat's entries: one per scheduled job, or one per job and allowlisted symbol."""
    entries: dict[str, dict[str, Any]] = {}
    for job in jobs(settings):
        period_sec = job.period_sec(settings)
        if period_sec is None:
            continue
        for own in [{"symbol": symbol} for symbol in settings.allowlist] if job.for_each_symbol else [{}]:
            entries[" ".join((job.name, *own.values()))] = {
                "task": job.name,
                "schedule": float(period_sec),
                "kwargs": {**own, "prefix": settings.key_prefix},
                "options": {"queue": job.queue, "ignore_result": True},
            }
    return entries


def min_concurrency(on: tuple[Job, ...]) -> int:
    """The least number of pool processes: one more than the queues whose tasks wait for the venue."""
    return 1 + len({job.queue for job in on if job.reads_venue})


def _queue(name: str) -> Queue:
    # A queue declared without its own exchange uses the default queue's: one message would go to all of them.
    return Queue(name, exchange=Exchange(name, type="direct"), routing_key=name)  # type: ignore[no-untyped-call]  # kombu's


def _engine(settings: Settings) -> dict[str, Any]:
    on = jobs(settings)
    return {
        # messages
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "event_serializer": "json",
        "enable_utc": True,
        "timezone": "UTC",
        # routing
        "task_queues": [_queue(name) for name in queues(settings)],
        "task_routes": {job.name: {"queue": job.queue} for job in on},
        "task_default_queue": DEFAULT_QUEUE,
        "task_default_exchange": DEFAULT_QUEUE,
        "task_default_routing_key": DEFAULT_QUEUE,
        "task_create_missing_queues": False,
        # delivery: the stream's pending list recovers the tasks of a dead worker, faster than any broker does
        "task_acks_late": False,
        "task_ignore_result": True,
        "worker_prefetch_multiplier": 1,
        "worker_concurrency": max(min_concurrency(on), os.cpu_count() or 0),
        "worker_soft_shutdown_timeout": 5.0,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_consumer": "p33_tasks.celery.consumer:PatientConsumer",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # without limit: a restart by the supervisor would do the same, later
        "broker_connection_timeout": 2,
        # The answers of a Redis that is read-only, out of memory or busy with a script are channel errors: without
        # this setting they end the worker.
        "broker_channel_error_retry": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # for Flower and the queue metrics
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        # beat
        "beat_scheduler": "p33_tasks.celery.scheduler:BatchScheduler",
        "beat_max_loop_interval": 1,
    }
