"""The reference executor and governor on an account in hedge mode: each leg by its own permit, named at the venue."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.executor.apply_layer import build_executor
from p33_tasks.demo.executor.journal import Journal
from p33_tasks.demo.governor import Governor, Limits
from p33_tasks.demo.names import GOVERNOR_GROUP, client_order_id
from p33_tasks.demo.plan_reader import PlanReader
from p33_tasks.domain.models import Leg
from tests.integration.demo.executor.brain import Brain
from tests.integration.demo.executor.one_look import dies_at, step
from tests.support.waiting import wait_until

HELD = {Leg.LONG: Decimal("0.040"), Leg.SHORT: Decimal("-0.030")}


@pytest.fixture
def hedged(sim: SimControl) -> SimControl:
    sim.fault(hedge_mode=True)
    for leg, amount in HELD.items():
        sim.set_position("BTCUSDT", amount, position_side=leg)
    return sim


def know(brain: Brain, *legs: Leg) -> None:
    """Fetch the positions and take these legs' as their ledgers'."""
    wait_until(lambda: brain.snapshots.refresh("BTCUSDT") == "refreshed", "a refresh is due")
    for leg in legs:
        adopted = brain.operator.adopt_ledger(
            "BTCUSDT", leg, source=brain.source, policy=brain.settings.policy, by="test", replace=True
        )
        assert adopted.adopted, adopted


def allow(brain: Brain, plan_id: str, leg: Leg, action: str = "CLOSE_PARTIAL_50") -> None:
    brain.add_plan(plan_id, action=action, positionSide=leg)
    brain.judge_all()
    brain.grant(plan_id)
    assert brain.client.exists(brain.keys.permit(plan_id)), brain.client.get(brain.keys.decision(plan_id))


def order_of(brain: Brain, sim: SimControl, plan_id: str) -> list[dict[str, object]]:
    wanted = client_order_id(brain.keys.prefix, plan_id)
    return [order for order in sim.orders() if order["clientOrderId"] == wanted]


def result_of(brain: Brain, plan_id: str) -> dict[str, str]:
    (result,) = brain.results_of(plan_id)
    return result


def legs_at(sim: SimControl) -> list[Decimal]:
    return [sim.position("BTCUSDT", leg) for leg in HELD]


def test_both_legs_are_closed_at_once_each_by_its_own_permit(brain, hedged, reader, executor):
    know(brain, *HELD)
    for leg in HELD:
        allow(brain, f"plan-{leg}", leg)
    step(executor, reader)
    assert legs_at(hedged) == [Decimal("0.020"), Decimal("-0.015")]
    for leg, side in ((Leg.LONG, "SELL"), (Leg.SHORT, "BUY")):
        (order,) = order_of(brain, hedged, f"plan-{leg}")
        assert (order["positionSide"], order["side"], order["reduceOnly"]) == (leg, side, False)
        (taken,) = json.loads(result_of(brain, f"plan-{leg}")["steps_results"])
        assert (taken["position_side"], taken["side"]) == (leg, side)
    assert brain.record_all() == 2
    amounts = [brain.client.hget(brain.keys.ledger("BTCUSDT", leg), "last_known_amt") for leg in HELD]
    assert amounts == ["0.02", "-0.015"]


@pytest.mark.parametrize("refreshed", [False, True])
def test_a_permit_without_a_leg_executes_nothing_once_the_account_is_in_hedge_mode(
    brain, sim, reader, executor, refreshed
):
    brain.allow("plan-1")
    sim.fault(hedge_mode=True)
    if refreshed:
        know(brain)
    step(executor, reader)
    result = result_of(brain, "plan-1")
    # Before the refresh the permit is still consumed, and the venue refuses an order that names no leg.
    assert (result["executed"], result["outcome"]) == ("False", "blocked" if refreshed else "rejected")
    assert order_of(brain, sim, "plan-1") == []
    assert sim.position("BTCUSDT", "LONG") == Decimal("0.040")


@pytest.mark.parametrize("refreshed", [False, True])
def test_a_permit_for_a_leg_executes_nothing_once_the_account_has_none(brain, hedged, reader, executor, refreshed):
    know(brain, *HELD)
    allow(brain, "plan-1", Leg.LONG)
    hedged.fault(hedge_mode=False)
    if refreshed:
        know(brain)
    step(executor, reader)
    assert result_of(brain, "plan-1")["outcome"] == ("blocked" if refreshed else "rejected")
    assert order_of(brain, hedged, "plan-1") == []
    assert hedged.position("BTCUSDT") == Decimal("0.010")


def test_an_executor_that_died_between_permit_and_order_still_knows_the_leg(
    brain, hedged, reader, executor, monkeypatch
):
    know(brain, *HELD)
    allow(brain, "plan-1", Leg.SHORT)
    with dies_at(monkeypatch, Journal, "mark_sending"):
        step(executor, reader)
    step(build_executor(brain.settings), reader)
    assert legs_at(hedged) == [Decimal("0.040"), Decimal("-0.015")]


def test_an_order_of_a_plan_that_redis_forgot_is_reported_with_the_venues_leg(brain, hedged, reader, executor):
    know(brain, *HELD)
    allow(brain, "plan-1", Leg.SHORT)
    step(executor, reader)
    brain.client.flushall()
    reader.new(count=1, block_ms=1)
    brain.add_plan("plan-1", positionSide="SHORT")
    reader.new(count=1, block_ms=1)  # read, and then interrupted: it comes again
    step(executor, reader)
    (taken,) = json.loads(result_of(brain, "plan-1")["steps_results"])
    assert (taken["position_side"], taken["executed_qty"]) == ("SHORT", "0.015")


def test_the_governor_counts_the_legs_amount_and_not_the_net_one(brain, hedged):
    hedged.set_position("BTCUSDT", "-0.040", position_side="SHORT")  # with the long leg: 0
    hedged.set_price("BTCUSDT", 50_000)
    know(brain, *HELD)
    made = Governor(
        brain.client, brain.keys, Limits(daily_notional=Decimal(1_500)), permit_key=brain.settings.governor_permit_key
    )
    reader = PlanReader(brain.client, brain.keys.plans, group=GOVERNOR_GROUP, consumer="governor-1")
    for number, side in enumerate(("LONG", "SHORT", "")):
        brain.add_plan(f"plan-{number}", action="CLOSE_PARTIAL_50", positionSide=side)
    reader.new(count=1, block_ms=1)
    decisions = []
    for entry in reader.new(count=3, block_ms=1000):
        plan = reader.plan_of(entry)
        assert plan is not None
        decisions.append(made.decide(entry, plan))
    assert decisions == ["granted", "daily_notional", "notional_unknown"]
