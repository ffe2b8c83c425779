"""A program of ours in a process of its own, with the face that pytest-celery's nodes expect of a container.

pytest-celery starts Docker containers; its node and cluster classes only ask for name, status, logs and signals,
which a local process has as well.
"""

from __future__ import annotations

import contextlib
import os
import signal as signals
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from tests.support.guard import watch
from tests.support.waiting import wait_until

STOP_TIMEOUT_SEC = 20


class LocalProcess:
    """A process group that can be asked, killed and started again.

    Args:
        name: For logs and messages.
        command: ``celery`` without a folder is the one beside this interpreter.
        env: Replaces this process's own environment variables of the same names.
        is_ready: Asked with the log so far; None: running is enough.
        celeryconfig: What pytest-celery's clusters read, e.g. ``url`` and ``host_url`` of a broker.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        is_ready: Callable[[str], bool] | None = None,
        celeryconfig: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._command = [str(Path(sys.executable).parent / command[0]), *command[1:]]
        self._env = {**os.environ, **env}
        self._is_ready = is_ready
        self.celeryconfig = dict(celeryconfig or {})
        self._log = Path(tempfile.mkstemp(prefix=f"p33-{name}-", suffix=".log")[1])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it (again), with an empty log."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        watch(self._process.pid)

    @property
    def id(self) -> str:
        """Stable for one life of the process."""
        return f"{self.name}-{self.pid}"

    @property
    def pid(self) -> int:
        """Of the main process."""
        assert self._process is not None
        return self._process.pid

    @property
    def status(self) -> str:
        """``running`` or ``exited``."""
        assert self._process is not None
        return "running" if self._process.poll() is None else "exited"

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def logs(self) -> str:
        """All that it printed in this life."""
        return self._log.read_text("utf-8", "replace")

    def ready(self) -> bool:
        """Wait until it is ready; fails with its log when it ends before."""
        wait_until(self._ready_now, f"{self.name} is ready", timeout_sec=40)
        return True

    def _ready_now(self) -> bool:
        if self.status != "running":
            raise AssertionError(f"{self.name} ended with {self.exit_code}:\n{self.logs()[-3000:]}")
        return self._is_ready is None or self._is_ready(self.logs())

    def reload(self) -> None:
        """A process has nothing to reload."""

    def tree(self) -> list[psutil.Process]:
        """The process and all of its descendants."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.pid)
            return [main, *main.children(recursive=True)]
        return []

    def kill(self, signal: str | int = "SIGKILL") -> None:
        """Signal the main process; a SIGKILL takes its whole tree, as the end of a container would."""
        number = signals.Signals[signal] if isinstance(signal, str) else signals.Signals(signal)
        if number is not signals.SIGKILL:
            os.kill(self.pid, number)
            return
        for process in self.tree():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._wait()

    def restart(self, timeout: float = STOP_TIMEOUT_SEC) -> None:
        """Stop in good order and start again."""
        self.stop(timeout)
        self.start()

    def stop(self, timeout: float = STOP_TIMEOUT_SEC) -> None:
        """Stop in good order, or else by force."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_TIMEOUT_SEC)

    def teardown(self) -> None:
        """Stop it and forget its log."""
        self.kill()
        self._log.unlink(missing_ok=True)
