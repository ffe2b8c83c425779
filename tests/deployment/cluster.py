"""Processes of a deployment in a test's own folder: each with its log, each ended with the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
STOP_SEC = 10


def program(name: str) -> str:
    """A command of the virtual environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


def environment(**ours: str) -> dict[str, str]:
    """The environment of a process of ours: nothing of this machine's own configuration."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "P33_ENV_FILE": os.devnull, "PYTHONPATH": str(ROOT), **ours}


@contextmanager
def running(
    command: Sequence[str], env: Mapping[str, str], log: Path, *, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block runs, then ended in good order."""
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=dict(env), stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=cwd)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SEC)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
