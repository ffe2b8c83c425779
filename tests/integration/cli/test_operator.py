"""``p33 ledger`` and ``p33 hold``: what an operator does by hand, asked, audited, refused in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.models import Leg
from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate


def test_adopt_shows_before_and_after_and_asks(gate: Gate, call: Call) -> None:
    gate.put_position("0.038")
    result = call("ledger", "adopt", SYMBOL, answer="y\n")
    assert result.exit_code == 0
    assert "ledger none -> 0.038" in result.stdout
    assert gate.ledger_amt() == "0.038"
    assert gate.events() == ["ledger_adopted"]


def test_a_no_adopts_nothing(gate: Gate, call: Call) -> None:
    gate.put_position("0.038")
    assert call("ledger", "adopt", SYMBOL, answer="n\n").exit_code == 1
    assert call("ledger", "adopt", SYMBOL, answer="").exit_code == 1
    assert gate.ledger_amt() is None


def test_an_existing_ledger_needs_replace(gate: Gate, call: Call) -> None:
    gate.put_ledger("0.040")
    gate.put_position("0.038")
    refused = call("ledger", "adopt", SYMBOL, "--yes")
    assert refused.exit_code == 1
    assert f"p33 ledger adopt --replace {SYMBOL}" in refused.stderr
    assert gate.ledger_amt() == "0.04"
    found = document(call("ledger", "adopt", "--replace", "--yes", SYMBOL, "--json"))
    assert (found["before"], found["after"]) == ("0.04", "0.038")
    assert gate.events() == ["ledger_replaced"]
    (event,) = gate.redis.xrange(gate.keys.audit)
    assert "@" in event[1]["by"]


def test_a_ledger_that_agrees_with_the_exchange_needs_nothing_and_it_says_so(gate: Gate, call: Call) -> None:
    gate.put_ledger("0.038")
    gate.put_position("0.0380")
    refused = call("ledger", "adopt", SYMBOL, "--yes")
    assert refused.exit_code == 1
    assert "nothing to do" in refused.stderr
    assert "--replace" not in refused.stderr


def test_what_was_agreed_to_is_what_is_adopted(gate: Gate, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.put_position("0.038")

    def moves_while_the_operator_reads(*_: object, **__: object) -> bool:
        gate.put_position("0.500")
        return True

    monkeypatch.setattr("click.confirm", moves_while_the_operator_reads)
    result = call("ledger", "adopt", SYMBOL)
    assert result.exit_code == 1
    assert "moved to 0.5" in result.stderr
    assert gate.ledger_amt() is None


def test_refusals_say_what_to_do(gate: Gate, call: Call) -> None:
    def refusal() -> str:
        result = call("ledger", "adopt", "--replace", "--yes", SYMBOL)
        assert result.exit_code == 1
        return result.stderr

    assert "no snapshot" in refusal()
    gate.put_position(age_ms=30_000)
    assert "limit is 10 s" in refusal()
    gate.put_position(source="binanceusdm elsewhere.example")
    assert "elsewhere.example" in refusal()
    gate.put_legs("0.040", "0")
    assert "hedge mode" in refusal()
    gate.put_position()
    gate.make_ready().allow("holder")
    assert "holder" in refusal()
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    assert "Try again in" in refusal()
    assert gate.ledger_amt() == "0.04"


def test_in_hedge_mode_one_leg_is_adopted(gate: Gate, call: Call) -> None:
    gate.put_legs("0.040", "-0.020")
    assert call("ledger", "adopt", "--yes", SYMBOL).exit_code == 1
    result = call("ledger", "adopt", "--yes", "--side", "short", SYMBOL)
    assert result.exit_code == 0, result.stderr
    assert "-0.02" in result.stdout
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, None, "-0.02"]
    again = call("ledger", "adopt", "--yes", "--side", "SHORT", SYMBOL)
    assert "it has one already" in again.stderr


def test_in_hedge_mode_each_leg_has_a_row(gate: Gate, call: Call) -> None:
    gate.put_legs("0.040", "-0.020")
    assert call("ledger", "adopt", "--yes", "--side", "short", SYMBOL).exit_code == 0
    rows = document(call("ledger", "show", SYMBOL, "--json"))["ledgers"]
    assert [(row["position_side"], row["exchange_position_amt"], row["ledger_position_amt"]) for row in rows] == [
        ("LONG", Decimal("0.04"), None),
        ("SHORT", Decimal("-0.02"), Decimal("-0.02")),
    ]
    assert f"{SYMBOL}:SHORT" in call("ledger", "show").stdout
    shown = {row["position_side"]: row["gate"] for row in document(call("status", SYMBOL, "--json"))["symbols"]}
    assert shown["LONG"] == "reconcile_required_missing_ledger"
    gate.redis.set(gate.keys.service_hold(SYMBOL, Leg.SHORT), '{"reason": "drift"}')
    held = {row["position_side"]: row["hold"] for row in document(call("status", SYMBOL, "--json"))["symbols"]}
    assert held == {"LONG": None, "SHORT": "p33: drift"}


def test_a_leg_is_not_adopted_in_one_way_mode(gate: Gate, call: Call) -> None:
    gate.put_position("0.040")
    assert "one_way mode" in call("ledger", "adopt", "--yes", "--side", "LONG", SYMBOL).stderr
    assert gate.ledger_amt(leg=Leg.LONG) is None


def test_json_never_asks(gate: Gate, call: Call) -> None:
    gate.put_position()
    assert call("ledger", "adopt", SYMBOL, "--json").exit_code == 2
    assert gate.ledger_amt() is None


def test_ledgers_are_shown_beside_the_exchange(gate: Gate, call: Call) -> None:
    gate.make_ready("-1.2", symbol=OTHER)
    found = document(call("ledger", "show", "--json"))["ledgers"]
    assert [entry["ledger_position_amt"] for entry in found] == [None, Decimal("-1.2")]
    assert "none" in call("ledger", "show").stdout


# --- holds ----------------------------------------------------------------------------------------------------------


def test_a_hold_denies_until_it_is_cleared(gate: Gate, call: Call) -> None:
    gate.make_ready()
    assert call("hold", "set", SYMBOL.lower(), "--why", "ticket 4711").exit_code == 0
    assert gate.why_not("p1") == "reconcile_hold_active"
    assert "ticket 4711" in call("hold", "list").stdout
    assert document(call("hold", "list", "--json")) == {"holds": {SYMBOL: "ticket 4711"}}
    assert call("hold", "clear", SYMBOL).exit_code == 0
    assert gate.why_not("p2") == "allow"
    assert gate.events() == ["hold_set", "hold_clear"]


def test_a_hold_needs_a_reason(call: Call) -> None:
    assert call("hold", "set", SYMBOL).exit_code == 2
    assert call("hold", "set", SYMBOL, "--why", "  ").exit_code == 2


def test_the_first_holds_reason_stays(gate: Gate, call: Call) -> None:
    call("hold", "set", SYMBOL, "--why", "first")
    assert document(call("hold", "set", SYMBOL, "--why", "second", "--json"))["changed"] is False
    assert gate.redis.get(gate.keys.hold(SYMBOL)) == "first"


def test_clearing_what_is_not_held_is_a_no(call: Call) -> None:
    assert call("hold", "clear", SYMBOL).exit_code == 1


def test_a_hold_outside_the_allowlist_is_set_and_remarked(call: Call) -> None:
    result = call("hold", "set", "XRPUSDT", "--why", "x")
    assert result.exit_code == 0
    assert "not in P33_ALLOWLIST" in result.stderr
    assert "Did you mean" not in result.stderr


def test_a_misspelt_symbol_is_not_taken_for_the_one_that_should_stop(call: Call) -> None:
    assert f"Did you mean {SYMBOL}? It is not on hold by this" in call("hold", "set", "BTCUSTD", "--why", "x").stderr
