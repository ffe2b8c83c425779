"""``examples/`` does what it says, with a real Redis and the simulated exchange."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.contract.keys import GROUP
from p33_tasks.contract.results import parse_result
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain.models import Leg
from p33_tasks.ports import PlanName, StreamEntry
from p33_tasks.store.emergency import EmergencyStore
from tests.support.examples import EXAMPLES, example
from tests.support.gate import CONSUMER, SYMBOL, Gate
from tests.support.redis_server import RedisServer, running_redis
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

KEY = "a signing key of 30 characters"
BLOCKS = re.findall(
    r"^```redis(?: refused)?\n(.*?)^```$", (EXAMPLES / "plain_redis.md").read_text(), re.MULTILINE | re.DOTALL
)
LINES = [line for block in BLOCKS for line in block.splitlines()]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with running_redis() as redis_server:
        yield redis_server


@pytest.fixture
def gate(server: RedisServer) -> Gate:
    with server.client() as client:
        client.flushall()
    return Gate(server, signing_key=KEY)


@pytest.fixture
def sim() -> Iterator[SimControl]:
    with running_simulator(symbols={SYMBOL: "0.040"}) as control:
        yield control


def environment(gate: Gate, sim: SimControl) -> dict[str, str]:
    return {
        "P33_REDIS_URL": gate.url,
        "P33_PERMIT_SIGNING_KEY": KEY,
        "P33_ENV_FILE": "",
        "P33_EXCHANGE_BASE_URL": sim.base_url,
        "BINANCE_API_KEY": "demo",
        "BINANCE_API_SECRET": "demo",
    }


def results(gate: Gate) -> list[dict[str, str]]:
    return [fields for _, fields in gate.redis.xrange(gate.keys.results)]


def test_the_executor_closes_what_it_may_and_says_so(gate: Gate, sim: SimControl) -> None:
    with example("executor.py", environment(gate, sim)):
        gate.make_ready()
        gate.grant()
        gate.redis.delete(gate.keys.results)
        gate.allow()
        (fields,) = wait_until(lambda: results(gate), "a result", timeout_sec=20)
    (fill,) = parse_result(fields).fills
    assert (fields["outcome"], fill.cumulative_qty) == ("executed", Decimal("0.03"))
    assert sim.position(SYMBOL) == Decimal("0.01")
    (order,) = sim.orders()
    assert (order["side"], order["reduceOnly"], order["executedQty"]) == ("SELL", True, "0.030")


def test_the_executor_sends_nothing_without_a_permit_and_says_why(gate: Gate, sim: SimControl) -> None:
    gate.grant()
    with example("executor.py", environment(gate, sim)):
        gate.judge()
        (fields,) = wait_until(lambda: results(gate), "a result", timeout_sec=20)
    assert (fields["outcome"], fields["reason"]) == ("blocked", "no_exchange_snapshot")
    assert sim.orders() == []


def test_a_refused_order_is_a_rejection_and_an_answer_that_is_none_is_unknown(gate: Gate, sim: SimControl) -> None:
    for number, (position, expected) in enumerate([("0", "rejected"), (None, "unknown")]):
        plan_id = f"plan-{number}"
        gate.redis.delete(gate.keys.results, gate.keys.reservation(SYMBOL))
        env = environment(gate, sim)
        if position is None:
            env["P33_EXCHANGE_BASE_URL"] = "http://127.0.0.1:9"  # nobody listens
        else:
            sim.set_position(SYMBOL, position)
        with example("executor.py", env):
            gate.make_ready()  # behind the start, which takes long on a busy machine: the snapshot must be fresh
            gate.grant(plan_id)
            gate.allow(plan_id)
            (fields,) = wait_until(lambda: results(gate), "a result", timeout_sec=20)
        assert (fields["outcome"], fields["executed"]) == (expected, "False")
        assert fields["consume_id"] == gate.redis.hget(gate.keys.consumed(plan_id), "consume_id")


def test_a_client_error_that_leaves_doubt_is_no_rejection(gate: Gate, sim: SimControl) -> None:
    """Binance's -4116: an order of this id is there already."""
    gate.redis.delete(gate.keys.results, gate.keys.reservation(SYMBOL))
    sim.set_position(SYMBOL, "0.04")
    sim.fault(order_error=-4116)
    try:
        with example("executor.py", environment(gate, sim)):
            gate.make_ready()
            gate.grant("plan-doubt")
            gate.allow("plan-doubt")
            (fields,) = wait_until(lambda: results(gate), "a result", timeout_sec=20)
    finally:
        sim.clear_faults()
    assert (fields["outcome"], fields["executed"]) == ("unknown", "False")


