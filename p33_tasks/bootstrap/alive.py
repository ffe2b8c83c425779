"""Signs of life of this host's processes: each writes one per round, and ``p33 alive`` reads them.

A supervisor's probe must tell a process that hangs from one whose Redis or exchange is away: restarting the second
helps nobody. So a sign says only that the loop goes round, and a worker that waits for its broker goes on giving it.

Ages are measured on the host's monotonic clock, which all processes share and nobody can set. A record belongs to the
process with its pid *and* its start time: a record of a killed process is nobody's, and is removed at the next start.
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
    """Where the signs lie: the setting, else systemd's ``RUNTIME_DIRECTORY``, else a folder of this user's in /tmp."""
    if configured is not None:
        return Path(configured)
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given) if given else Path(tempfile.gettempdir()) / f"p33-{os.geteuid()}"


@dataclass
class Sign:
    """What one process shows. Nothing that goes wrong with it ends the process: it is logged once."""

    folder: Path
    role: Role
    of: int | None = None  # pid of the worker that an ingest belongs to; None: it stands alone
    has_ingest: bool = False  # a worker that reads the streams: without its ingest it is not alive
    _seen_ms: dict[str, int] = field(default_factory=dict)
    _due: float = 0.0
    _failed: bool = False

    def begin(self) -> None:
        """Make the folder, and remove what dead processes left in it."""
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
        """These parts went round just now; written at most once a second."""
        now = time.monotonic()
        self._seen_ms.update(dict.fromkeys(parts, int(now * 1000)))
        if now < self._due:
            return
        self._due = now + EVERY_SEC
        with self._guarded():
            # Whole or not at all: a reader in between would find half a document.
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(self._document()), "utf-8")
            draft.replace(self._path)

    def end(self) -> None:
        """This process ends in good order: it leaves nothing behind."""
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
    """A process's last sign, as it was read."""

    role: str
    pid: int
    started: str
    of: int | None
    has_ingest: bool
    seen_ms: Mapping[str, int]

    @property
    def is_running(self) -> bool:
        """Whether the process that wrote it still runs."""
        return self.started != "" and _started(self.pid) == self.started


def read_signs(folder: Path) -> list[Record]:
    """The last signs of the processes that run.

    Raises:
        ConfigurationError: The folder can't be read. (That there is none is not an error: nothing runs here.)
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
        return None  # it ended just now, or somebody else's file


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks; empty when there is none. A pid alone is used again."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "" if os.path.isdir("/proc/self") else _started_elsewhere(pid)  # noqa: PTH112 - asked of the kernel
    after_name = text.rpartition(")")[2].split()  # the name may hold anything
    state, ticks = after_name[0], after_name[19]
    return "" if state in {"Z", "X"} else ticks


def _started_elsewhere(pid: int) -> str:
    """Without /proc only the pid is left."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
