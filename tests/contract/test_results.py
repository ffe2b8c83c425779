"""CONTRACT section 4 (results): the three dialects, cumulative fills, cooldown, releases, and what is never dropped."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.apply import PermitClient
from tests.contract.system import DEAD, RESULTS, SIGNING_KEY, System


def amount(system: System, symbol: str) -> Decimal:
    return Decimal(system.ledger(symbol).get("last_known_amt", "NaN"))


def dialect_a(**step: Any) -> dict[str, str]:
    close = {"step": "CLOSE_PARTIAL_75", "status": "success", "order_id": "N", "side": "SELL", "quantity": "0.028"}
    steps = [{"step": "UPDATE_SL", "status": "skipped"}, close | {"executed_qty": "0.028", "reduce_only": True} | step]
    return {
        "decision": "EXECUTE", "executed": "True", "would_execute": "True", "steps_results": json.dumps(steps),
        "error": "", "timestamp": "1771305126",
    }  # fmt: skip


def dialect_b(**fields: str) -> dict[str, str]:
    return {
        "executed": "True", "action": "FULL_CLOSE_PROPOSED", "side": "SELL", "close_qty": "0.028",
        "filled_qty": "0.028", "order_id": "8205830455", "order_status": "FILLED", "reduceOnly": "true", **fields,
    }  # fmt: skip


def dialect_c(**details: Any) -> dict[str, str]:
    found = {"side": "SELL", "qty": 0.028, "order_id": 8205830455, "filled_qty": 0.028, "order_status": "FILLED"}
    return {"event_type": "apply", "executed": "true", "source": "intent", "details": json.dumps(found | details)}


@pytest.mark.parametrize("make", [dialect_a, dialect_b, dialect_c])
def test_each_dialect_moves_the_ledger_by_its_side_and_starts_the_cooldown(system: System, make: Any) -> None:
    long, short = system.symbol("0.04"), system.symbol("-0.04")

    system.result(plan_id=f"{make.__name__}-l", symbol=long, **make())
    system.result(plan_id=f"{make.__name__}-s", symbol=short, **make(side="BUY"))

    assert (amount(system, long), amount(system, short)) == (Decimal("0.012"), Decimal("-0.012"))
    assert system.judge(long)["reason"] == "cooldown_in_flight"


def test_an_orders_quantity_is_cumulative_and_only_its_increase_is_applied(system: System) -> None:
    symbol = system.symbol("0.04")
    for quantity, expected in (("0.01", "0.03"), ("0.01", "0.03"), ("0.025", "0.015"), ("0.02", "0.015")):
        system.filled(symbol, "77", quantity)
        assert amount(system, symbol) == Decimal(expected)
    system.result(plan_id="x", symbol=symbol, **dialect_c(order_id=77, filled_qty=0.03))
    assert amount(system, symbol) == Decimal("0.01"), "an order id is the same as a number and as a string"
    system.filled(symbol, "78", "0.01")
    assert amount(system, symbol) == 0
    system.filled(symbol, "79", "0.005")
    assert amount(system, symbol) == Decimal("-0.005"), "no clamping"
    assert system.ledger(symbol)["last_known_side"] == "SHORT"


def test_an_order_with_nothing_filled_starts_the_cooldown_and_changes_no_amount(system: System) -> None:
    symbol = system.symbol("0.04")
    updates = system.metric("p33_ledger_update_total", symbol=symbol)
    system.result(plan_id="n", symbol=symbol, **dialect_b(order_id="n1", filled_qty="0", order_status="NEW"))
    assert amount(system, symbol) == Decimal("0.04")
    assert system.judge(symbol)["reason"] == "cooldown_in_flight"
    assert system.metric("p33_ledger_update_total", symbol=symbol) == updates


def test_executed_with_no_order_changes_nothing(system: System) -> None:
    symbol = system.symbol("0.04")
    system.result(plan_id="e", symbol=symbol, executed="True")
    assert amount(system, symbol) == Decimal("0.04")
    assert "last_order_id" not in system.ledger(symbol)


def test_an_order_without_a_readable_side_is_no_fill_and_starts_the_cooldown(system: System) -> None:
    symbol = system.symbol("0.04")
    system.result(plan_id="u", symbol=symbol, **dialect_b(side="UP", order_id="up"))
    assert amount(system, symbol) == Decimal("0.04")
    assert system.judge(symbol)["reason"] == "cooldown_in_flight"


@pytest.mark.parametrize("word", ["False", "false", "FALSE"])
def test_a_quantity_that_was_not_executed_is_no_fill(system: System, word: str) -> None:
    symbol = system.symbol("0.04")
    system.result(plan_id=f"not-{word}", symbol=symbol, **dialect_b(executed=word, order_id=f"no-{word}"))
    assert amount(system, symbol) == Decimal("0.04")


def test_an_order_time_never_decreases(system: System) -> None:
    symbol = system.symbol("0.04")
    times = []
    for order in ("1", "2", "1"):
        system.filled(symbol, order, "0.001")
        times.append(int(system.ledger(symbol)["last_order_time_ms"]))
    assert times == sorted(times)


def test_a_fill_releases_the_reservation_and_the_cooldown_takes_over(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.filled(symbol, "r1", "0.03", plan_id=plan_id)
    assert system.reservation(symbol) is None
    assert system.judge(symbol)["reason"] == "cooldown_in_flight"


def test_a_not_executed_result_releases_while_unconsumed_and_takes_the_permit_along(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.result(plan_id=plan_id, symbol=symbol, executed="False", error="missing_permit_or_redis")
    assert (system.reservation(symbol), system.permit(plan_id)) == (None, None)
    assert system.judge(symbol)["allow"] is True


def test_once_consumed_only_a_rejection_with_the_consume_id_releases(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.grant(plan_id)
    client = PermitClient(system.redis.url(), signing_keys=[SIGNING_KEY])
    consumed = client.wait_and_consume(plan_id, symbol)
    client.close()
    say = {"plan_id": plan_id, "symbol": symbol, "executed": "False"}

    system.result(**say)
    system.result(**say, outcome="rejected")
    system.result(**say, outcome="rejected", consume_id="another")
    system.result(**say, outcome="unknown", consume_id=consumed.consume_id)
    held = system.reservation(symbol)
    system.result(**say, outcome="rejected", consume_id=consumed.consume_id)

    assert held is not None
    assert system.reservation(symbol) is None


def test_a_result_of_another_plan_releases_nothing(system: System) -> None:
    symbol = system.symbol("0.04")
    plan_id = system.allow(symbol)
    system.result(plan_id="somebody-else", symbol=symbol, executed="False")
    assert system.reservation(symbol) == plan_id


def test_a_plan_given_up_before_its_verdict_is_abandoned(system: System) -> None:
    symbol = system.symbol("0.04")
    system.result(plan_id="given-up", symbol=symbol, executed="False")
    assert system.verdict("given-up")["reason"] == "plan_abandoned"
    assert len(system.audit("given-up")) == 1
    system.plan(symbol, plan_id="given-up")
    system.await_read("quantum:stream:apply.plan")
    assert system.permit("given-up") is None or system.permit("given-up")["allow"] is False  # type: ignore[index]
    assert system.reservation(symbol) is None


def test_an_execution_without_an_allow_is_applied_and_counted(system: System) -> None:
    denied, unknown, allowed = (system.symbol("0.04") for _ in range(3))
    plan_id = system.plan(denied, "HOLD")
    system.verdict(plan_id)
    system.filled(denied, "u1", "0.01", plan_id=plan_id)
    system.filled(unknown, "u2", "0.01", plan_id="never-seen")
    system.filled(allowed, "u3", "0.03", plan_id=system.allow(allowed))
    counts = [system.metric("p33_unpermitted_execution_total", symbol=s) for s in (denied, unknown, allowed)]
    assert counts in ([1, 1, 0], [1, 1, None])
    assert amount(system, denied) == Decimal("0.03")
    assert system.metric("p33_ledger_update_total", symbol=denied) == 1


def test_a_fill_on_a_symbol_without_a_ledger_is_remembered_and_its_amount_stays_unknown(system: System) -> None:
    symbol = system.symbol("0.04", ledger=None)
    system.filled(symbol, "nl", "0.01")
    assert "last_known_amt" not in system.ledger(symbol)
    assert system.client.exists(f"quantum:p33:fills:{symbol}")
    system.filled(symbol, "nl", "0.01")
    assert system.judge(symbol)["reason"] == "cooldown_in_flight"


@pytest.mark.parametrize(
    "entry",
    [
        {"symbol": "SIM003USDT", "executed": "True"},
        {b"plan_id": b"p", b"symbol": b"\xff", b"executed": b"True"},
        {"plan_id": "p", "symbol": "SIM003USDT", **dialect_b(filled_qty="NaN")},
        {"plan_id": "p", "symbol": "SIM003USDT", **dialect_b(filled_qty="1e400")},
        {"plan_id": "p", "symbol": "SIM003USDT", **dialect_b(filled_qty="-1")},
        {"plan_id": "p", "symbol": "SIM003USDT", "executed": "true", "details": "{"},
        {"plan_id": "p", "symbol": "SIM003USDT", "executed": "True", "steps_results": "[" * 10_000},
        {"plan_id": "p", "symbol": "SIM003USDT", "executed": "True", "steps_results": "9" * 10_000_000},
    ],
    ids=["no plan_id", "not UTF-8", "NaN", "1e400", "negative", "half JSON", "deep JSON", "10 MB"],
)
def test_a_result_that_cant_be_understood_is_a_dead_letter_and_blocks_nobody(system: System, entry: Any) -> None:
    entry_id = str(system.client.xadd(RESULTS, entry))
    letter = system.dead_letter(RESULTS, entry_id)
    assert letter["error"]
    assert isinstance(json.loads(letter["entry"]), dict)
    system.await_read(RESULTS)
    system.client.xdel(RESULTS, entry_id)
    assert system.client.type(DEAD) == "stream"
