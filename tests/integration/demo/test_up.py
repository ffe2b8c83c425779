"""``p33 up`` with real processes: it runs, it shows, it ends, and nothing of it stays behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import psutil
import pytest
import redis

from tests.integration.cli.running import Up, procfile, up
from tests.support.examples import EXAMPLES, example
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

CHILDREN = {"exchange", "worker", "beat", "exporter", "governor", "apply", "producer"}

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def live() -> Iterator[RedisServer]:
    """A configured Redis that a demo must not touch."""
    with running_redis() as server:
        yield server


def untouched(server: RedisServer) -> bool:
    """Whether nobody but a test has ever talked to this server."""
    with server.client() as client:
        names = {name for name in client.info("commandstats") if "client" not in name}
        own = {"cmdstat_info", "cmdstat_dbsize", "cmdstat_ping", "cmdstat_hello"}
        # Valkey 9 counts two CONFIG GET before anybody but PING came.
        return client.dbsize() == 0 and names <= own | {"cmdstat_config|get"}


def test_a_run_without_a_person_proves_itself_and_leaves_nothing(live: RedisServer) -> None:
    """Also: it never touches a configured Redis, with whatever variable that is configured."""
    env = {
        **live.environment,
        "P33_REDIS_URL": live.url(),
        "P33_BROKER_URL": live.url(1),
        "P33_ENV_FILE": "/nowhere/live.env",
        "P33_ALLOWLIST": "LIVEUSDT",
        "BINANCE_API_KEY": "live",
        "BINANCE_API_SECRET": "live",
        "BINANCE_TESTNET": "false",
    }
    with up("--for", "15", "--json", **env) as run:
        folder = run.folder
        assert run.wait_for_end() == 0, run.stdout + run.stderr
        assert run.survivors() == []
        summary: dict[str, Any] = json.loads(run.stdout)
    assert summary["ok"] is True
    assert min(summary["allowed"], summary["executed"], summary["denied"]) >= 1
    assert (summary["unpermitted_executions"], summary["unpermitted_orders"]) == (0, 0)
    assert summary["cases"]["played"] == summary["cases"]["as_expected"] > 0
    assert {process["name"] for process in summary["processes"]} - {"queues", "flower"} == CHILDREN
    ours = [process for process in summary["processes"] if process["name"] in CHILDREN]  # others end as they like
    assert {process["exit_code"] for process in ours} == {0}
    assert not folder.exists()
    assert untouched(live)


def test_with_everything_ahead_of_the_plan_on_nobody_dies_either() -> None:
    """The strategy ends before the others, and isn't taken for a dead one."""
    if not find_spec("river"):  # its import takes a second
        pytest.skip("the extra forecast isn't there")
    ahead = {"P33_COOLDOWN_MODE": "adaptive", "P33_PREPARE": "on", "P33_FORECAST": "on"}
    with up("--for", "25", "--json", **ahead) as run:
        run.wait_for_end()
        assert run.survivors() == []
        summary: dict[str, Any] = json.loads(run.stdout)
    assert not [reason for reason in summary["reasons"] if not reason.startswith("nothing was ")]
    assert summary["cases"]["other"] == []
    ends = {process["name"]: (process["died"], process["exit_code"]) for process in summary["processes"]}
    assert ends["strategy"] == ends["producer"] == ends["forecaster"] == (False, 0)
    assert ends.keys() >= CHILDREN


def test_a_signal_stops_everything_in_good_order() -> None:
    with up() as run:
        run.wait_for("EXEC ")
        folder = run.folder
        run.process.send_signal(signal.SIGTERM)
        assert run.wait_for_end() == 0, run.stderr
        assert run.survivors() == []
    assert not folder.exists()


def test_killing_it_outright_leaves_no_process_behind() -> None:
    with up() as run:
        run.wait_for("ALLOW")
        folder = run.folder
        run.look()
        os.kill(run.process.pid, signal.SIGKILL)
        wait_until(lambda: not run.survivors(), "every descendant has ended", timeout_sec=30, every_sec=0.1)
    shutil.rmtree(folder)


