"""The apply client is other people's import: what comes with it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("celery", "kombu", "ccxt", "aiohttp", "pydantic", "click", "rich")


def test_the_apply_client_brings_neither_celery_nor_ccxt() -> None:
    code = "import sys, p33_tasks.apply; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not set(HEAVY) & set(run.stdout.split())
    assert {"redis", "p33_tasks"} <= set(run.stdout.split())
