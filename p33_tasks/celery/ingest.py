"""The ingest as a separate process: ``python -m p33_tasks.celery.ingest``, started by a worker or by hand."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog

from p33_tasks.bootstrap.alive import MAIN, Sign, runtime_dir
from p33_tasks.bootstrap.journal import write_error
from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.bootstrap.notify import notify_ready, notify_stopping
from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.bootstrap.stopping import stop_on_signals
from p33_tasks.celery import app
from p33_tasks.celery.patches.kept_client import keep_clients
from p33_tasks.celery.publisher import TaskPublisher
from p33_tasks.errors import ConfigurationError
from p33_tasks.ingest.consumer_name import ConsumerName
from p33_tasks.ingest.handlers import PlanHandler, ResultHandler
from p33_tasks.ingest.loop import Ingest
from p33_tasks.ingest.options import PLANS, RESULTS, Options
from p33_tasks.ingest.source import Source
from p33_tasks.log_events import LogEvent
from p33_tasks.store.batches import Window
from p33_tasks.store.server import require_fit_servers
from p33_tasks.tasks.job import jobs

log = structlog.get_logger("p33.ingest")

PR_SET_PDEATHSIG = 1
LATE_MS = 1_000
"""An executor gives up after 1.2 s; judging a plan that is read later than this is useless and delays others."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The process's own ``main``."""
    return run(Options.parse(sys.argv[1:] if arguments is None else arguments))


def run(options: Options) -> int:
    """Read the streams until SIGTERM or SIGINT, or until the parent has ended.

    Returns:
        The exit code: 0, or 2 for an unusable configuration or an unfit Redis server.
    """
    try:
        here = runtime()
        configure_logging(here.settings, level=logging.DEBUG if options.verbose else None, logfile=options.logfile)
        require_fit_servers(here.settings.state_url, here.settings.celery_broker_url)
        ingest = build(here, options)
    except ConfigurationError as error:
        write_error(str(error))
        return 2
    keep_clients()
    ingest.stopping = stop_on_signals()
    if options.parent_pid is not None:
        end_with_parent()
    sign = Sign(folder=runtime_dir(here.settings.runtime_dir), role="ingest", of=options.parent_pid)
    sign.begin()
    ingest.show_life = partial(sign.show, MAIN)
    log.info(LogEvent.INGEST_READY, streams=",".join(options.streams), window=options.window)
    if options.parent_pid is None:  # with a parent, the worker notifies systemd
        notify_ready(f"reads {', '.join(options.streams)}")
    ingest.run()
    notify_stopping()
    sign.end()
    log.info(LogEvent.INGEST_STOPPED, orphaned=ingest.is_orphaned())
    return 0


def build(here: Runtime, options: Options) -> Ingest:
    """The ingest for this process.

    Raises:
        ConfigurationError: The settings can't be used.
    """
    window = Window(size=options.window, late_ms=LATE_MS)
    tasks = {job.stream: job.name for job in jobs(here.settings)}

    def source(name: str) -> Source:
        if name == PLANS:
            return Source(
                stream=here.keys.plans,
                widest=options.widest_window,
                handler=PlanHandler(
                    task=tasks[PLANS],
                    permits=here.permits,
                    entries=here.entries,
                    dead_letters=here.dead_letters,
                    window=window,
                    prefix=here.keys.prefix,
                    promoter=here.promotion,
                ),
            )
        return Source(
            stream=here.keys.results,
            handler=ResultHandler(
                task=tasks[RESULTS],
                dead_letters=here.dead_letters,
                prefix=here.keys.prefix,
                venue=here.result_reader,
            ),
        )

    parent = options.parent_pid
    return Ingest(
        entries=here.entries,
        sources=[source(name) for name in options.streams],
        publisher=TaskPublisher(app),
        window=window,
        processes=options.concurrency,
        name=ConsumerName(here.entries, marks=here.settings.marks),
        is_orphaned=lambda: parent is not None and os.getppid() != parent,
    )


def end_with_parent() -> None:
    """Let the kernel send SIGTERM when the parent's thread that started us ends; ``getppid`` is checked, too."""
    if sys.platform != "linux":
        return
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        log.warning(LogEvent.NO_DEATH_SIGNAL, errno=ctypes.get_errno())


if __name__ == "__main__":
    sys.exit(main())
