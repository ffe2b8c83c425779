"""``p33 reconcile status``: why a position is held, what ends it, and what was found lately."""

from __future__ import annotations

import json

from p33_tasks.domain.holds import HoldReason
from tests.integration.cli.conftest import Call
from tests.support.gate import SYMBOL, Gate


def test_it_says_why_since_when_and_what_ends_it(gate: Gate, call: Call) -> None:
    gate.make_ready()
    gate.service_holds.set(
        SYMBOL, reason=HoldReason.UNEXPLAINED, evidence_id="x", evidence={"why": "a trade of 0.010 is missing"}
    )
    shown = " ".join(call("reconcile", "status").stdout.split())
    assert "P33_RECONCILE_MODE=off" in shown
    assert SYMBOL in shown
    assert "unexplained_drift" in shown
    assert "a trade of 0.010 is missing" in shown
    assert "It ends after 3 snapshots" in shown
    assert f"p33 reconcile release {SYMBOL} --why" in shown
    found = json.loads(call("reconcile", "status", "--json").stdout)
    assert found["holds"][SYMBOL]["why"] == "a trade of 0.010 is missing"


def test_the_latest_events_are_told_and_escaped(gate: Gate, call: Call) -> None:
    fields = {
        "event": "repaired",
        "position": SYMBOL,
        "class": "adl",
        "before": "0.04",
        "after": "0.03",
        "why": "x\x1b[2J",
    }
    gate.redis.xadd(gate.keys.reconcile_events, fields)
    gate.redis.xadd(gate.keys.reconcile_events, {"foreign": "\x1b[31m"})
    done = call("reconcile", "status")
    assert done.exit_code == 0
    assert "the service holds no position" in done.stdout
    assert f"{SYMBOL} repaired (adl) ledger 0.04 to 0.03" in " ".join(done.stdout.split())
    assert all(line.isprintable() for line in done.stdout.splitlines())
    assert json.loads(call("reconcile", "status", "--json").stdout)["events"][1]["event"] == "repaired"


def test_an_event_without_class_or_amounts_has_no_empty_places(gate: Gate, call: Call) -> None:
    gate.redis.xadd(gate.keys.reconcile_events, {"event": "emergency", "position": SYMBOL, "why": "a rehearsal"})
    gate.redis.xadd(gate.keys.reconcile_events, {"event": "adopted", "position": SYMBOL, "after": "2"})
    shown = call("reconcile", "status").stdout
    assert f"{SYMBOL}  emergency  a rehearsal\n" in shown
    assert f"{SYMBOL}  adopted  ledger none to 2\n" in shown


def test_release_of_a_lasting_drift_names_the_way_out(gate: Gate, call: Call) -> None:
    gate.make_ready()
    for ledger, is_shown in (("0.030", True), ("0.040", False)):
        gate.put_ledger(ledger)
        gate.service_holds.set(SYMBOL, reason=HoldReason.EXTERNAL, evidence_id="x", evidence={})
        done = call("reconcile", "release", SYMBOL, "--why", "looked it up")
        assert done.exit_code == 0
        assert (f"p33 ledger adopt --replace {SYMBOL}" in done.stdout) is is_shown


def test_a_drift_is_told_with_its_class_and_its_next_step(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    gate.put_ledger("0.030")
    case = {
        "drift": "0.04|0.03",
        "class": "external",
        "why": "somebody else traded this position",
        "readings": "2",
        "next_ms": str(gate.now_ms() + 30_500),
    }
    gate.redis.hset(gate.keys.reconcile_case(SYMBOL), mapping=case)
    shown = " ".join(call("reconcile", "status").stdout.split())
    sentence = "exchange 0.04, ledger 0.03: external: somebody else traded this position; read 2 times; next reading in"
    assert sentence in shown
    assert json.loads(call("reconcile", "status", "--json").stdout)["drifts"][SYMBOL]["classes"] == "external"
    assert "external: somebody else traded this position; read 2 times" in " ".join(call("status").stdout.split())
    assert json.loads(call("status", SYMBOL, "--json").stdout)["symbols"][0]["reconciling"]["readings"] == 2
    assert gate.why_not() == "reconcile_required_qty_mismatch"
    assert json.loads(call("explain", "plan-1", "--json").stdout)["drifts"][SYMBOL]["classes"] == "external"
    assert sentence in " ".join(call("explain", "plan-1").stdout.split())
    gate.redis.hset(gate.keys.reconcile_case(SYMBOL), "drift", "0.04|0.02")  # of another drift
    assert "external" not in call("reconcile", "status").stdout


def test_a_foreign_value_in_the_place_of_what_is_known_hides_nothing_else(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040")
    gate.redis.set(gate.keys.reconcile_case(SYMBOL), "foreign")
    done = call("reconcile", "status")
    assert done.exit_code == 0
    assert "the service holds no position" in done.stdout
