"""The five acceptance cases, on longs and shorts and several step sizes, on the running system; and the emergency lane.

The emergency lane closes a position that every other plan is denied on, by the command.
"""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from click.testing import CliRunner

from p33_tasks.cli.root import cli
from tests.acceptance.system import COOLDOWN_SEC, THRESHOLD_SEC, System
from tests.support.waiting import wait_until

# symbol, position, safe close quantity of 75 %, order side, what is left
SIDES = [
    pytest.param("SIM003USDT", "0.038", "0.028", "SELL", "0.01", id="long step 0.001"),
    pytest.param("SIM007USDT", "-0.038", "0.028", "BUY", "-0.01", id="short step 0.001"),
    pytest.param("SIM000USDT", "5", "3", "SELL", "2", id="long step 1"),
    pytest.param("SIM001USDT", "-1.3", "0.9", "BUY", "-0.4", id="short step 0.1"),
]


@pytest.mark.parametrize(("symbol", "position", "quantity", "side", "left"), SIDES)
def test_normal_the_allowed_quantity_is_executed_and_the_ledger_follows(
    system: System, symbol: str, position: str, quantity: str, side: str, left: str
) -> None:
    system.hold_position(symbol, position)

    plan_id = system.publish(symbol)

    verdict = system.verdict(plan_id)
    assert verdict["allow"] is True, verdict
    assert (verdict["safe_close_qty"], verdict["order_side"]) == (Decimal(quantity), side)
    system.await_executed(plan_id, symbol, left)
    (order,) = system.orders(symbol)
    assert (Decimal(order["executedQty"]), order["side"]) == (Decimal(quantity), side)
    assert system.exchange.position(symbol) == Decimal(left)
    assert not system.client.exists(f"quantum:permit:p33:{plan_id}"), "a consumed permit is gone"
    assert not system.client.exists(f"quantum:position:inflight:{symbol}"), "the cooldown took over"
    assert len(system.audit(plan_id)) == 1


@pytest.mark.parametrize(("symbol", "position"), [("SIM011USDT", "0.5"), ("SIM015USDT", "-0.5")])
def test_cooldown_a_second_plan_at_once_is_denied(system: System, symbol: str, position: str) -> None:
    system.hold_position(symbol, position)
    first = system.publish(symbol, "CLOSE_PARTIAL_50")
    left = Decimal(position) / 2
    system.await_executed(first, symbol, str(left))

    second = system.publish(symbol)

    verdict = system.verdict(second)
    assert verdict["reason"] == "cooldown_in_flight"
    assert verdict["details"]["cooldown_sec"] == COOLDOWN_SEC
    assert 0 <= verdict["details"]["seconds_since_order"] < COOLDOWN_SEC
    system.assert_blocked(second, symbol, orders_before=1)


@pytest.mark.parametrize(("symbol", "position"), [("SIM019USDT", "0.5"), ("SIM023USDT", "-0.5")])
def test_after_the_cooldown_the_rest_may_be_closed(system: System, symbol: str, position: str) -> None:
    system.hold_position(symbol, position)
    system.await_executed(system.publish(symbol, "CLOSE_PARTIAL_50"), symbol, str(Decimal(position) / 2))
    ordered_sec = int(system.client.hget(f"quantum:position:ledger:{symbol}", "last_order_time_epoch") or 0)
    wait_until(
        lambda: int(system.client.time()[0]) > ordered_sec + COOLDOWN_SEC, "the cooldown is over", timeout_sec=10
    )
    system.await_snapshot(symbol, str(Decimal(position) / 2))
    wait_until(
        lambda: int(system.snapshot(symbol)["ts_ms"]) > system.barrier_ms(symbol),
        "a snapshot requested behind the barrier",
        timeout_sec=10,
    )

    plan_id = system.publish(symbol, "FULL_CLOSE_PROPOSED")

    system.await_executed(plan_id, symbol, "0")
    assert system.exchange.position(symbol) == 0


@pytest.mark.parametrize("position", ["0.038", "-0.038"])
def test_no_position_is_denied(system: System, position: str) -> None:
    symbol = "SIM027USDT" if position[0] != "-" else "SIM031USDT"
    system.hold_position(symbol, position)
    system.exchange.set_position(symbol, "0")
    system.await_snapshot(symbol, "0")

    plan_id = system.publish(symbol)

    assert system.verdict(plan_id)["reason"] == "no_position"
    system.assert_blocked(plan_id, symbol)


