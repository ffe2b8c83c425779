"""The processes of ``p33 up``, run by honcho's manager: when one ends, all end."""

from __future__ import annotations

import os
import shlex
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any, BinaryIO

from honcho.manager import Manager
from honcho.process import Popen, Process

from p33_tasks.demo.up.lifeline import end_with_parent

TAIL_LINES = 20
_INTERRUPTED = frozenset(128 + signum for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process to run."""

    name: str
    command: tuple[str, ...]


class LogFiles:
    """One file per process; honcho writes its lines here."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.width = 0  # honcho's attribute, for columns; not used here
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._tails: dict[str, deque[str]] = {}

    def write(self, message: Any) -> None:
        """One line of one process; honcho's own lines have the name ``system``."""
        name = message.name or "system"
        data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.log").open("ab", buffering=0)
            self._tails[name] = deque(maxlen=TAIL_LINES)
        self._files[name].write(data)
        self._tails[name].append(data.decode("utf-8", "replace").rstrip("\n"))

    def tail(self, name: str) -> list[str]:
        """The last lines that a process wrote; not escaped."""
        return list(self._tails.get(name, ()))

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


class _OneOfOurs(Process):  # type: ignore[misc]  # honcho has no types
    """honcho's process, ended by the kernel when this process is killed."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:  # noqa: FBT002 - honcho's signature
        # This is honcho's helper process, which ignores SIGTERM: it gets SIGKILL, and its child then gets SIGTERM.
        end_with_parent(signal.SIGKILL)
        self._child_ctor = partial(Popen, stdin=DEVNULL, preexec_fn=end_with_parent)
        super().run(events, ignore_signals)


class _Signals:
    """How honcho ends a process: SIGTERM to it alone (a worker ends its own pool), SIGKILL to its whole group."""

    def terminate(self, pid: int) -> None:
        _signal(os.kill, pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        _signal(os.killpg, pid, signal.SIGKILL)


def _signal(send: Callable[[int, int], None], pid: int, signum: int) -> None:
    try:
        send(pid, signum)
    except ProcessLookupError:
        return


class Processes(Manager):  # type: ignore[misc]  # honcho has no types
    """Runs the children until one ends, ``terminate`` is called, or SIGINT, SIGTERM or SIGHUP comes."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        env: Mapping[str, str],
        cwd: Path,
        logs: LogFiles,
        on_start: Callable[[], None],
    ) -> None:
        super().__init__(logs)
        self._process_ctor = _OneOfOurs
        self._procmgr = _Signals()
        self._on_start = on_start
        self._asked_to_stop: set[str] = set()
        self._ended_early: dict[str, int] | None = None
        self.interrupted = False
        for child in children:
            # `exec`: the shell that honcho starts becomes the program, so that signals reach it.
            command = f"exec {shlex.join(child.command)}"
            self.add_process(child.name, command, env=dict(env), cwd=str(cwd))

    def stop_one(self, name: str) -> None:
        """End one process before the others."""
        self._asked_to_stop.add(name)
        pid = self._processes[name].get("pid")
        if pid is not None and self._processes[name].get("returncode") is None:
            self._procmgr.terminate(pid)

    def terminate(self) -> None:
        """End all processes; those that have ended before are in ``died``."""
        if self._ended_early is None:
            self._ended_early = {
                name: found["returncode"] for name, found in self._processes.items() if self._is_early_end(name, found)
            }
            self.interrupted = self.returncode in _INTERRUPTED and not self._ended_early
        super().terminate()

    @property
    def died(self) -> dict[str, int]:
        """The processes that ended before ``terminate``, with their exit codes (negative: a signal)."""
        return self._ended_early or {}

    def states(self) -> list[dict[str, Any]]:
        """Every process with its pid and exit code."""
        return [
            {
                "name": name,
                "pid": found.get("pid"),
                "exit_code": found.get("returncode"),
                "died": name in self.died,
            }
            for name, found in self._processes.items()
        ]

    # --- overridden steps of honcho ---------------------------------------------------------------------------------

    def _start(self) -> None:
        super()._start()
        # honcho handles SIGINT and SIGTERM; SIGHUP comes when the terminal is closed.
        signal.signal(signal.SIGHUP, self._hang_up)
        self._on_start()

    def _hang_up(self, signum: int, _frame: object) -> None:
        self.returncode = 128 + signum
        self.terminate()

    def _any_stopped(self) -> bool:
        return any(self._is_early_end(name, found) for name, found in self._processes.items())

    def _is_early_end(self, name: str, found: Mapping[str, Any]) -> bool:
        code = found.get("returncode")
        return code is not None and not (code == 0 and name in self._asked_to_stop)
