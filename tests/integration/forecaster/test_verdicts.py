"""Whatever a forecaster says, and whether one is there: the verdicts of a run are the same set."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.exact_json import loads_object
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.promoting import prepare, promote

Forecasts = Callable[[Gate, random.Random], object]

ACTIONS = ("CLOSE_FULL", "CLOSE_PARTIAL_75", "CLOSE_PARTIAL_50", "CLOSE_PARTIAL_25")
FLOOD = 100_000
PATIENT: Any = {"stale_threshold_ms": 60_000, "plan_max_age_ms": 600_000}
"""The time that a busy machine takes is not what is tried here."""
PLANS = 60
PLANS_IN_A_FLOOD = 12
"""Each preparation reads 10 000 forecasts."""


def absent(_gate: Gate, _random: random.Random) -> None:
    """Nobody forecasts."""


def says(gate: Gate, **fields: str) -> None:
    entry: Any = {"symbol": SYMBOL, "action": "CLOSE_FULL", "horizon_sec": "30", "probability": "0.9", **fields}
    gate.redis.xadd(gate.keys.forecasts, entry)


def is_right(gate: Gate, _random: random.Random) -> None:
    for symbol in (SYMBOL, OTHER):
        for action in ACTIONS:
            says(gate, symbol=symbol, action=action)


def lies(gate: Gate, chance: random.Random) -> None:
    """Of other symbols, legs and actions, of plans that were there before, for ever, and not a number."""
    says(
        gate, symbol=chance.choice((SYMBOL, OTHER, "NOSUCH", "BTCUSDT:LONG")), action=chance.choice((*ACTIONS, "HOLD"))
    )
    says(gate, positionSide=chance.choice(("LONG", "SHORT", "UP")))
    says(gate, plan_id="plan-1", allow="true", safe_close_qty="1000", reason="")
    says(gate, horizon_sec="1000000000")
    says(gate, probability=chance.choice(("NaN", "inf", "-1", "2", "")))
    if chance.random() < 0.2:
        prepared = gate.keys.prepared(SYMBOL, gate.plan().position_side, "1")
        assert gate.redis.exists(prepared) in {0, 1}


def crashed(gate: Gate, chance: random.Random) -> None:
    """It left half of what it writes: garbage of any type under each of its keys, and a wish without an end."""
    keys = gate.keys
    for key in (keys.forecast_state, keys.forecast_status, keys.forecast_lease, keys.refresh_wish):
        gate.redis.delete(key)
        chance.choice((lambda k: gate.redis.set(k, "{"), lambda k: gate.redis.lpush(k, "x")))(key)
    is_right(gate, chance)


def floods(gate: Gate, _random: random.Random) -> None:
    """Once, before everything else."""
    if gate.redis.xlen(gate.keys.forecasts) < 100:
        pipeline = gate.redis.pipeline(transaction=False)
        for n in range(FLOOD):
            symbol = (SYMBOL, OTHER, f"S{n}")[n % 3]
            fields: Any = {"symbol": symbol, "action": ACTIONS[n % 4], "horizon_sec": "300", "probability": "1"}
            pipeline.xadd(gate.keys.forecasts, fields)
            if n % 10_000 == 9_999:
                pipeline.execute()


def run(gate: Gate, forecasts: Forecasts, plans: int = PLANS) -> dict[str, tuple[Any, ...]]:
    """A recorded run, played again: the same facts and plans each time. What each plan got, but for its time."""
    chance, facts = random.Random(7), random.Random(8)
    found = {}
    for symbol in (SYMBOL, OTHER):
        gate.make_ready(symbol=symbol)
    for n in range(plans):
        symbol = facts.choice((SYMBOL, OTHER))
        amount = Decimal(facts.choice(("0.040", "-0.040", "0.100", "0")))
        gate.redis.delete(gate.keys.hold(symbol), gate.keys.reservation(symbol))
        if facts.random() < 0.1:
            gate.redis.set(gate.keys.hold(symbol), "stop")
        gate.put_ledger(amount * Decimal(facts.choice(("1", "1", "1", "0.9", "-1"))), symbol=symbol)
        forecasts(gate, chance)
        gate.until_after(gate.now_ms())
        gate.put_position(amount, symbol=symbol)
        prepare(gate)
        plan_id, action = f"plan-{n}", facts.choice((*ACTIONS, "HOLD"))
        plan, entry = gate.publish(plan_id, symbol=symbol, action=action)
        if entry.entry_id not in promote(gate, (plan, entry)):
            gate.permits.judge(plan, entry)
        decision = gate.decision(plan_id)
        assert decision is not None
        details = dict(decision.get("details", {}))
        told = (decision["allow"], decision.get("reason"), decision.get("safe_close_qty"), decision.get("order_side"))
        found[plan_id] = (*told, details.get("diff_pct"), details.get("exchange_position_amt"))
        permit = gate.redis.get(gate.keys.permit(plan_id))
        assert loads_object(permit or "")["allow"] is decision["allow"]
    return found


@pytest.mark.parametrize("forecasts", [is_right, lies, crashed, floods], ids=lambda f: f.__name__)
def test_the_verdicts_of_a_run_are_the_same_set(gate: Gate, forecasts: Forecasts) -> None:
    plans = PLANS_IN_A_FLOOD if forecasts is floods else PLANS
    gate = Gate(gate.server, **PATIENT)
    without = run(gate, absent, plans)
    assert gate.count("p33_prepared_total|hit") == 0
    gate.redis.flushall()
    gate = Gate(gate.server, **PATIENT)
    assert run(gate, forecasts, plans) == without
    if forecasts is is_right:
        reasons = {told[1] for told in without.values()}
        assert {None, "reconcile_hold_active", "no_position", "reconcile_required_side_mismatch"} <= reasons
        assert gate.count("p33_prepared_total|hit") > 10, "the prepared way was gone at all"
    if forecasts is floods:
        assert gate.redis.xlen(gate.keys.forecasts) < 11_000