@pytest.mark.parametrize(
    ("symbol", "position", "ledger"), [("SIM035USDT", "1", "1.011"), ("SIM039USDT", "-1", "-0.989")]
)
def test_quantity_mismatch_beyond_one_percent_is_denied(
    system: System, symbol: str, position: str, ledger: str
) -> None:
    system.hold_position(symbol, position, ledger=ledger)

    plan_id = system.publish(symbol)

    verdict = system.verdict(plan_id)
    assert verdict["reason"] == "reconcile_required_qty_mismatch"
    assert verdict["details"]["diff_pct"] == Decimal("1.1")
    assert verdict["details"]["tolerance_pct"] == 1
    assert verdict["details"]["exchange_position_amt"] == Decimal(position)
    assert verdict["details"]["ledger_position_amt"] == Decimal(ledger)
    system.assert_blocked(plan_id, symbol)


@pytest.mark.parametrize(("symbol", "position"), [("SIM043USDT", "0.038"), ("SIM047USDT", "-0.038")])
def test_stale_without_a_refresh_the_plan_is_denied(system: System, symbol: str, position: str) -> None:
    system.hold_position(symbol, position)
    system.exchange.fault(status=503)
    try:
        fetched_ms = int(system.snapshot(symbol)["ts_ms"])
        wait_until(
            lambda: int(system.client.time()[0]) * 1000 > fetched_ms + (THRESHOLD_SEC + 1) * 1000,
            "the snapshot is older than the threshold",
            timeout_sec=15,
        )
        plan_id = system.publish(symbol)
        verdict = system.verdict(plan_id)
    finally:
        system.exchange.clear_faults()
    assert verdict["reason"] == "stale_exchange_state"
    assert verdict["details"]["snapshot_age_sec"] > verdict["details"]["threshold_sec"] == THRESHOLD_SEC
    system.assert_blocked(plan_id, symbol)


def test_three_concurrent_plans_on_one_symbol_get_one_allow(system: System) -> None:
    symbol = "SIM051USDT"
    system.hold_position(symbol, "0.04")

    plans = [system.publish(symbol) for _ in range(3)]

    verdicts = [system.verdict(plan_id) for plan_id in plans]
    assert sum(verdict["allow"] for verdict in verdicts) == 1
    assert {v["reason"] for v in verdicts if not v["allow"]} <= {"permit_in_flight", "cooldown_in_flight"}
    wait_until(lambda: system.ledger(symbol) == Decimal("0.01"), "one order was executed")
    assert [Decimal(order["executedQty"]) for order in system.orders(symbol)] == [Decimal("0.03")]


def test_the_same_plan_published_three_times_has_one_verdict_and_a_consumed_permit_never_comes_back(
    system: System,
) -> None:
    symbol = "SIM055USDT"
    system.hold_position(symbol, "0.04")
    plan_id = system.publish(symbol)
    first = system.verdict(plan_id)
    system.await_executed(plan_id, symbol, "0.01")

    for _ in range(2):
        system.publish(symbol, plan_id=plan_id)

    system.await_all_plans_read()
    assert system.verdict(plan_id) == first
    assert not system.client.exists(f"quantum:permit:p33:{plan_id}")
    assert len(system.audit(plan_id)) == 1
    assert len(system.orders(symbol)) == 1


def test_a_position_in_drift_and_on_hold_is_closed_by_the_emergency_command(
    system: System, environment: dict[str, str]
) -> None:
    symbol = "SIM059USDT"
    system.hold_position(symbol, "0.04", ledger="0.01")
    system.client.set(f"quantum:position:hold:{symbol}", '{"reason":"unexplained_drift","ends":"agreement"}')
    assert system.verdict(system.publish(symbol))["reason"] == "reconcile_hold_active"

    result = CliRunner().invoke(
        cli, ["emergency-close", symbol, "--why", "drift", "--yes", "--json"], env=dict(environment)
    )

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["verdict"]["emergency"] is True
    assert system.result(found["plan_id"], timeout_sec=30)["executed"].lower() == "true"
    wait_until(lambda: system.exchange.position(symbol) == Decimal(0), "the position is closed")
    events = [event for _, event in system.client.xrange("quantum:stream:p33.reconcile")]
    names = [event["event"] for event in events if event["position"] == symbol]
    if environment["P33_RECONCILE_MODE"] != "off":
        names = [name for name in names if name != "drift_seen"]  # of this drift: the test set the ledger
    assert names == ["emergency"]
