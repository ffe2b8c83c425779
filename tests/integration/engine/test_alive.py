"""``p33 alive`` beside real processes: it tells one that hangs from one whose Redis is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from p33_tasks.cli.root import cli
from tests.deployment.cluster import environment, program, running
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until

MAX_AGE = "4"
_PAUSE = threading.Event()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with running_redis() as found:
        yield found


def alive(folder: Path, *arguments: str) -> tuple[int, dict]:
    """The command, in this process: it is asked again and again, and a process each time would be the larger load."""
    # A Redis that isn't there: it is not asked.
    env = environment(P33_RUNTIME_DIR=str(folder), REDIS_PORT="1")
    done = CliRunner().invoke(cli, ["alive", "--json", "--max-age", MAX_AGE, *arguments], env=env)
    return done.exit_code, json.loads(done.stdout)


def is_alive(folder: Path) -> bool:
    return alive(folder)[0] == 0


def stays_alive(folder: Path, *arguments: str) -> None:
    """For longer than a sign from before may count."""
    ends = time.monotonic() + 1.5 * float(MAX_AGE)
    while time.monotonic() < ends:
        code, found = alive(folder, *arguments)
        assert code == 0, found
        _PAUSE.wait(0.1)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def problems(folder: Path) -> str:
    return str([process["problems"] for process in alive(folder)[1]["processes"]])


def test_a_worker_is_alive_while_its_loop_its_pool_and_its_ingest_go_round(server: RedisServer, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    env = environment(P33_REDIS_URL=server.url(), P33_RUNTIME_DIR=str(folder))
    with running([program("celery"), "-A", "p33_tasks", "worker", "-c", "2"], env, tmp_path / "log") as worker:
        wait_until(lambda: is_alive(folder), f"it is alive: {tmp_path}", timeout_sec=30)
        [ingest] = [
            child.pid for child in psutil.Process(worker.pid).children() if "ingest" in " ".join(child.cmdline())
        ]
        with stopped(ingest):
            wait_until(lambda: "ingest" in problems(folder), "a hanging ingest is seen", timeout_sec=20)
        wait_until(lambda: is_alive(folder), "it goes on", timeout_sec=20)
        with stopped(worker.pid):
            wait_until(lambda: "main" in problems(folder), "a hanging main loop is seen", timeout_sec=20)
        wait_until(lambda: is_alive(folder), "it goes on", timeout_sec=20)
        os.kill(ingest, signal.SIGKILL)
        wait_until(lambda: is_alive(folder), "a new ingest took its place", timeout_sec=20)
    command = [program("p33"), "alive", "--json"]
    env = environment(P33_RUNTIME_DIR=str(folder), REDIS_PORT="1")
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert json.loads(done.stdout)["processes"] == [], "ended in good order, it leaves nothing behind"


def test_a_worker_whose_redis_is_away_is_alive(server: RedisServer, tmp_path: Path) -> None:
    """Restarting it would help nobody; also one that has never seen its Redis."""
    folder = tmp_path / "run"
    env = environment(P33_REDIS_URL=server.url(), P33_RUNTIME_DIR=str(folder))
    with running([program("celery"), "-A", "p33_tasks", "worker", "-c", "2"], env, tmp_path / "log"):
        wait_until(lambda: is_alive(folder), "it is alive", timeout_sec=30)
        server.kill()
        stays_alive(folder)


def test_a_beat_is_alive_also_without_its_broker(server: RedisServer, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    env = environment(P33_REDIS_URL=server.url(), P33_RUNTIME_DIR=str(folder))
    with running([program("celery"), "-A", "p33_tasks", "beat", "--pidfile="], env, tmp_path / "log") as beat:
        wait_until(lambda: alive(folder, "--of", "beat")[0] == 0, "it is alive", timeout_sec=30)
        server.kill()
        stays_alive(folder, "--of", "beat")
        with stopped(beat.pid):
            wait_until(lambda: "main" in problems(folder), "a hanging beat is seen", timeout_sec=20)
