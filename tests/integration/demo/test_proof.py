"""``p33 proof``: the five cases on a running brain, and where it refuses to play."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.demo.exchange.client import SimControl
from tests.integration.cli.conftest import Call
from tests.integration.cli.running import P33, procfile
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)
CASES = ["normal", "stale", "no position", "cooldown", "quantity mismatch"]


@dataclass(frozen=True)
class Brain:
    """Worker and beat on a simulator; no executor and no governor."""

    server: RedisServer
    sim: SimControl
    env: dict[str, str]

    def proof(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [P33, "proof", "--json", *arguments], env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout, parse_float=Decimal)


@contextlib.contextmanager
def brain(**settings: str) -> Iterator[Brain]:
    with running_redis() as server, running_simulator(symbols={"BTCUSDT": "0.5", "ETHUSDT": "-2"}) as sim:
        env = {
            **server.environment,
            "P33_EXCHANGE_BASE_URL": sim.base_url,
            "BINANCE_API_KEY": "demo",
            "BINANCE_API_SECRET": "demo",
            "P33_ALLOWLIST": "BTCUSDT,ETHUSDT",
            "P33_METRICS_PORT": "0",
            "P33_POLL_SEC": "0.5",
            "P33_STALE_THRESHOLD_SEC": "2",
            "P33_COOLDOWN_SEC": "2",
            "P33_LEDGER_BOOTSTRAP": "adopt",
            **settings,
        }
        with procfile("worker", "beat", **env) as run, server.client() as client:
            wait_until(
                lambda: run.look() and client.exists("quantum:position:ledger:ETHUSDT"), "it works", timeout_sec=40
            )
            yield Brain(server, sim, env)


def test_the_five_cases_pass_with_its_own_executor_and_everything_is_put_back() -> None:
    with brain() as running:
        code, found = running.proof()
        assert code == 0, found
        assert [case["case"] for case in found["cases"]] == CASES
        assert all(case["passed"] for case in found["cases"])
        assert found["executor_and_governor"] == "executor and governor in this process"
        normal = found["cases"][0]
        assert normal["verdict"]["safe_close_qty"] == Decimal("0.028")
        assert [order["executedQty"] for order in running.sim.orders()] == ["0.028"]
        assert running.sim.position("BTCUSDT") == Decimal("0.5")
        with running.server.client() as client:
            assert client.hget("quantum:position:ledger:BTCUSDT", "last_known_amt") == "0.5"
            consumers = [
                consumer["name"]
                for group in ("apply", "governor")
                for consumer in client.xinfo_consumers("quantum:stream:apply.plan", group)
            ]
            assert consumers == []
        assert running.sim.state()["faults"]["rows"] == {}


def test_a_brain_that_lets_a_wrong_ledger_pass_fails_the_proof() -> None:
    """With a tolerance of 10 % the mismatch of 5 % is allowed: the proof must say so, and still put things back."""
    with brain(P33_QTY_TOLERANCE_PCT="10") as running:
        code, found = running.proof("--symbol", "ETHUSDT")
        assert code == 1
        wrong = {case["case"]: case for case in found["cases"]}["quantity mismatch"]
        assert wrong["passed"] is False
        assert "allowed" in wrong["failures"]
        assert found["ok"] is False
        assert running.sim.position("ETHUSDT") == Decimal(-2)


# --- where it refuses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env",
    [
        {"P33_EXCHANGE_BASE_URL": "", "BINANCE_TESTNET": "false"},
        {"P33_EXCHANGE_BASE_URL": ""},
        {"P33_EXCHANGE_BASE_URL": "https://fapi.binance.com"},
        {"P33_EXCHANGE_BASE_URL": "http://127.0.0.1.example"},
    ],
    ids=["live", "testnet", "live by base URL", "a name that only begins like loopback"],
)
def test_it_refuses_every_exchange_but_a_simulator_here(gate: Gate, call: Call, env: dict[str, str]) -> None:
    gate.make_ready()
    before = gate.dump()
    result = call("proof", **env)
    assert result.exit_code == 1
    assert "p33 up --no-producer" in result.stderr
    assert gate.dump() == before


def test_it_refuses_a_proxy_on_this_machine_that_is_no_simulator(gate: Gate, call: Call) -> None:
    before = gate.dump()
    result = call("proof", P33_EXCHANGE_BASE_URL="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "not our simulator" in result.stderr
    assert gate.dump() == before


def test_it_refuses_beside_the_demos_producer(gate: Gate, call: Call) -> None:
    gate.redis.xadd("quantum:demo:cases", {"case": "x"})
    with running_simulator() as sim:
        result = call("proof", P33_EXCHANGE_BASE_URL=sim.base_url)
    assert result.exit_code == 1
    assert "producer" in result.stderr


def test_it_refuses_a_symbol_on_hold_or_outside_the_allowlist(gate: Gate, call: Call) -> None:
    gate.redis.set(gate.keys.hold(SYMBOL), "x")
    with running_simulator() as sim:
        held = call("proof", P33_EXCHANGE_BASE_URL=sim.base_url)
        strange = call("proof", "--symbol", "XRPUSDT", P33_EXCHANGE_BASE_URL=sim.base_url)
    assert "on hold" in held.stderr
    assert "P33_ALLOWLIST" in strange.stderr
    assert {held.exit_code, strange.exit_code} == {1}


def test_without_a_worker_it_says_so(gate: Gate, call: Call) -> None:
    with running_simulator() as sim:
        result = call("proof", P33_EXCHANGE_BASE_URL=sim.base_url)
    assert result.exit_code == 1
    assert "p33 check" in result.stderr
