"""Hedge mode with real workers, governor and executor: each leg by its own permit; and a switch of the mode, when flat.

The tests share one system and run in this order: the first leaves the account in hedge mode, the last in one-way mode.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.system import SYMBOLS, System
from tests.support.waiting import wait_until

SYMBOL = "SIM003USDT"  # step 0.001
SYMBOL_COUNT = 4
LONG, SHORT = f"{SYMBOL}:LONG", f"{SYMBOL}:SHORT"


def mode(system: System) -> str:
    return system.snapshot(SYMBOL).get("position_mode", "")


def switch(system: System, *, hedged: bool) -> None:
    """As an operator does at the venue, who refuses while anything is open."""
    system.exchange.fault(hedge_mode=hedged)
    wait_until(lambda: mode(system) == ("hedge" if hedged else "one_way"), "the switch was followed", timeout_sec=15)


def hold_legs(system: System, long: str, short: str) -> None:
    for position, amt in ((LONG, long), (SHORT, short)):
        system.exchange.set_position(SYMBOL, amt, position_side=position.rpartition(":")[2])
    for position, amt in ((LONG, long), (SHORT, short)):
        system.await_snapshot(position, amt)
        system.set_ledger(position, amt)


def denied(system: System, **fields: str) -> dict[str, Any]:
    plan_id = system.publish(SYMBOL, "CLOSE_PARTIAL_50", **fields)
    verdict = system.verdict(plan_id)
    system.assert_blocked(plan_id, SYMBOL, orders_before=len(system.orders(SYMBOL)))
    return verdict


@pytest.fixture(scope="module")
def hedged(running: System) -> System:
    for symbol in SYMBOLS:
        running.exchange.set_position(symbol, 0)
    switch(running, hedged=True)
    return running


def test_both_legs_are_closed_in_part_at_once_each_by_its_own_permit(hedged: System) -> None:
    hold_legs(hedged, "0.04", "-0.03")
    long_plan = hedged.publish(SYMBOL, "CLOSE_PARTIAL_50", positionSide="LONG")
    short_plan = hedged.publish(SYMBOL, "CLOSE_PARTIAL_50", positionSide="SHORT")
    allows = [hedged.verdict(plan) for plan in (long_plan, short_plan)]
    assert [(v["allow"], v["position_side"], v["order_side"], v["safe_close_qty"]) for v in allows] == [
        (True, "LONG", "SELL", Decimal("0.02")),
        (True, "SHORT", "BUY", Decimal("0.015")),
    ]
    for plan, position, left in ((long_plan, LONG, "0.02"), (short_plan, SHORT, "-0.015")):
        result = hedged.await_executed(plan, position, left)
        (step,) = json.loads(result["steps_results"])
        assert step["position_side"] == position.rpartition(":")[2]
    sent = [(order["positionSide"], order["side"], order["reduceOnly"]) for order in hedged.orders(SYMBOL)[-2:]]
    assert sorted(sent) == [("LONG", "SELL", False), ("SHORT", "BUY", False)]
    assert hedged.exchange.position(SYMBOL, "LONG") == Decimal("0.02")
    assert hedged.exchange.position(SYMBOL, "SHORT") == Decimal("-0.015")
    # Each leg has a cooldown of its own, from its own order.
    assert denied(hedged, positionSide="LONG")["reason"] == "cooldown_in_flight"


def test_a_plan_without_a_leg_is_told_both_legs_amounts(hedged: System) -> None:
    hold_legs(hedged, "0.05", "-0.01")
    verdict = denied(hedged)
    assert verdict["reason"] == "position_side_required"
    assert (verdict["details"]["long_amt"], verdict["details"]["short_amt"]) == (Decimal("0.05"), Decimal("-0.01"))


@pytest.mark.parametrize("side", ["sideways", "long short", "0", '["LONG"]', "LONG\x00", "лонг"])
def test_a_leg_that_is_none_is_an_invalid_plan(hedged: System, side: str) -> None:
    assert denied(hedged, positionSide=side)["reason"] == "invalid_plan"


def test_a_leg_that_is_flat_has_no_position_whatever_the_other_holds(hedged: System) -> None:
    hold_legs(hedged, "0.05", "0")
    assert denied(hedged, positionSide="short")["reason"] == "no_position"


def test_a_switch_is_followed_and_no_ledger_of_the_other_mode_counts(hedged: System) -> None:
    hold_legs(hedged, "0.05", "0")
    hedged.exchange.set_position(SYMBOL, "0", position_side="LONG")
    switch(hedged, hedged=False)
    # The long leg's ledger still said 0.05; a position of the same size is nothing that this service knows.
    hedged.exchange.set_position(SYMBOL, "0.05")
    hedged.await_snapshot(SYMBOL, "0.05")
    assert hedged.snapshot(LONG) == {}
    passing = {"cooldown_in_flight", "stale_exchange_state"}  # the leg's last order is the symbol's
    reason = wait_until(
        lambda: next(iter({denied(hedged)["reason"]} - passing), None), "the cooldown is over", timeout_sec=20
    )
    assert reason in {"reconcile_required_missing_ledger", "reconcile_required_qty_mismatch"}
    retired = [f for _, f in hedged.client.xrange("quantum:stream:p33.audit") if f["event"] == "ledger_retired"]
    assert {entry.get("position_side") for entry in retired if entry["symbol"] == SYMBOL} >= {"LONG"}


def test_in_one_way_mode_the_other_side_is_a_mismatch(hedged: System) -> None:
    hedged.hold_position(SYMBOL, "0.06")
    verdict = denied(hedged, positionSide="SHORT")
    assert (verdict["reason"], verdict["details"]["position_side"]) == ("position_side_mismatch", "SHORT")


def test_replay_makes_every_verdict_of_both_modes_again(hedged: System, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "p33_tasks.cli", "replay", "--symbol", SYMBOL, "--json"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["different"], found["unreadable"]) == (0, 0)
    assert {"allow", "position_side_required", "position_side_mismatch", "no_position"} <= set(found["outcomes"])
