"""``p33 emergency-close``: signed, asked, audited; and its refusals."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import Result

from p33_tasks.contract.keys import GROUP
from p33_tasks.domain.holds import HoldReason
from p33_tasks.errors import SnapshotAwaitedError
from p33_tasks.ports import PlanName, StreamEntry
from tests.integration.cli.conftest import Call
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

KEY = "a-key-for-emergencies-of-32-chars"
CLOSE = ("emergency-close", SYMBOL, "--why", "ticket 4711")


@pytest.fixture
def gate(redis_server: RedisServer) -> Gate:
    with redis_server.client() as client:
        client.flushall()
    gate = Gate(redis_server, emergency_key=KEY)
    gate.put_market()
    gate.put_ledger("0.010")
    gate.put_position("0.040")
    gate.service_holds.set(SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="e", evidence={})
    return gate


@pytest.fixture
def worker(gate: Gate) -> Iterator[None]:
    """Judges what comes, and refreshes the position when it is asked to."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            found: Any = gate.redis.xreadgroup(GROUP, "w", {gate.keys.plans: ">"}, block=50)
            for entry_id, fields in found[0][1] if found else []:
                entry = StreamEntry(stream=gate.keys.plans, entry_id=entry_id)
                name = PlanName(plan_id=fields["plan_id"], symbol=fields["symbol"])
                try:
                    gate.permits.judge_entry(name, entry)
                except SnapshotAwaitedError:
                    _refresh(gate)
                    gate.permits.judge_entry(name, entry)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def verdict(result: Result) -> dict[str, Any]:
    """In the document on standard output, beside the worker's log."""
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("{"))
    found: dict[str, Any] = json.loads(line)["verdict"]
    return found


def _refresh(gate: Gate) -> None:
    gate.until_after(gate.now_ms())
    if gate.snapshot().get("position_mode") == "hedge":
        gate.put_legs("0.040", "-0.020")
    else:
        gate.put_position("0.040")


@pytest.fixture
def keyed(call: Call) -> Callable[..., Any]:
    return lambda *arguments, **more: call(*arguments, P33_RECONCILE_KEY=KEY, **more)


@pytest.mark.usefixtures("worker")
def test_a_position_in_drift_and_on_hold_is_closed(gate: Gate, keyed: Call) -> None:
    result = keyed(*CLOSE, answer="y\n")
    assert result.exit_code == 0, result.stderr
    assert "ALLOWED to SELL 0.04" in result.stdout
    assert "the service holds it (unexplained_drift)" in result.stdout
    assert KEY not in result.output
    asked, judged = gate.redis.xrange(gate.keys.audit)[-2:]
    assert (asked[1]["event"], asked[1]["why"]) == ("emergency_requested", "ticket 4711")
    assert "@" in asked[1]["by"]
    assert judged[1]["event"] == "emergency_close"


def test_a_no_asks_for_nothing(gate: Gate, keyed: Call) -> None:
    before = gate.dump()
    assert keyed(*CLOSE, answer="n\n").exit_code == 1
    assert gate.dump() == before


def test_nobody_is_asked_about_a_flat_position(gate: Gate, keyed: Call) -> None:
    gate.put_position("0")
    before = gate.dump()
    result = keyed(*CLOSE, answer="y\n")
    assert result.exit_code == 1
    assert "the position is flat" in result.stderr
    assert "nothing to close" in result.stderr
    assert "Close it?" not in result.output
    assert gate.dump() == before


def test_a_leg_that_is_flat_is_said_to_be(gate: Gate, keyed: Call) -> None:
    gate.put_legs("0.040", "0")
    assert "the position is flat" in keyed(*CLOSE, "--side", "short", answer="y\n").stderr
    assert "Close it?" in keyed(*CLOSE, "--side", "long", answer="n\n").stdout


