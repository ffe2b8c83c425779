"""``p33 ledger`` and ``p33 hold``: what an operator does by hand, asked, audited, refused in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.contract.timing import iso
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Leg
from tests.integration.cli.conftest import Call, document
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.waiting import wait_until


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
    assert "changed to 0.5" in result.stderr
    assert gate.ledger_amt() is None


def test_refusals_say_what_to_do(gate: Gate, call: Call) -> None:
    def refusal(exit_code: int = 1) -> str:
        result = call("ledger", "adopt", "--replace", "--yes", SYMBOL)
        assert result.exit_code == exit_code
        return result.stderr

    assert "no snapshot" in refusal()
    gate.put_position(age_ms=30_000)
    assert "limit is 10 s" in refusal()
    gate.put_position(source="binanceusdm elsewhere.example")
    assert "elsewhere.example" in refusal()
    gate.put_legs("0.040", "0")
    assert "hedge mode" in refusal(2)
    gate.put_position()
    gate.make_ready().allow("holder")
    assert "holder" in refusal()
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms())
    assert "Try again in" in refusal()
    assert gate.ledger_amt() == "0.04"


def test_in_hedge_mode_one_leg_is_adopted(gate: Gate, call: Call) -> None:
    gate.put_legs("0.040", "-0.020")
    assert call("ledger", "adopt", "--yes", SYMBOL).exit_code == 2
    result = call("ledger", "adopt", "--yes", "--side", "short", SYMBOL)
    assert result.exit_code == 0, result.stderr
    assert "-0.02" in result.stdout
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, None, "-0.02"]
    again = call("ledger", "adopt", "--yes", "--side", "SHORT", SYMBOL)
    assert "it already has one" in again.stderr


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


def held(call: Call) -> list[dict[str, object]]:
    return list(document(call("hold", "list", "--json"))["held"])


def test_a_hold_denies_until_it_is_cleared(gate: Gate, call: Call) -> None:
    gate.make_ready()
    done = call("hold", "set", SYMBOL.lower(), "--why", "ticket 4711")
    assert done.exit_code == 0
    assert f"p33 hold clear {SYMBOL}" in done.stdout
    assert gate.why_not("p1") == "reconcile_hold_active"
    assert document(call("hold", "list", "--json"))["holds"] == {SYMBOL: "ticket 4711"}
    assert call("hold", "clear", SYMBOL).exit_code == 0
    assert gate.why_not("p2") == "allow"
    assert gate.events() == ["hold_set", "hold_clear"]


def test_who_when_why_and_what_ends_it_stand_in_list_status_and_explain(gate: Gate, call: Call) -> None:
    gate.make_ready()
    call("hold", "set", SYMBOL, "--why", "ticket 4711")
    assert gate.why_not("p1") == "reconcile_hold_active"
    (event,) = gate.redis.xrange(gate.keys.audit)
    (found,) = held(call)
    assert (found["held_by"], found["by"], found["reason"]) == ("operator", event[1]["by"], "ticket 4711")
    assert abs(int(str(found["since_ms"])) - gate.now_ms()) < 10_000
    for text in (call("hold", "list").stdout, call("status").stdout, call("explain", "p1").stdout):
        words = " ".join(text.split())
        assert f"held by an operator ({event[1]['by']}) since {iso(int(str(found['since_ms'])))}: ticket 4711" in words
    assert f"p33 hold clear {SYMBOL}" in call("hold", "list").stdout
    call("hold", "clear", SYMBOL)
    assert "No hold is set on the symbol now" in call("explain", "p1").stdout


def test_the_services_holds_are_listed_beside_the_operators(gate: Gate, call: Call) -> None:
    gate.service_holds.set(SYMBOL, Leg.SHORT, reason=HoldReason.BREACH, evidence_id="x", evidence={})
    call("hold", "set", SYMBOL, "--why", "ticket 4711")
    assert [(one["position"], one["held_by"], one["ends"]) for one in held(call)] == [
        (SYMBOL, "operator", "person"),
        (f"{SYMBOL}:SHORT", "service", "person"),
    ]
    text = call("hold", "list").stdout
    assert "held by the service itself since" in text
    assert f"p33 reconcile release {SYMBOL} --side SHORT --why TEXT" in text
    cleared = call("hold", "clear", SYMBOL)
    assert f"{SYMBOL}:SHORT is still held by the service itself" in cleared.stdout
    assert [one["held_by"] for one in held(call)] == ["service"]


def test_a_hold_with_an_end_is_ended_by_redis(gate: Gate, call: Call) -> None:
    gate.make_ready()
    done = call("hold", "set", SYMBOL, "--why", "maintenance", "--for", "2h")
    assert "until 20" in done.stdout
    key = gate.keys.hold(SYMBOL)
    assert 7_190_000 < gate.redis.pttl(key) <= 7_200_000
    (found,) = held(call)
    assert abs(int(str(found["until_ms"])) - gate.now_ms() - 7_200_000) < 10_000
    assert "It ends automatically" in call("hold", "list").stdout
    gate.judge("p1")
    assert 7_190 < gate.decision("p1")["details"]["retry_after_sec"] <= 7_200
    gate.redis.pexpire(key, 1)
    wait_until(lambda: not gate.redis.exists(key), "Redis ends it")
    assert held(call) == []
    assert gate.why_not("p2") == "allow"


def test_a_hold_that_would_end_earlier_gives_way_and_any_other_stays(gate: Gate, call: Call) -> None:
    call("hold", "set", SYMBOL, "--why", "first", "--for", "1h")
    assert document(call("hold", "set", SYMBOL, "--why", "second", "--for", "10m", "--json"))["changed"] is False
    assert document(call("hold", "set", SYMBOL, "--why", "third", "--for", "2h", "--json"))["changed"] is True
    assert document(call("hold", "set", SYMBOL, "--why", "fourth", "--json"))["changed"] is True
    assert gate.redis.pttl(gate.keys.hold(SYMBOL)) == -1
    again = call("hold", "set", SYMBOL, "--why", "fifth", "--for", "3h")
    assert "on hold already and stays so" in again.stdout
    assert "fourth" in again.stdout
    assert gate.events() == ["hold_set"] * 3


@pytest.mark.parametrize("arguments", [("set", "--why", "x"), ("set", SYMBOL, "--all", "--why", "x"), ("clear",)])
def test_one_symbol_or_all_must_be_named(call: Call, arguments: tuple[str, ...]) -> None:
    refused = call("hold", *arguments)
    assert refused.exit_code == 2
    assert "SYMBOL, or --all" in refused.stderr


def test_all_symbols_are_stopped_and_released(gate: Gate, call: Call) -> None:
    call("hold", "set", OTHER, "--why", "its own")
    found = document(call("hold", "set", "--all", "--why", "the executor is replaced", "--json"))["symbols"]
    assert {row["symbol"]: row["changed"] for row in found} == {SYMBOL: True, OTHER: False}
    assert [one["reason"] for one in held(call)] == ["the executor is replaced", "its own"]
    assert call("hold", "clear", "--all", answer="n\n").exit_code == 1
    assert call("hold", "clear", "--all", "--json").exit_code == 2
    assert len(held(call)) == 2
    assert call("hold", "clear", "--all", "--yes").exit_code == 0
    assert held(call) == []
    nothing = call("hold", "clear", "--all")
    assert (nothing.exit_code, nothing.stdout) == (1, "no symbol is on hold by an operator\n")


def test_a_hold_needs_a_reason(call: Call) -> None:
    assert call("hold", "set", SYMBOL).exit_code == 2
    assert call("hold", "set", SYMBOL, "--why", "  ").exit_code == 2


def test_clearing_what_is_not_held_is_a_no(call: Call) -> None:
    assert call("hold", "clear", SYMBOL).exit_code == 1


@pytest.mark.parametrize("command", [("hold", "set", "--why", "x"), ("limits", "set", "--cooldown-sec", "30")])
def test_a_symbol_outside_the_allowlist_is_refused_with_the_near_ones(
    gate: Gate, call: Call, command: tuple[str, ...]
) -> None:
    refused = call(*command, "BTCUSTD")
    assert refused.exit_code == 2
    assert f"nothing was changed. Did you mean {SYMBOL}?" in " ".join(refused.stderr.split())
    assert "Did you mean" not in call(*command, "XRPEUR").stderr
    assert gate.events() == []


def test_what_another_program_holds_is_listed_as_it_is(gate: Gate, call: Call) -> None:
    gate.redis.set(gate.keys.hold(SYMBOL), "manual stop")
    gate.redis.rpush(gate.keys.hold(OTHER), "x")
    assert document(call("hold", "list", "--json"))["holds"] == {
        SYMBOL: "manual stop",
        OTHER: "(a value of another type)",
    }
    assert call("hold", "clear", OTHER).exit_code == 0
