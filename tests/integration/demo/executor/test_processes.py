"""The neighbours as processes of their own: killed, continued, told to stop, wrongly configured."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.names import client_order_id
from p33_tasks.demo.scenarios.case import HOME_AMTS
from tests.integration.demo.executor.brain import Brain
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_until

MODULES = {
    "apply_layer": [],
    "governor": ["--per-5-min", "100", "--per-hour", "100"],
    "producer": ["--simulator", "{sim}"],
}
CONSUMERS = {"apply_layer": "apply", "governor": "governor"}
PLACES = {"apply_layer": "executor.apply_layer", "governor": "governor", "producer": "scenarios.producer"}


def environment(redis_server: RedisServer, sim: SimControl, brain: Brain) -> dict[str, str]:
    return {
        **os.environ,
        **redis_server.environment,
        "P33_KEY_PREFIX": brain.keys.prefix,
        "P33_EXCHANGE_BASE_URL": sim.base_url,
        "BINANCE_API_KEY": sim.api_key,
        "BINANCE_API_SECRET": sim.api_secret,
    }


@contextmanager
def running(name: str, env: dict[str, str], arguments: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", f"p33_tasks.demo.{PLACES[name]}", *arguments]
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def test_the_apply_layer_killed_with_its_order_at_the_venue_reports_it_in_its_next_life(redis_server, sim, brain):
    env, wanted = environment(redis_server, sim, brain), client_order_id(brain.keys.prefix, "plan-1")

    def placed() -> list[object]:
        return [order for order in sim.orders() if order["clientOrderId"] == wanted]

    sim.fault(latency_ms=2_000, paths=["/order"])
    with running("apply_layer", env) as first:
        wait_until(lambda: is_at_work("apply_layer", brain, sim), "it is at work", timeout_sec=30)
        brain.allow("plan-1")
        wait_until(placed, "the order is at the venue, its answer on the way", timeout_sec=20)
        first.kill()
        first.wait(5)
    assert brain.results_of("plan-1") == []
    sim.clear_faults()
    with running("apply_layer", env):
        wait_until(lambda: brain.results_of("plan-1"), "the next life reports it", timeout_sec=30)
    (result,) = brain.results_of("plan-1")
    assert (result["outcome"], len(placed())) == ("executed", 1)
    brain.record_all()
    assert brain.ledger_amt() == sim.position("BTCUSDT")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", MODULES)
def test_told_to_stop_a_neighbour_ends_promptly_and_well(redis_server, sim, brain, name, signum):
    arguments = [argument.format(sim=sim.base_url) for argument in MODULES[name]]
    sim.set_position("BTCUSDT", 0)
    with running(name, environment(redis_server, sim, brain), arguments) as process:
        wait_until(lambda: is_at_work(name, brain, sim), "it is at work", timeout_sec=30)
        process.send_signal(signum)
        wait_until(lambda: told_again(process, signum), "it ends", timeout_sec=3, every_sec=0.001)
        assert process.returncode == 0


def told_again(process: subprocess.Popen[str], signum: int) -> bool:
    """A runner that is in a hurry says it more than once, also while the interpreter closes."""
    if process.poll() is not None:
        return True
    process.send_signal(signum)
    return False


def is_at_work(name: str, brain: Brain, sim: SimControl) -> bool:
    if name == "producer":
        return sim.position("BTCUSDT") == HOME_AMTS["BTC"]
    if not brain.client.exists(brain.keys.plans):
        return False
    groups = [group["name"] for group in brain.client.xinfo_groups(brain.keys.plans)]
    return CONSUMERS[name] in groups


@pytest.mark.parametrize("name", MODULES)
def test_an_unusable_configuration_is_told_and_ends_with_2(redis_server, sim, brain, name):
    env = environment(redis_server, sim, brain) | {"P33_POLL_SEC": "never"}
    arguments = [argument.format(sim=sim.base_url) for argument in MODULES[name]]
    with running(name, env, arguments) as process:
        _, said = process.communicate(timeout=20)
        assert process.returncode == 2
    assert "P33_POLL_SEC='never'" in said


def test_the_producer_refuses_another_venue_than_the_simulator(redis_server, sim, brain):
    env = environment(redis_server, sim, brain) | {"P33_EXCHANGE_BASE_URL": "https://fapi.example.com"}
    with running("producer", env, ["--simulator", sim.base_url]) as process:
        _, said = process.communicate(timeout=20)
        assert process.returncode == 2
    assert "for the simulator at" in said
    assert brain.client.xlen(brain.keys.plans) == 0