def test_a_child_that_dies_ends_the_run_with_a_reason_and_its_log() -> None:
    with up("--for", "100", "--json") as run:
        governor = wait_until(lambda: _find(run, "p33_tasks.demo.governor"), "the governor", timeout_sec=30)
        folder = run.folder
        log = folder / "logs" / "governor.log"
        wait_until(lambda: log.exists() and "GOVERNOR" in log.read_text(), "the governor works", timeout_sec=30)
        governor.kill()
        assert run.wait_for_end() == 1
        assert run.survivors() == []
        assert "governor ended with exit code -9; its last lines:" in run.stderr
        assert "GOVERNOR" in run.stderr
        summary = json.loads(run.stdout)
    assert summary["ok"] is False
    assert "governor ended on its own with exit code -9" in summary["reasons"]
    assert [entry.name for entry in folder.iterdir()] == ["logs"]
    shutil.rmtree(folder)


def test_in_a_terminal_ctrl_c_ends_it_and_gives_the_screen_back() -> None:
    with up(terminal=True) as run:
        run.wait_for("ALLOW")
        folder = run.folder
        assert "\x1b[?1049h" in run.stdout  # the picture has a screen of its own
        assert run.terminal is not None
        os.write(run.terminal, b"\x03")
        assert run.wait_for_end() == 0
        assert run.survivors() == []
        wait_until(lambda: "as expected" in run.stdout.rpartition("\x1b[?1049l")[2], "the summary on the usual screen")
    assert not folder.exists()


def test_the_procfile_runs_the_service_with_your_settings_and_sends_no_order() -> None:
    with running_redis() as server, running_simulator(symbols={"BTCUSDT": "0.038"}) as sim:
        env = {
            **server.environment,
            "P33_EXCHANGE_BASE_URL": sim.base_url,
            "BINANCE_API_KEY": "demo",
            "BINANCE_API_SECRET": "demo",
            "P33_METRICS_PORT": "0",
            "P33_POLL_SEC": "1",
            "P33_LEDGER_BOOTSTRAP": "adopt",
        }
        with procfile("worker", "beat", "exporter", **env) as run, server.client() as client:
            wait_until(
                lambda: run.look() and client.hget("quantum:position:ledger:BTCUSDT", "last_known_amt") == "0.038",
                "worker and beat work",
                timeout_sec=40,
                every_sec=0.1,
            )
            plan = {"plan_id": "p1", "symbol": "BTCUSDT", "decision": "EXECUTE", "action": "CLOSE_PARTIAL_75"}
            client.xadd("quantum:stream:apply.plan", plan)
            run.wait_for("ALLOW")
            assert not any("p33_tasks.demo" in " ".join(p.cmdline()) for p in run.look().values())
            run.process.send_signal(signal.SIGTERM)
            run.wait_for_end()
            assert run.survivors() == []
        assert sim.orders() == []


def test_an_executor_of_ones_own_runs_against_the_demo_until_its_terminal_is_closed() -> None:
    """README: make up ARGS="--no-producer --no-executor", and examples/executor.py beside it."""
    with up("--no-producer", "--no-executor") as run:
        run.wait_for("demo.env")
        env = dict(line.split("=", 1) for line in (run.folder / "demo.env").read_text().splitlines() if "=" in line)
        with example("executor.py", env) as executor, redis.Redis.from_url(env["P33_REDIS_URL"]) as client:
            wait_until(
                lambda: run.look() and client.hget("quantum:position:ledger:BTCUSDT", "last_known_amt") == b"0.038",
                "the demo is ready",
                timeout_sec=60,
                every_sec=0.1,
            )
            plan = [sys.executable, EXAMPLES / "send_plan.py", "mine-1", "BTCUSDT", "CLOSE_FULL"]
            subprocess.run(plan, env={**os.environ, **env}, check=True)
            run.wait_for("EXEC  BTCUSDT")
            assert executor.poll() is None
            wait_until(lambda: client.hget("quantum:position:ledger:BTCUSDT", "last_known_amt") == b"0", "it is booked")
        assert not any("apply_layer" in " ".join(p.cmdline()) for p in run.look().values())
        folder = run.folder
        run.process.send_signal(signal.SIGHUP)
        assert run.wait_for_end() == 0, run.stderr
        assert run.survivors() == []
    assert not folder.exists()


def _find(run: Up, word: str) -> psutil.Process | None:
    with contextlib.suppress(AssertionError):
        return run.child(word)
    return None
