"""The processes of ``p33 up``, tiny ones: which one was asked to stop, and which one died."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from p33_tasks.demo.up.processes import Child, LogFiles, Processes
from tests.support.waiting import wait_until

ENDS_ON_SIGTERM = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('up', flush=True); "
ENDS_ON_SIGTERM += "signal.pause()"


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[LogFiles]:
    found = LogFiles(tmp_path / "logs")
    yield found
    found.close()


def run_two(logs: LogFiles, act: Callable[[Processes], None]) -> Processes:
    """Run two of them; ``act`` goes on in a thread when both are up."""
    children = [Child(name=name, command=(sys.executable, "-c", ENDS_ON_SIGTERM)) for name in ("first", "second")]
    threads = []

    def begin() -> None:
        threads.append(threading.Thread(target=in_thread, daemon=True))
        threads[0].start()

    def in_thread() -> None:
        try:
            wait_until(lambda: logs.tail("first") and logs.tail("second"), "both are up", timeout_sec=30)
            act(processes)
        finally:
            processes.terminate()

    processes = Processes(children, env=dict(os.environ), cwd=Path.cwd(), logs=logs, on_start=begin)
    processes.loop()
    threads[0].join(30)
    return processes


def state_of(processes: Processes, name: str) -> dict[str, Any]:
    [found] = [state for state in processes.states() if state["name"] == name]
    return found


def test_one_that_is_asked_to_stop_before_the_others_has_not_died(logs: LogFiles) -> None:
    def stop_first(processes: Processes) -> None:
        processes.stop_one("first")
        wait_until(lambda: state_of(processes, "first")["exit_code"] == 0, "the first one has ended", timeout_sec=30)
        assert state_of(processes, "second")["exit_code"] is None

    processes = run_two(logs, stop_first)
    assert processes.died == {}
    assert state_of(processes, "second")["exit_code"] == 0


def test_one_that_stops_unasked_has_died_whatever_its_exit_code(logs: LogFiles) -> None:
    def end_first(processes: Processes) -> None:
        os.kill(state_of(processes, "first")["pid"], signal.SIGTERM)
        wait_until(lambda: state_of(processes, "second")["exit_code"] == 0, "the second one has ended", timeout_sec=30)

    processes = run_two(logs, end_first)
    assert processes.died == {"first": 0}