def test_an_emergency_close_is_executed_although_its_permit_takes_longer(server: RedisServer, sim: SimControl) -> None:
    with server.client() as client:
        client.flushall()
    gate = Gate(server, signing_key=KEY, emergency_key=KEY)
    with example("executor.py", environment(gate, sim)):
        gate.make_ready()
        asked = EmergencyStore(gate.redis, gate.keys, key=KEY)
        plan_id = asked.ask(SYMBOL, Leg.BOTH, "CLOSE_FULL", passes_cooldown=False, over_hold=False, why="x", by="desk")
        gate.grant(plan_id)
        issued_ms = gate.now_ms()
        ((_, entries),) = gate.redis.xreadgroup(GROUP, CONSUMER, {gate.keys.plans: ">"})
        entry = StreamEntry(stream=gate.keys.plans, entry_id=entries[-1][0])
        # Longer than an executor waits for the permit of another plan.
        gate.until_after(issued_ms + 2_000)
        gate.put_position("0.040")
        gate.permits.judge_entry(PlanName(plan_id=plan_id, symbol=SYMBOL), entry)
        wait_until(lambda: sim.position(SYMBOL) == 0, "the position is closed", timeout_sec=20)
        wait_until(lambda: results(gate)[-1]["outcome"] == "executed", "its result", timeout_sec=20)


def ends(name: str, *arguments: str, **env: str) -> tuple[int, str]:
    """Of an example that ends by itself, without this process's settings: its exit code and what it says."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("P33_", "BINANCE_", "REDIS_"))}
    command = [sys.executable, EXAMPLES / name, *arguments]
    done = subprocess.run(command, env=clean | env, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def test_an_example_ends_with_a_sentence_where_something_is_missing(gate: Gate, sim: SimControl) -> None:
    plan = ("plan-1", SYMBOL, "CLOSE_FULL")
    nowhere = environment(gate, sim) | {"P33_REDIS_URL": "redis://127.0.0.1:9/0"}
    for expected, (code, said) in {
        "Propose a plan": ends("send_plan.py", *plan[:2]),
        "P33_REDIS_URL is not set": ends("send_plan.py", *plan),
        "not set: P33_REDIS_URL, BINANCE_API_KEY": ends("executor.py"),
        "signing key 1: use": ends("executor.py", **environment(gate, sim) | {"P33_PERMIT_SIGNING_KEY": "short"}),
        "Redis: Error 111": ends("send_plan.py", *plan, **nowhere),
        "Was a plan being handled?": ends("executor.py", **nowhere),
    }.items():
        assert code == 1
        assert expected in said
        assert "Traceback" not in said


def test_the_executor_ends_by_ctrl_c(gate: Gate, sim: SimControl) -> None:
    with example("executor.py", environment(gate, sim)) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def run(gate: Gate, line: str) -> Any:
    return gate.redis.execute_command(*shlex.split(line))


def test_the_plain_commands_take_both_permits_and_report_the_fill(gate: Gate) -> None:
    governor, permit, _, take, report = LINES
    gate.make_ready()
    gate.allow()
    gate.grant()
    assert '"granted":true' in run(gate, governor)
    assert '"allow":true' in run(gate, permit)
    assert '"safe_close_qty":0.03' in run(gate, permit)
    assert run(gate, take) == 2
    assert run(gate, take) == 0
    run(gate, report)
    ((_, entries),) = gate.redis.xreadgroup("p33", CONSUMER, {gate.keys.results: ">"})
    ((entry_id, fields),) = entries
    gate.recorder.record(parse_result(fields), StreamEntry(stream=gate.keys.results, entry_id=entry_id))
    assert gate.ledger_amt() == "0.01"
    assert gate.reserved_by() is None


def test_the_plain_refusal_is_read(gate: Gate) -> None:
    run(gate, LINES[2])
    (fields,) = results(gate)
    assert not parse_result(fields).executed


def test_of_two_plain_executors_one_takes_the_permits(gate: Gate) -> None:
    gate.make_ready()
    gate.allow()
    gate.grant()
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(run(gate, LINES[3]))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [0, 2]