def test_a_snapshot_too_old_for_a_verdict_shows_no_flat_position(gate: Gate, keyed: Call) -> None:
    gate.put_position("0", age_ms=60_000)
    assert "Close it?" in keyed(*CLOSE, answer="n\n").stdout


@pytest.mark.usefixtures("worker")
def test_with_yes_the_workers_ask_the_exchange_anew(gate: Gate, keyed: Call) -> None:
    """What was flat a moment ago may be open now, and nobody is there to try again."""
    gate.put_position("0")
    assert keyed(*CLOSE, "--yes").exit_code == 0


def test_without_a_key_it_refuses_with_the_way_out(gate: Gate, call: Call) -> None:
    before = gate.dump()
    result = call(*CLOSE, "--yes")
    assert result.exit_code == 2
    assert "P33_RECONCILE_KEY" in result.stderr
    assert "restart the workers" in result.stderr
    assert gate.dump() == before


def test_a_short_key_is_refused_and_not_shown(call: Call) -> None:
    result = call(*CLOSE, "--yes", P33_RECONCILE_KEY="short-key")
    assert result.exit_code == 2
    assert "at least 16" in result.stderr
    assert "short-key" not in result.output


@pytest.mark.usefixtures("worker")
def test_an_operators_hold_is_asked_about(gate: Gate, keyed: Call) -> None:
    gate.operator.set_hold(SYMBOL, why="stop all of it", by="desk")
    before = gate.redis.xlen(gate.keys.plans)
    refused = keyed(*CLOSE, answer="y\nn\n")
    assert refused.exit_code == 1
    assert "stop all of it" in refused.stdout
    assert gate.redis.xlen(gate.keys.plans) == before
    result = keyed(*CLOSE, answer="y\ny\n")
    assert result.exit_code == 0, result.output
    assert gate.redis.exists(gate.keys.hold(SYMBOL)), "it stays"


@pytest.mark.usefixtures("worker")
def test_a_part_at_once(gate: Gate, keyed: Call) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    denied = verdict(keyed(*CLOSE, "--fraction", "0.5", "--yes", "--json"))
    assert denied["reason"] == "cooldown_in_flight"
    result = keyed(*CLOSE, "--fraction", "0.5", "--now", "--yes", "--json")
    assert result.exit_code == 0
    assert verdict(result)["safe_close_qty"] == 0.02


@pytest.mark.usefixtures("worker")
def test_in_hedge_mode_the_leg_is_named(gate: Gate, keyed: Call) -> None:
    gate.put_legs("0.040", "-0.020")
    refused = keyed(*CLOSE, "--yes")
    assert refused.exit_code == 2
    assert "two legs" in refused.stderr
    result = keyed(*CLOSE, "--side", "short", "--yes")
    assert result.exit_code == 0, result.output
    assert "ALLOWED to BUY 0.02" in result.stdout


@pytest.mark.usefixtures("worker")
def test_workers_with_another_key_are_said_to_need_this_one(gate: Gate, call: Call) -> None:
    result = call(*CLOSE, "--yes", P33_RECONCILE_KEY="another-key-of-32-characters-xxxx")
    assert result.exit_code == 1
    assert "hmac is missing, or it isn't the one" in result.stdout
    assert "same P33_RECONCILE_KEY into the workers and restart them" in result.stdout
    assert "p33 explain emergency-" in result.stdout
    assert "producer" not in result.stdout


def test_no_verdict_is_said_with_where_to_look(gate: Gate, keyed: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p33_tasks.cli.emergency.VERDICT_SEC", 0.2)
    result = keyed(*CLOSE, "--yes")
    assert result.exit_code == 1
    assert "p33 check" in result.stderr
    assert gate.redis.xlen(gate.keys.plans) == 1


@pytest.mark.parametrize("wrong", [("--fraction", "0.3"), ("--why", " "), ("--side", "BOTH"), ("--json",)])
def test_wrong_usage(keyed: Call, wrong: tuple[str, ...]) -> None:
    assert keyed(*CLOSE, *wrong).exit_code == 2
