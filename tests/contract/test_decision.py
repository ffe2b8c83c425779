"""CONTRACT section 4 (plans) and 5: spellings, every reason, the order of the rules, the details of a deny."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.system import COOLDOWN_SEC, PLANS, THRESHOLD_SEC, System
from tests.support.waiting import wait_until

FACTORS = {
    **dict.fromkeys(("CLOSE_FULL", "FULL_CLOSE_PROPOSED", "FULL_CLOSE", "close_full", "Full_Close"), "0.04"),
    **dict.fromkeys(("CLOSE_PARTIAL_75", "PARTIAL_75", "partial_75"), "0.03"),
    **dict.fromkeys(("CLOSE_PARTIAL_50", "PARTIAL_50", "Close_Partial_50"), "0.02"),
    **dict.fromkeys(("CLOSE_PARTIAL_25", "PARTIAL_25"), "0.01"),
}
SEEN_LIVE = {
    "action": "FULL_CLOSE_PROPOSED",
    "kill_score": "0.7247424076694772",
    "reason_codes": "kill_score_close_ok",
    "close_qty": "0.0",
    "price": "",
    "steps": '[{"step": "CLOSE_FULL", "type": "market_reduce_only", "side": "close", "pct": 100.0}]',
    "reduceOnly": "true",
    "timestamp": "1771305126",
}
HOSTILE = (
    *("NaN", "1e400", "", "abc", "-Infinity", "1" * 10_000, "0x10", "1_000", "0,04", "\x00", b"\xff\xfe"),
    "\u0660.\u0664",
)


def free(system: System, symbol: str) -> None:
    system.client.delete(f"quantum:position:inflight:{symbol}")


def test_every_accepted_spelling_of_an_action_has_its_factor(system: System) -> None:
    symbol = system.symbol("0.04")
    found = {}
    for action in FACTORS:
        found[action] = system.judge(symbol, action).get("safe_close_qty")
        free(system, symbol)
    assert found == {action: Decimal(quantity) for action, quantity in FACTORS.items()}


@pytest.mark.parametrize(
    ("steps", "quantity"),
    [
        ([{"step": "CLOSE_FULL"}], "0.04"),
        ([{"step": "UPDATE_SL"}, {"step": "CLOSE_PARTIAL_25"}, {"step": "CLOSE_FULL"}], "0.01"),
    ],
)
def test_without_an_action_the_first_closing_step_counts(system: System, steps: list[Any], quantity: str) -> None:
    verdict = system.judge(system.symbol("0.04"), None, steps=json.dumps(steps))
    assert verdict["safe_close_qty"] == Decimal(quantity)


def test_a_plan_as_seen_on_a_live_stream_is_allowed(system: System) -> None:
    verdict = system.judge(system.symbol("-0.04"), **SEEN_LIVE)
    assert (verdict["allow"], verdict["safe_close_qty"], verdict["order_side"]) == (True, Decimal("0.04"), "BUY")


def test_a_decision_other_than_execute_is_acknowledged_without_a_permit(system: System) -> None:
    symbol = system.symbol("0.04")
    ids = [system.plan(symbol, decision=word) for word in ("HOLD", "SKIP", "DRY_RUN", "")]
    system.await_read(PLANS)
    assert not any(system.client.exists(f"quantum:p33:decision:{one}", f"quantum:permit:p33:{one}") for one in ids)
    assert not any(system.audit(one) for one in ids)


def test_a_plan_without_a_decision_is_malformed(system: System) -> None:
    assert system.judge(system.symbol("0.04"), decision=None)["reason"] == "invalid_plan"


@pytest.mark.parametrize("word", ["false", "False", "FALSE", "0", "no"])
def test_reduce_only_false_in_any_spelling_is_denied(system: System, word: str) -> None:
    assert system.judge(system.symbol("0.04"), reduceOnly=word)["reason"] == "not_reduce_only"


def test_reduce_only_true_or_missing_is_fine(system: System) -> None:
    symbol = system.symbol("0.04")
    for word in ("true", "True", "1", None):
        assert system.judge(symbol, reduceOnly=word)["allow"] is True, word
        free(system, symbol)


@pytest.mark.parametrize("action", ["HOLD", "UPDATE_SL", "", "OPEN", "CLOSE", "\x00", "CLOSE_FULL\nx", "9" * 5000])
def test_an_unknown_action_is_denied(system: System, action: str) -> None:
    assert system.judge(system.symbol("0.04"), action)["reason"] == "unknown_action"


@pytest.mark.parametrize("steps", ["", "[]", "null", "{", "NaN", '[{"step":1e400}]', "[" * 5000, b"\xff\xfe"])
def test_without_an_action_unusable_steps_are_denied(system: System, steps: str | bytes) -> None:
    verdict = system.judge(system.symbol("0.04"), None, steps=steps)
    assert verdict["reason"] in {"unknown_action", "invalid_plan"}


def test_a_symbol_outside_the_allowlist_is_denied_and_one_that_is_none_is_a_dead_letter(system: System) -> None:
    assert system.judge("DOGEUSDT")["reason"] == "symbol_not_allowed"
    assert system.judge("*")["reason"] == "symbol_not_allowed"
    for symbol in ("x" * 3_000, "A\nB", "\x00", ""):
        entry = {"plan_id": "odd", "symbol": symbol, "decision": "EXECUTE", "action": "CLOSE_FULL"}
        entry_id = str(system.client.xadd(PLANS, entry))
        assert json.loads(system.dead_letter(PLANS, entry_id)["entry"])["symbol"] == symbol


# --- the ladder: every reason, each with all the later ones true as well ---------------------------------------------


def test_the_first_rule_that_applies_is_the_verdict(system: System) -> None:
    """One symbol with everything wrong; one thing after another is mended."""
    client, symbol = system.client, system.symbol("0.04", ledger="-0.04")
    other = system.symbol("0.04")
    hold, snapshot, ledger, inflight = (
        f"quantum:{name}:{symbol}"
        for name in ("reconcile:hold", "position:snapshot", "position:ledger", "position:inflight")
    )
    client.set(hold, "1")
    client.set(inflight, "another-plan")
    client.hset(ledger, "last_order_time_ms", system.now_ms() + 60_000)
    seen = []

    def step(*expected: str, action: str = "CLOSE_FULL", **fields: str) -> dict[str, Any]:
        verdict = system.judge(symbol, action, **fields)
        assert verdict.get("reason") in expected, (seen, verdict)
        seen.append(verdict["reason"])
        return verdict

    step("not_reduce_only", reduceOnly="false", action="HOLD")
    step("unknown_action", action="HOLD")
    step("reconcile_hold_active")
    client.delete(hold)
    cooldown = step("cooldown_in_flight")["details"]
    assert cooldown["cooldown_sec"] == COOLDOWN_SEC
    client.hdel(ledger, "last_order_time_ms", "last_order_time_epoch")
    in_flight = step("permit_in_flight")["details"]
    assert in_flight["in_flight_plan_id"] == "another-plan"
    client.delete(inflight)
    mismatch = step("reconcile_required_side_mismatch")["details"]
    assert (mismatch["exchange_position_amt"], mismatch["ledger_position_amt"]) == (Decimal("0.04"), Decimal("-0.04"))
    client.hset(ledger, "last_known_amt", "0")
    assert step("reconcile_required_qty_mismatch")["details"]["diff_pct"] == 100
    client.delete(ledger)
    step("reconcile_required_missing_ledger")
    system.set_ledger(symbol, "0.04")
    client.delete(snapshot)  # comes back with the next refresh
    assert system.judge(symbol).get("reason") in {None, "no_exchange_snapshot"}
    assert system.judge(other)["allow"] is True


@pytest.mark.parametrize("field", ["source", "run_id"])
def test_a_snapshot_of_another_source_or_run_is_no_snapshot(system: System, field: str) -> None:
    symbol = system.symbol("0.04")
    with _exchange_away(system):
        system.client.hset(f"quantum:position:snapshot:{symbol}", field, "another")
        assert system.judge(symbol)["reason"] == "no_exchange_snapshot"


def test_no_snapshot_one_from_the_future_and_a_stale_one(system: System) -> None:
    missing, future, seconds = (system.symbol("0.04") for _ in range(3))
    client = system.client
    with _exchange_away(system):
        client.delete(f"quantum:position:snapshot:{missing}")
        client.hset(f"quantum:position:snapshot:{future}", "ts_ms", system.now_ms() + 60_000)
        client.hset(f"quantum:position:snapshot:{seconds}", "ts_epoch", system.now_ms() // 1_000 - 60)
        client.hdel(f"quantum:position:snapshot:{seconds}", "ts_ms")
        assert system.judge(missing)["reason"] == "no_exchange_snapshot"
        assert system.judge(future)["reason"] == "stale_exchange_state"
        stale = system.judge(seconds)
        assert stale["reason"] == "stale_exchange_state"
        assert stale["details"]["snapshot_age_sec"] > 59
        assert stale["details"]["threshold_sec"] == THRESHOLD_SEC


@pytest.mark.parametrize("field", ["position_amt", "ts_ms"])
def test_a_hostile_value_in_a_snapshot_is_a_deny(system: System, field: str) -> None:
    symbol = system.symbol("0.04")
    key = f"quantum:position:snapshot:{symbol}"
    found = {}
    with _exchange_away(system):
        for value in HOSTILE:
            system.client.hset(key, mapping={field: value, "ts_epoch": 0} if field == "ts_ms" else {field: value})
            found[value[:20]] = system.judge(symbol).get("reason")
    assert set(found.values()) <= {"no_exchange_snapshot", "stale_exchange_state", "internal_error"}, found


def test_a_hostile_ledger_is_a_deny(system: System) -> None:
    symbol = system.symbol("0.04")
    found = {}
    for value in HOSTILE:
        system.client.hset(f"quantum:position:ledger:{symbol}", "last_known_amt", value)
        found[value[:20]] = system.judge(symbol).get("reason", "allowed")
    assert all(r.startswith("reconcile_required") or r == "internal_error" for r in found.values()), found


def test_a_foreign_type_under_one_of_our_keys_is_a_deny_and_leaves_no_half(system: System) -> None:
    names = ("position:ledger", "position:inflight")
    for name in names:
        symbol = system.symbol("0.04")
        key = f"quantum:{name}:{symbol}"
        system.client.delete(key)
        system.client.rpush(key, "foreign")
        plan_id = system.plan(symbol)
        assert system.verdict(plan_id)["allow"] is False, name
        assert system.client.lrange(key, 0, -1) == ["foreign"]
        assert len(system.audit(plan_id)) == 1
        system.client.delete(key)


def test_in_hedge_mode_a_plan_without_a_leg_is_denied(system: System) -> None:
    symbol = system.symbol("0.04")
    system.exchange.fault(rows={symbol: "hedged"})
    try:
        start_ms = system.now_ms()
        wait_until(lambda: int(system.snapshot(symbol)["ts_ms"]) > start_ms + 600, "it was refreshed")
        assert system.judge(symbol)["reason"] == "position_side_required"
    finally:
        system.exchange.clear_faults()


def test_dust_below_epsilon_is_no_position_and_less_than_a_step_is_too_small(system: System) -> None:
    symbol = system.symbol("0.002")
    small = system.judge(symbol, "CLOSE_PARTIAL_25")
    assert small["reason"] == "qty_below_step_size"
    flat = system.symbol("0.04")
    system.exchange.set_position(flat, "0")
    system.await_snapshot(flat, "0")
    nothing = system.judge(flat)
    assert nothing["reason"] == "no_position"
    assert nothing["details"]["exchange_position_amt"] == 0


def test_drift_of_exactly_the_tolerance_is_fine_and_a_hair_more_is_not(system: System) -> None:
    symbol = system.symbol("1", ledger="1.01")
    assert system.judge(symbol)["allow"] is True
    free(system, symbol)
    system.set_ledger(symbol, "1.0100000000001")
    details = system.judge(symbol)["details"]
    assert details["tolerance_pct"] == 1
    assert details["diff_pct"] > 1


def test_the_quantity_is_capped_at_the_venues_largest_market_order(system: System) -> None:
    verdict = system.judge(system.symbol("150000", step="1"), "CLOSE_FULL")
    assert verdict["safe_close_qty"] == 100_000


# --- whole entries --------------------------------------------------------------------------------------------------


def test_a_second_plan_under_a_decided_id_gets_the_first_verdict(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.plan(symbol, "HOLD")
    first = system.verdict_text(plan_id)
    system.plan(symbol, "CLOSE_FULL", plan_id=plan_id)
    system.await_read(PLANS)
    assert system.verdict_text(plan_id) == first
    assert system.reservation(symbol) is None


@pytest.mark.parametrize(
    "entry",
    [
        {"symbol": "SIM003USDT", "decision": "EXECUTE", "action": "CLOSE_FULL"},
        {"plan_id": "", "symbol": "SIM003USDT", "decision": "EXECUTE", "action": "CLOSE_FULL"},
        {b"plan_id": b"\xff\xfe", b"symbol": b"SIM003USDT", b"decision": b"EXECUTE", b"action": b"CLOSE_FULL"},
        {"nothing": "NaN"},
    ],
    ids=["no plan_id", "empty plan_id", "not UTF-8", "nothing known"],
)
def test_an_entry_that_cant_be_understood_is_a_dead_letter_and_blocks_nobody(
    system: System, entry: dict[Any, Any]
) -> None:
    before = system.metric("p33_deadletter_total", stream="plan") or 0
    entry_id = str(system.client.xadd(PLANS, entry))

    letter = system.dead_letter(PLANS, entry_id)

    assert set(letter) >= {"source_stream", "source_id", "error"}
    copies = [json.loads(text) for name, text in letter.items() if text.startswith("{")]
    assert any(set(copy) == {k if isinstance(k, str) else k.decode() for k in entry} for copy in copies), letter
    assert system.judge(system.symbol("0.04"))["allow"] is True
    assert system.metric("p33_deadletter_total", stream="plan") == before + 1


def test_ten_megabytes_in_any_field_are_a_deny_or_a_dead_letter(system: System) -> None:
    big, symbol = "9" * 10_000_000, system.symbol("0.04")
    for field in ("action", "steps", "unknown", "plan_id", "symbol", "reduceOnly"):
        entry = {"plan_id": f"big-{field}", "symbol": symbol, "decision": "EXECUTE", "action": "HOLD", field: big}
        entry_id = str(system.client.xadd(PLANS, entry))
        system.await_read(PLANS)
        verdict = system.client.get(f"quantum:p33:decision:big-{field}")
        assert verdict is None or json.loads(str(verdict))["allow"] is False, field
        assert verdict is not None or system.dead_letter(PLANS, entry_id), field
        system.client.xdel(PLANS, entry_id)
    assert system.judge(symbol)["allow"] is True


@contextlib.contextmanager
def _exchange_away(system: System) -> Iterator[None]:
    """While it lasts, no refresh writes a snapshot over what a test wrote."""
    system.exchange.fault(status=503)
    try:
        start_ms = system.now_ms()
        wait_until(lambda: system.now_ms() > start_ms + 200, "a request under way has ended")
        yield
    finally:
        system.exchange.clear_faults()
