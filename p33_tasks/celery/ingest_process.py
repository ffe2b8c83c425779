"""The ingest beside a worker's pool: one process that reads the streams whose tasks this worker consumes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from p33_tasks.bootstrap.runtime import settings
from p33_tasks.celery.child_process import ChildProcessStep, is_verbose, logfile_of
from p33_tasks.ingest.options import STREAMS, Options
from p33_tasks.tasks.job import jobs


class IngestStep(ChildProcessStep):
    """Starts, watches and ends the ingest with the worker."""

    label = "Ingest"
    kind = "ingest"
    module = "p33_tasks.celery.ingest"

    @staticmethod
    def is_wanted(worker: Any) -> bool:
        """Whether this worker consumes a stream's tasks (by ``-Q``); False with ``P33_INGEST=off``."""
        return settings().ingest == "on" and bool(streams_of(worker))

    def arguments(self, worker: Any) -> Sequence[str]:
        """See ``ingest.options``."""
        return Options(
            streams=streams_of(worker),
            concurrency=worker.max_concurrency or worker.concurrency or 1,
            logfile=logfile_of(worker),
            verbose=is_verbose(worker),
            parent_pid=os.getpid(),
        ).arguments()


def streams_of(worker: Any) -> tuple[str, ...]:
    """The streams whose tasks this worker consumes."""
    consumed = worker.app.amqp.queues.consume_from
    served = {job.stream for job in jobs() if job.queue in consumed}
    return tuple(stream for stream in STREAMS if stream in served)
