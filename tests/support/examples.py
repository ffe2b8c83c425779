"""The programs of ``examples/`` as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def example(name: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start one that runs until it is ended; returns when it says that it reads."""
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / name], env={**os.environ, **env}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading plans\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
