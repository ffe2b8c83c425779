"""Heartbeat files of this host's processes: each process writes one per iteration, and ``p33 alive`` reads them.

A supervisor's probe must distinguish a process that hangs from one whose Redis or exchange is unavailable: restarting
the second is useless. So a heartbeat means only that the loop iterates; a worker that waits for its broker writes it,
too.

Ages are measured on the host's monotonic clock, which all processes share and which can't be set. A record belongs to
the process with its pid *and* its start time: the record of a killed process is removed at the next start.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog

from p33_tasks.errors import ConfigurationError
from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.alive")

Role = Literal["worker", "beat", "ingest", "forecaster"]
MAIN, POOL, INGEST = "main", "pool", "ingest"

EVERY_SEC = 1.0


def runtime_dir(configured: str | None) -> Path:
    """The heartbeat files' directory: the setting, else systemd's ``RUNTIME_DIRECTORY``, else this user's in /tmp."""
    if configured is not None:
        return Path(configured)
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else Path(tempfile.gettempdir()) / f"p33-{os.geteuid()}"


@dataclass
class Sign:
    """The heartbeat of one process. An error with its file doesn't end the process: it is logged once."""

    folder: Path
    role: Role
    of: int | None = None  # pid of the ingest's worker; None: a separate ingest
    has_ingest: bool = False  # a worker with an ingest: without its ingest it is not alive
    _seen_ms: dict[str, int] = field(default_factory=dict)
    _due: float = 0.0
    _failed: bool = False

    def begin(self) -> None:
        """Create the folder, and remove the files of dead processes."""
        with self._guarded():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.folder.stat().st_uid != os.geteuid():
                raise PermissionError(f"{self.folder} belongs to another user")
            for path in self.folder.glob("*.json"):
                record = _record(path)
                if record is None or not record.is_running:
                    path.unlink(missing_ok=True)
        self.show(MAIN)

    def show(self, *parts: str) -> None:
        """Record an iteration of these parts; written at most once a second."""
        now = time.monotonic()
        self._seen_ms.update(dict.fromkeys(parts, int(now * 1000)))
        if now < self._due:
            return
        self._due = now + EVERY_SEC
        with self._guarded():
            # Atomic: a reader must not find half a document.
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(self._document()), "utf-8")
            draft.replace(self._path)

    def end(self) -> None:
        """Remove the file when this process ends."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.role}-{os.getpid()}.json"

    def _document(self) -> dict[str, Any]:
        pid = os.getpid()
        return {
            "role": self.role,
            "pid": pid,
            "started": _started(pid),
            "of": self.of,
            "has_ingest": self.has_ingest,
            "seen_ms": self._seen_ms,
        }

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if not self._failed:
                log.error(LogEvent.NO_SIGN_OF_LIFE, folder=str(self.folder), error=str(error))  # noqa: TRY400 - the sentence is all
            self._failed = True
        else:
            self._failed = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A process's last heartbeat, as read."""

    role: str
    pid: int
    started: str
    of: int | None
    has_ingest: bool
    seen_ms: Mapping[str, int]

    @property
    def is_running(self) -> bool:
        """Whether the process that wrote it is still running."""
        return self.started != "" and _started(self.pid) == self.started


def read_signs(folder: Path) -> list[Record]:
    """The last heartbeats of the running processes.

    Raises:
        ConfigurationError: The folder can't be read. (A missing folder is no error: nothing runs here.)
    """
    try:
        paths = sorted(folder.glob("*.json")) if folder.exists() else []
        records = [_record(path) for path in paths]
    except OSError as error:
        raise ConfigurationError(f"P33_RUNTIME_DIR: {folder} can't be read: {error.strerror}") from None
    return [record for record in records if record is not None and record.is_running]


def _record(path: Path) -> Record | None:
    try:
        found = json.loads(path.read_text("utf-8"))
        return Record(
            role=str(found["role"]),
            pid=int(found["pid"]),
            started=str(found["started"]),
            of=None if found["of"] is None else int(found["of"]),
            has_ingest=bool(found["has_ingest"]),
            seen_ms={str(part): int(ms) for part, ms in found["seen_ms"].items()},
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None  # the process has just ended, or a foreign file


def _started(pid: int) -> str:
    """The process's start time in kernel ticks, since pids are reused; empty if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "" if os.path.isdir("/proc/self") else _started_elsewhere(pid)  # noqa: PTH112 - asked of the kernel
    after_name = text.rpartition(")")[2].split()  # the name may contain any character
    state, ticks = after_name[0], after_name[19]
    return "" if state in {"Z", "X"} else ticks


def _started_elsewhere(pid: int) -> str:
    """The start time without /proc: only the pid is checked."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
