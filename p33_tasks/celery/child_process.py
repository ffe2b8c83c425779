"""A child process of the worker beside its pool: started with the worker, watched, restarted, and ended with it.

It is not a thread: a thread shares the interpreter's lock with the worker's loop (382 ms p99 at 400/s), and
its locks may stay locked in children that are forked later.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import structlog
from celery import bootsteps
from celery.utils.nodenames import node_format

from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.worker")

CHECK_SEC = 0.5
MAX_RESTART_SEC = 30.0
HEALTHY_SEC = 10.0
STOP_SEC = 5.0


@dataclass
class Respawn:
    """The delay before a process that died is started again: none at first, then increasing."""

    delay_sec: float = 0.0

    def next_delay(self, lived_sec: float) -> float:
        """Seconds to wait after a process that ran for ``lived_sec``."""
        if lived_sec >= HEALTHY_SEC:
            self.delay_sec = 0.0
            return 0.0
        self.delay_sec = min(MAX_RESTART_SEC, max(CHECK_SEC, self.delay_sec * 2))
        return self.delay_sec


class ChildProcessStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery has no types
    """One module of this package, run as a process. A subclass defines the module and the workers that start it.

    The module ends with its parent (``--parent-pid``), and on SIGTERM.
    """

    requires: ClassVar[Any] = ("celery.worker.components:Timer", "celery.worker.components:Pool")
    conditional = True
    kind: ClassVar[str]  # in the log, and in ``celery inspect stats``
    module: ClassVar[str]  # run with ``python -m``

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._process: subprocess.Popen[bytes] | None = None
        self._respawn = Respawn()
        self._wait_sec = 0.0
        self._lived_sec = 0.0
        self._closing = False
        self._timer: Any = None

    @staticmethod
    def is_wanted(worker: Any) -> bool:
        """Whether this worker starts the process."""
        raise NotImplementedError

    def arguments(self, worker: Any) -> Sequence[str]:
        """The module's command line."""
        raise NotImplementedError

    def include_if(self, worker: Any) -> bool:
        """Called by Celery: whether the step is used."""
        return self.is_wanted(worker)

    def start(self, worker: Any) -> None:
        """Start the process from the worker's main thread: the kernel's death signal depends on that thread."""
        self._spawn(worker)
        self._timer = worker.timer.call_repeatedly(CHECK_SEC, self._check, (worker,))

    def close(self, worker: Any) -> None:  # noqa: ARG002 - Celery's signature
        """The worker accepts no more tasks: end the process, and start no new one."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, worker: Any) -> None:
        """Wait until the process has ended."""
        self.close(worker)
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_SEC)

    terminate = stop

    def info(self, worker: Any) -> dict[str, Any]:  # noqa: ARG002 - Celery's signature
        """The process's data for ``celery inspect stats``."""
        return {self.kind: {"pid": self._process.pid if self._process is not None else None}}

    def _spawn(self, worker: Any) -> None:
        self._lived_sec = 0.0
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            [sys.executable, "-m", self.module, *self.arguments(worker)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # the worker handles Ctrl-C of the terminal
        )
        log.info(LogEvent.PROCESS_STARTED, process=self.kind, pid=self._process.pid)

    def _check(self, worker: Any) -> None:
        process = self._process
        if self._closing or process is None:
            return
        self._lived_sec += CHECK_SEC
        if self._wait_sec > 0:
            self._wait_sec -= CHECK_SEC
            if self._wait_sec <= 0:
                self._spawn(worker)
            return
        if process.poll() is None:
            return
        delay = self._respawn.next_delay(self._lived_sec)
        log.error(
            LogEvent.PROCESS_DIED,
            process=self.kind,
            pid=process.pid,
            exit_code=process.returncode,
            restart_in_sec=delay,
        )
        if delay > 0:
            self._wait_sec = delay
        else:
            self._spawn(worker)


def logfile_of(worker: Any) -> str | None:
    """The worker's log file, if it writes to one."""
    return node_format(worker.logfile, worker.hostname) if isinstance(worker.logfile, str) else None


def is_verbose(worker: Any) -> bool:
    """Whether the worker logs at DEBUG."""
    return bool(worker.loglevel) and worker.loglevel <= 10  # noqa: PLR2004 - logging.DEBUG
