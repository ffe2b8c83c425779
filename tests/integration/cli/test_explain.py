"""``p33 explain``: the verdict as a story, or where the plan is."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Fill, Leg, OrderSide, PositionSide
from p33_tasks.domain.quantities import parse_quantity
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import ExecutionResult
from tests.integration.cli.conftest import Call, document
from tests.support.gate import SYMBOL, Gate
from tests.support.promoting import TASK_ID, forecast, prepare, promote


def test_an_allow_tells_the_quantity_and_what_became_of_it(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038").allow("p1")
    text = call("explain", "p1").stdout
    assert "ALLOWED to SELL 0.028" in text
    assert "long 0.038" in text
    assert "the symbol is still reserved for it" in text
    consumed = gate.consume("p1")
    text = call("explain", "p1").stdout
    assert f"({consumed.consume_id})" in text


def test_a_mismatch_tells_the_numbers_the_limit_and_what_would_have_been_an_allow(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038")
    gate.put_ledger("0.0399")
    assert gate.why_not("p1") == Reason.QTY_MISMATCH
    result = call("explain", "p1")
    assert result.exit_code == 0
    assert "DENIED, reconcile_required_qty_mismatch" in result.stdout
    assert (
        "between 0.03762 and 0.03838 (within 1 % of the exchange's 0.038); it was 0.0399, off by 5 %" in result.stdout
    )
    assert f"p33 ledger adopt --replace {SYMBOL}" in result.stdout
    lines = result.stdout.splitlines()
    assert any(line.startswith("  NO  exchange and ledger agree within the tolerance") for line in lines)
    assert any(line.startswith("  ok  exchange and ledger are on the same side") for line in lines)


def test_what_it_says_would_have_been_an_allow_is_one(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038")
    for number, (ledger, allowed) in enumerate(
        [("0.03762", True), ("0.03838", True), ("0.037619", False), ("0.038381", False)]
    ):
        gate.put_ledger(ledger)
        gate.redis.delete(gate.keys.reservation(SYMBOL))
        assert (gate.why_not(f"p{number}") == "allow") is allowed


@pytest.mark.parametrize("retry", [True, False])
def test_it_says_how_long_to_wait_only_where_waiting_helps(gate: Gate, call: Call, retry: bool) -> None:  # noqa: FBT001 - the case
    gate.make_ready()
    if retry:
        gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    else:
        gate.put_position("0")
    gate.judge("p1")
    assert ("Try again after" in call("explain", "p1").stdout) is retry


def test_json_holds_verdict_and_inputs_exactly(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038").allow("p1")
    found = document(call("explain", "p1", "--json"))
    assert found["state"] == "decided"
    assert found["verdict"]["safe_close_qty"] == Decimal("0.028")
    assert found["inputs"]["facts"]["snapshot"]["position_amt"] == Decimal("0.038")


def test_a_result_is_part_of_the_story(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("p1")
    gate.redis.xadd(gate.keys.results, {"plan_id": "other", "symbol": SYMBOL, "executed": "True"})
    gate.redis.xadd(gate.keys.results, {"plan_id": "p1", "symbol": SYMBOL, "executed": "True", "order_id": "4711"})
    assert "order_id 4711" in call("explain", "p1").stdout


def test_an_audit_entry_is_found_among_a_thousand_of_its_time(gate: Gate, call: Call) -> None:
    gate.make_ready("0.038")
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    for number in range(700):
        gate.judge(f"p{number}")
    assert document(call("explain", "p699", "--json"))["inputs"]["facts"]["snapshot"] is not None


# --- without a verdict ----------------------------------------------------------------------------------------------


def test_a_plan_that_waits_is_said_to_wait(gate: Gate, call: Call) -> None:
    gate.publish("in-work")
    gate.redis.xadd(gate.keys.plans, {"plan_id": "unread", "symbol": SYMBOL, "decision": "EXECUTE"})
    working, waiting, never = (call("explain", name) for name in ("in-work", "unread", "never"))
    assert [working.exit_code, waiting.exit_code, never.exit_code] == [1, 1, 1]
    assert "is in progress at consumer test" in working.stdout
    assert "was not read yet" in waiting.stdout
    assert "never added" in never.stdout
    assert document(call("explain", "in-work", "--json"))["state"] == "pending"


def test_a_dead_letter_is_said_to_be_one(gate: Gate, call: Call) -> None:
    fields = {"plan_id": "broken", "symbol": SYMBOL, "decision": "EXECUTE"}
    entry_id = gate.redis.xadd(gate.keys.plans, fields)
    gate.redis.xadd(
        gate.keys.dead_letters,
        {"source_stream": gate.keys.plans, "source_id": entry_id, "error": "no use", "entry": json.dumps(fields)},
    )
    result = call("explain", "broken")
    assert result.exit_code == 1
    assert "dead-letter" in result.stdout
    assert "no use" in result.stdout


def test_a_verdict_whose_tombstone_is_gone_is_told_from_the_audit(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("p1")
    gate.redis.delete(gate.keys.decision("p1"))
    result = call("explain", "p1")
    assert result.exit_code == 1
    assert "allowed" in result.stdout


@pytest.mark.parametrize(
    "decision", ["", "[]", "NaN", "{", '{"ts_ms":"x"}', '{"ts_ms":1e99}', '{"details":[1]}', "\x1b[31m"]
)
def test_a_decision_that_is_none_of_ours_is_no_traceback(gate: Gate, call: Call, decision: str) -> None:
    gate.redis.set(gate.keys.decision("p1"), decision)
    for arguments in (("explain", "p1"), ("explain", "p1", "--json")):
        result = call(*arguments)
        assert result.exit_code in {0, 1}
        assert "\x1b" not in result.output


def test_a_hostile_plan_id_is_shown_escaped(gate: Gate, call: Call) -> None:
    name = "[red]\x1b[31m\u202eid"
    gate.make_ready().allow(name)
    for arguments in (("explain", name), ("explain", name, "--json"), ("explain", "\x1b[31m never")):
        assert all(line.isprintable() for line in call(*arguments).stdout.splitlines())


# --- an executor that went beyond its permit --------------------------------------------------------------------------


def report(gate: Gate, *fills: Fill, plan_id: str = "p1") -> None:
    result = ExecutionResult(plan_id=plan_id, symbol=SYMBOL, executed=True, fills=fills)
    gate.recorder.record(result, gate.publish_result(plan_id))


def order(order_id: str, side: str, quantity: str, **named: Any) -> Fill:
    return Fill(order_id=order_id, side=OrderSide(side), cumulative_qty=parse_quantity(quantity), **named)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_breach_is_told_by_itself_and_released_by_a_person(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040").allow("p1")
    report(gate, order("7", "SELL", "0.031"), order("8", "BUY", "0.001", reduce_only=False))
    text = words(call("explain", "p1").stdout)
    assert "The executor exceeded this permit" in text
    assert "With order 7 the plan's orders executed more than the permitted 0.03: 0.032 so far." in text
    assert "Order 8 was on another side than the permit's SELL: it was a BUY." in text
    assert "Order 8 was not reduce-only; every order of a permit must be." in text
    assert f"{SYMBOL} is held by the service itself since" in text
    assert f"p33 reconcile release {SYMBOL} --why TEXT" in text
    found = document(call("explain", "p1", "--json"))
    assert found["breaches"]["7"]["kinds"] == ["quantity"]
    assert found["executed_qty"] == Decimal("0.032")

    assert gate.why_not("p2") == "reconcile_hold_active"
    details = gate.decision("p2")["details"]
    assert (details["held_by"], details["hold_reason"], details["ends"]) == ("service", "breach", "person")
    assert f"p33 reconcile release {SYMBOL}" in details["remedy"]
    assert f"{SYMBOL} was held by the service itself since" in words(call("explain", "p2").stdout)

    assert call("reconcile", "release", SYMBOL, "--why", "the executor is mended").exit_code == 0
    assert gate.why_not("p3") != "reconcile_hold_active"
    assert "service_hold_released" in gate.events()
    text = words(call("explain", "p1").stdout)
    assert "exceeded this permit" in text
    assert "The service doesn't hold the position" in text


def test_an_order_of_another_leg_is_told_and_each_leg_is_released_alone(gate: Gate, call: Call) -> None:
    gate.make_hedged("0.040", "-0.040")
    gate.allow("p1", position_side=Leg.LONG)
    report(gate, order("7", "SELL", "0.010", leg=PositionSide.SHORT))
    text = words(call("explain", "p1").stdout)
    assert "Order 7 named another leg than the permit's LONG; its fills are booked to SHORT." in text
    for leg in ("LONG", "SHORT"):
        assert f"p33 reconcile release {SYMBOL} --side {leg} --why TEXT" in text
        assert call("reconcile", "release", SYMBOL, "--side", leg, "--why", "mended").exit_code == 0
    assert document(call("hold", "list", "--json"))["held"] == []


def test_what_the_permit_covers_is_not_called_a_breach(gate: Gate, call: Call) -> None:
    gate.make_ready("0.040").allow("p1")
    report(gate, order("7", "SELL", "0.030"))
    assert "beyond" not in call("explain", "p1").stdout


# --- which plan -------------------------------------------------------------------------------------------------------


def test_last_is_the_plan_of_the_latest_verdict(gate: Gate, call: Call) -> None:
    refused = call("explain", "--last")
    assert refused.exit_code == 1
    assert "no verdict yet" in refused.stderr
    gate.make_ready().allow("p1")
    gate.judge("p2")
    assert document(call("explain", "--last", "--json"))["plan_id"] == "p2"
    assert call("explain", "--last", "p1").exit_code == 2
    assert call("explain").exit_code == 2


@pytest.mark.parametrize("pasted", ["plan_id=p1", " plan_id='p1', ", 'plan_id="p1"'])
def test_a_plan_id_pasted_from_a_log_line_is_found(gate: Gate, call: Call, pasted: str) -> None:
    gate.make_ready().allow("p1")
    assert document(call("explain", pasted, "--json"))["plan_id"] == "p1"


def test_a_plan_id_that_looks_like_a_pasted_one_is_itself_first(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("plan_id=p1")
    assert document(call("explain", "plan_id=p1", "--json"))["plan_id"] == "plan_id=p1"


def test_a_promoted_verdict_names_the_task_that_prepared_it(gate: Gate, call: Call) -> None:
    gate.make_ready()
    forecast(gate)
    assert prepare(gate) == 1
    assert promote(gate, gate.publish("foreseen"))
    text = " ".join(call("explain", "foreseen").stdout.split())
    assert f"promoted from a prepared verdict: task {TASK_ID} (p33.prepare_permits) evaluated it" in text
    assert document(call("explain", "foreseen", "--json"))["prepared_by"] == TASK_ID


def test_an_ordinary_verdict_was_prepared_by_nobody(gate: Gate, call: Call) -> None:
    gate.make_ready().allow("p1")
    assert "prepared" not in call("explain", "p1").stdout
    assert document(call("explain", "p1", "--json"))["prepared_by"] is None
