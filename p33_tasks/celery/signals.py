"""Handlers of Celery's signals: logging, a start without gossip, and the large import before the fork."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, setup_logging, worker_init, worker_ready, worker_shutting_down

from p33_tasks.bootstrap.journal import write_error
from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.bootstrap.notify import notify_ready, notify_stopping
from p33_tasks.celery.patches.kept_client import keep_clients
from p33_tasks.celery.patches.no_decompression import refuse_compression
from p33_tasks.celery.patches.quiet_boot import boot_quietly
from p33_tasks.celery.patches.short_exit import shorten_exit
from p33_tasks.celery.patches.short_failures import shorten_failures
from p33_tasks.celery.queue_rights import serve_permitted_queues
from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import Settings
from p33_tasks.store.server import require_fit_servers
from p33_tasks.tasks.job import jobs
from p33_tasks.venues.build import venue_entry
from p33_tasks.venues.transport import preload


def connect_signals(settings: Settings) -> None:
    """Connect the handlers, once per process."""

    def on_setup_logging(loglevel: int | None = None, logfile: str | None = None, **_: Any) -> None:
        # Celery sets up no logging if this signal has a receiver.
        configure_logging(settings, level=loglevel, logfile=logfile)

    def on_start(sender: Any, **_: Any) -> None:
        serve_companions(sender.app)
        refuse_unfit_servers(settings, sender.app)
        on_worker_init(sender, settings.exchange)

    setup_logging.connect(on_setup_logging, weak=False, dispatch_uid="p33.logging")
    worker_init.connect(on_start, weak=False, dispatch_uid="p33.worker_init")
    worker_ready.connect(on_worker_ready, weak=False, dispatch_uid="p33.worker_ready")
    worker_shutting_down.connect(on_worker_shutting_down, weak=False, dispatch_uid="p33.worker_shutting_down")
    beat_init.connect(on_beat_init, weak=False, dispatch_uid="p33.beat_init")


def refuse_unfit_servers(settings: Settings, app: Any) -> None:
    """End the worker with 2 if a Redis server can't do what this service needs, or permits no queue.

    Raises:
        SystemExit: With the reason on standard error.
    """
    try:
        require_fit_servers(settings.state_url, settings.celery_broker_url)
        serve_permitted_queues(app, settings)
    except ConfigurationError as error:
        write_error(str(error))
        raise SystemExit(2) from None


def on_worker_init(sender: Any, exchange: str) -> None:
    """Before the pool is forked: apply the patches of functions and constants, and import what children share."""
    venue_entry(exchange)  # a venue that can't be imported ends the worker here, instead of failing each task
    boot_quietly(sender)
    keep_clients()
    refuse_compression()
    shorten_failures()
    shorten_exit()
    consumed = sender.app.amqp.queues.consume_from
    if any(job.queue in consumed for job in jobs() if job.reads_venue):
        preload(exchange)  # 16 MB, shared by all children if imported before the fork


def serve_companions(app: Any) -> None:
    """Serve the queues that belong to those of ``-Q``: a worker that refreshes also reconciles."""
    queues = app.amqp.queues
    for job in jobs():
        if job.served_with in queues.consume_from and job.queue in queues and job.queue not in queues.consume_from:
            queues.select_add(job.queue)


def on_worker_ready(**_: Any) -> None:
    """The worker has reached its broker and receives tasks."""
    notify_ready("takes tasks")


def on_worker_shutting_down(**_: Any) -> None:
    """The worker accepts no more tasks."""
    notify_stopping()


def on_beat_init(**_: Any) -> None:
    """Beat's loop begins. An unavailable broker delays ticks but doesn't end beat."""
    notify_ready("sends refreshes")
