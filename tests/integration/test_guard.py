"""A test run that was killed leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.waiting import wait_until

RUN = """
import subprocess, sys, threading
from tests.support.guard import watch
left = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait(600)"], start_new_session=True)
watch(left.pid)
print(left.pid, flush=True)
threading.Event().wait(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_run_started_ends_too(number):
    run = subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    left = psutil.Process(int(run.stdout.readline()))

    run.send_signal(number)
    run.wait(10)

    wait_until(lambda: not left.is_running() or left.status() == psutil.STATUS_ZOMBIE, "the process has ended")
    run.stdout.close()
