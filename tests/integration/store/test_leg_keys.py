"""The keys of the legs are sent to Redis only in hedge mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest

from p33_tasks.domain.models import Facts, Leg, Plan
from p33_tasks.ports import PlanName, StreamEntry
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import Scripts
from tests.support.gate import Gate

GONE = StreamEntry(stream="quantum:stream:apply.plan", entry_id="1-1")


def test_the_legs_keys_are_sent_only_in_hedge_mode(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are most of the keys of a read; in hedge mode, a process's first plan only needs a second round trip."""
    sent: list[list[int]] = []
    run_each = Scripts.run_each

    def noted(self: Scripts, name: str, calls: Sequence[tuple[Named, Named]]) -> object:
        sent.append([len(keys["positions"]) for keys, _ in calls])  # type: ignore[arg-type]  # a group
        return run_each(self, name, calls)

    monkeypatch.setattr(Scripts, "run_each", noted)
    gate.put_position("0.040")
    plans = [gate.publish(f"plan-{number}")[0] for number in range(2)]
    assert [set(facts_of(gate, plan)) for plan in plans] == [{Leg.BOTH}, {Leg.BOTH}]
    assert sent == [[1], [1]]
    sent.clear()
    gate.put_legs("0.040", "-0.020")
    assert set(facts_of(gate, plans[0])) == set(Leg)
    assert sent == [[1], [3]]
    sent.clear()
    assert set(facts_of(gate, plans[1])) == set(Leg)
    assert set(facts_of(gate, gate.plan("plan-3", symbol="ETHUSDT"))) == {Leg.BOTH}
    assert sent == [[3], [3]]


def test_a_switch_of_the_mode_between_the_two_reads_is_seen(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    run_each = Scripts.run_each
    switches = iter([lambda: None, lambda: gate.put_position("0.020")])

    def switching(self: Scripts, name: str, calls: Sequence[tuple[Named, Named]]) -> object:
        next(switches)()
        return run_each(self, name, calls)

    gate.put_legs("0.040", "-0.020")
    plan, _ = gate.publish("plan-1")
    monkeypatch.setattr(Scripts, "run_each", switching)
    (facts,) = facts_of(gate, plan).values()
    assert (facts.position_side, facts.snapshot and facts.snapshot.position_amt) == (Leg.BOTH, Decimal("0.020"))


def test_of_plans_read_together_only_those_in_hedge_mode_are_read_again(gate: Gate) -> None:
    gate.put_legs("0.040", "-0.020")
    plans = [
        gate.publish("plan-1", position_side=Leg.LONG)[0],
        gate.publish("plan-2", symbol="ETHUSDT")[0],
        gate.publish("plan-3", position_side=Leg.SHORT)[0],
    ]
    long, other_symbol, short = gate.verdicts.load_each(plans)
    assert isinstance(long, Facts)
    assert isinstance(other_symbol, Facts)
    assert isinstance(short, Facts)
    assert (long.position_side, long.snapshot and long.snapshot.position_amt) == (Leg.LONG, Decimal("0.040"))
    assert (other_symbol.position_side, other_symbol.snapshot) == (Leg.BOTH, None)
    assert (short.position_side, short.snapshot and short.snapshot.position_amt) == (Leg.SHORT, Decimal("-0.020"))


def facts_of(gate: Gate, plan: Plan) -> Mapping[Leg, Facts]:
    """The facts of all positions of the plan's symbol."""
    return gate.verdicts.load_entry(PlanName(plan_id=plan.plan_id, symbol=plan.symbol), GONE).facts
