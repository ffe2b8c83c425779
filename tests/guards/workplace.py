"""The copy of the checkout in which guards are taken away, and the one pytest process that runs there at a time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.guards.recorder import COPY, REPORT

RECORDER = "tests.guards.recorder"

# Of no use to these runs, and half of the time that starting pytest takes.
UNUSED_PLUGINS = ("benchmark", "celery", "docker_tools", "xdist", "xdist.looponfail")

PYTEST = (
    *(sys.executable, "-m", "pytest"),
    # Nothing left behind, and no second try: what fails by chance must not pass for a test that notices.
    *("-p", "no:cacheprovider", "-p", "no:rerunfailures", "--hypothesis-seed", "0", "--tb", "short"),
    *(part for name in UNUSED_PLUGINS for part in ("-p", f"no:{name}")),
)
TEST_TIMEOUT_SEC = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What one test did."""

    node_id: str
    when: str  # setup, call, teardown or collect
    outcome: str  # passed, failed or skipped
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One pytest process."""

    tests: tuple[Ran, ...]
    problem: str = ""  # why it says nothing about any test: timed out, not started
    seconds: float


class Workplace:
    """A copy of the checkout's tracked files, as they are now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._changes = 0

    def put(self, path: str, text: str) -> None:
        """Write a file of the copy."""
        file = self.root / path
        file.write_text(text, "utf-8")
        # Python tells a stale cached module by the source's size and whole second: never the same one twice.
        self._changes += 1
        when = time.time() + 10 * self._changes
        os.utime(file, (when, when))

    def pytest(self, node_ids: Sequence[str], *, timeout_sec: float, stop_at_first: bool) -> Run:
        """Run tests in the copy, which is also what every process that they start imports."""
        report = self.root / "guards-report.json"
        report.unlink(missing_ok=True)
        began = time.monotonic()
        command = [*PYTEST, "--timeout", str(TEST_TIMEOUT_SEC), *(["-x"] if stop_at_first else []), *node_ids]
        problem = self._finished(command, report, timeout_sec)
        tests = () if problem else tuple(Ran(**ran) for ran in json.loads(report.read_text("utf-8")))
        return Run(tests=tests, problem=problem, seconds=time.monotonic() - began)

    def _finished(self, command: Sequence[str], report: Path, timeout_sec: float) -> str:
        own = {"PYTHONPATH": str(self.root), "PYTEST_PLUGINS": RECORDER, COPY: str(self.root), REPORT: str(report)}
        env = {**os.environ, **own}
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            process = subprocess.Popen(
                command, cwd=self.root, env=env, stdout=said, stderr=said, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
            try:
                process.wait(timeout_sec)
            except subprocess.TimeoutExpired:
                return f"not finished after {timeout_sec:.0f} s"
            finally:
                _end(process)
            if report.exists():
                return ""
            said.seek(0)
            return f"pytest ended with {process.returncode}: {said.read()[-600:].strip()}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that the tests started outlives them."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM if process.poll() is None else signal.SIGKILL)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def workplace(checkout: Path) -> Iterator[Workplace]:
    """Copy the tracked files of a checkout; the checkout itself is never touched."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=checkout, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory(prefix="p33-guards-") as folder:
        root = Path(folder).resolve()
        for name in filter(None, listed.decode().split("\0")):
            source, target = checkout / name, root / name
            if source.is_file():  # one that was deleted and not committed yet is none
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        yield Workplace(root)
