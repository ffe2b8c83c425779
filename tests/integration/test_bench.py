"""``make bench`` measures what it says: both sides run, and nothing stays unanswered."""

from __future__ import annotations

import subprocess
import sys


def test_the_latency_bench_gets_an_answer_for_every_plan():
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "latency", "--seconds", "1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.replace("│", " ").split() for line in done.stdout.splitlines() if "floor" in line or "verdict" in line]
    assert [row[-1] for row in rows] == ["0"] * 4, done.stdout  # the last column: how many are missing
