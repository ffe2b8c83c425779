"""Ends what a test run started when the run itself was ended without a chance to clean up (SIGKILL, SIGTERM)."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from functools import cache

CODE = """
import sys, psutil
watched = []
for line in sys.stdin:
    try:
        watched.append(psutil.Process(int(line)))
    except psutil.NoSuchProcess:
        pass
for process in watched:
    try:
        for one in [*process.children(recursive=True), process]:
            one.kill()
    except psutil.NoSuchProcess:
        pass
"""
"""The pipe to it closes when this process ends, however it ends. psutil tells a pid that was given away again."""


@cache
def _guard(_pid: int) -> subprocess.Popen[str]:
    guard = subprocess.Popen(
        [sys.executable, "-c", CODE], stdin=subprocess.PIPE, text=True, start_new_session=True, bufsize=1
    )
    atexit.register(_end, guard)
    return guard


def _end(guard: subprocess.Popen[str]) -> None:
    if guard.stdin is not None:
        guard.stdin.close()
    guard.wait(10)


def watch(pid: int) -> None:
    """The process, and whatever it started, ends with this one."""
    stdin = _guard(os.getpid()).stdin
    assert stdin is not None
    stdin.write(f"{pid}\n")
    stdin.flush()
