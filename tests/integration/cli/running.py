"""``p33 up``, or the Procfile, as a process, and everything that it started."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from tests.support.waiting import wait_until

BIN = Path(sys.executable).parent
P33 = str(BIN / "p33")
PROCFILE = Path(__file__).parents[3] / "Procfile"


class Up:
    """A running ``p33 up``, and everything that it started."""

    def __init__(self, process: subprocess.Popen[str], output: Path, errors: Path, terminal: int | None) -> None:
        self.process = process
        self.terminal = terminal  # our end of it
        self._output = output
        self._errors = errors
        self.family: dict[int, psutil.Process] = {}

    @property
    def stdout(self) -> str:
        return self._output.read_text("utf-8", "replace")

    @property
    def stderr(self) -> str:
        return self._errors.read_text("utf-8", "replace")

    @property
    def folder(self) -> Path:
        """The run's directory, as it says itself."""
        found = wait_until(
            lambda: re.search(r"(\S+/p33-up-\w+)/logs", self.stdout + self.stderr), "it says where", timeout_sec=30
        )
        return Path(found.group(1))

    def look(self) -> dict[int, psutil.Process]:
        """Remember every descendant there is."""
        with contextlib.suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.process.pid)
            self.family.update({child.pid: child for child in [main, *main.children(recursive=True)]})
        return self.family

    def wait_for(self, text: str) -> None:
        """Wait until it shows ``text``."""

        def shown() -> bool:
            self.look()
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.stdout}{self.stderr}"
            return text in self.stdout

        wait_until(shown, f"p33 up shows {text!r}", timeout_sec=60, every_sec=0.1)

    def wait_for_end(self) -> int:
        """Wait until it has ended; its exit code."""
        wait_until(
            lambda: self.look() and self.process.poll() is not None, "p33 up ends", timeout_sec=90, every_sec=0.1
        )
        return int(self.process.wait())

    def survivors(self) -> list[str]:
        """Descendants that are still there."""
        found = []
        for process in self.family.values():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended while it was looked at
                if _is_alive(process):
                    found.append(f"{process.pid} {process.cmdline()}")
        return found

    def child(self, word: str) -> psutil.Process:
        """The descendant whose command line holds ``word``, without honcho's helpers."""
        for process in self.look().values():
            with contextlib.suppress(psutil.NoSuchProcess):
                if word in process.cmdline():
                    return process
        raise AssertionError(f"no child {word}: {self.family}")


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def up(*arguments: str, terminal: bool = False, **env: str) -> Iterator[Up]:
    """Start ``p33 up``; whatever happens, nothing of it outlives the block."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "out", Path(folder) / "err"
        with output.open("w") as out, errors.open("w") as err:
            process, main = (
                _on_a_terminal(arguments, env, out) if terminal else (_plain(arguments, env, out, err), None)
            )
        running = Up(process, output, errors, main)
        try:
            yield running
        finally:
            _end(running)


@contextlib.contextmanager
def procfile(*processes: str, **env: str) -> Iterator[Up]:
    """The Procfile's processes, as honcho starts them; whatever happens, nothing of them outlives the block."""
    command = (sys.executable, "-m", "honcho", "start", "-f", str(PROCFILE), *processes)
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder) / "out", Path(folder) / "err"
        with output.open("w") as out, errors.open("w") as err:
            process = _started(command, {**env, "PATH": path, "PYTHONUNBUFFERED": "1"}, out, err)
        running = Up(process, output, errors, None)
        try:
            yield running
        finally:
            _end(running)


def _end(running: Up) -> None:
    running.look()
    running.process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        running.process.wait(20)
    for child in running.family.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    running.process.wait(30)
    if running.terminal is not None:
        os.close(running.terminal)


def _plain(arguments: tuple[str, ...], env: dict[str, str], out: IO[str], err: IO[str]) -> subprocess.Popen[str]:
    return _started((P33, "up", *arguments), env, out, err)


def _started(command: tuple[str, ...], env: dict[str, str], out: IO[str], err: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=out, stderr=err, text=True, env={**os.environ, **env}, start_new_session=True
    )


def _on_a_terminal(arguments: tuple[str, ...], env: dict[str, str], out: IO[str]) -> tuple[subprocess.Popen[str], int]:
    main, side = pty.openpty()
    process = subprocess.Popen(
        [P33, "up", *arguments],
        text=True,
        env={**os.environ, **env, "TERM": "xterm-256color", "COLUMNS": "150", "LINES": "45"},
        preexec_fn=lambda: os.login_tty(side),  # noqa: PLW1509 - nothing else runs in this process
    )
    os.close(side)
    # It ends by itself when nobody holds the other side any more.
    subprocess.Popen(["cat"], stdin=main, stdout=out, stderr=subprocess.DEVNULL)
    return process, main
