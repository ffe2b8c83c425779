"""``p33 forecaster`` as a process: on a signal it stops in good order."""

from __future__ import annotations

from pathlib import Path

import pytest

from p33_tasks.forecaster.state import decode_state
from tests.support.gate import SYMBOL, Gate
from tests.support.local_process import LocalProcess
from tests.support.waiting import wait_until


@pytest.mark.parametrize(
    ("command", "signal"),
    [(["p33", "forecaster"], "SIGTERM"), (["python", "-m", "p33_tasks.forecaster"], "SIGINT")],
    ids=["by name", "as a module"],
)
def test_a_signal_ends_it_with_what_it_learned_kept_and_the_lease_given_back(
    gate: Gate, tmp_path: Path, command: list[str], signal: str
) -> None:
    env = {"P33_REDIS_URL": gate.url, "P33_ALLOWLIST": SYMBOL, "P33_FORECAST": "on", "P33_RUNTIME_DIR": str(tmp_path)}
    process = LocalProcess("forecaster", command, env)
    try:
        wait_until(lambda: gate.redis.exists(gate.keys.forecast_state), "it works", timeout_sec=60)
        gate.redis.delete(gate.keys.forecast_state)  # the next one is due in a minute, or at the end
        process.kill(signal)
        wait_until(lambda: process.status == "exited", "it has ended", timeout_sec=30)
        assert process.exit_code == 0, process.logs()
        assert decode_state(str(gate.redis.get(gate.keys.forecast_state)))
        assert not gate.redis.exists(gate.keys.forecast_lease)
    finally:
        process.teardown()
