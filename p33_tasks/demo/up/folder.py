"""A directory of one run, for this user only; removed at the end, except logs that are kept."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


class RunFolder:
    """The directory of a run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keep_logs = False
        """Set when a process died: then only the logs are kept after the run."""

    @property
    def logs(self) -> Path:
        """The children's logs, one file each."""
        return self.path / "logs"


@contextlib.contextmanager
def run_folder() -> Iterator[RunFolder]:
    """A new directory (mode 0700), removed at the end."""
    folder = RunFolder(Path(tempfile.mkdtemp(prefix="p33-up-")))
    try:
        yield folder
    finally:
        for entry in folder.path.iterdir():
            if folder.keep_logs and entry == folder.logs:
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
        if not folder.keep_logs:
            shutil.rmtree(folder.path, ignore_errors=True)
