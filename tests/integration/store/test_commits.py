"""What a verdict says to Redis: no more than it needs, and nothing of another verdict's limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Policy
from p33_tasks.ports import CommitStatus
from p33_tasks.store import verdicts
from p33_tasks.store.lua_header import Named
from p33_tasks.store.scripts import NO_ARGS, Scripts
from tests.support.gate import SYMBOL, Gate


def judged(gate: Gate, plan_id: str, policy: Policy) -> Allow | Deny:
    plan, entry = gate.publish(plan_id)
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, policy)
    done = gate.verdicts.commit(plan=plan, verdict=verdict, facts=facts, policy=policy, entry=entry, evaluation_us=1)
    assert done is CommitStatus.COMMITTED
    return verdict


def sent(gate: Gate, monkeypatch: pytest.MonkeyPatch, plan_id: str) -> tuple[str, set[str], int]:
    found: list[tuple[str, set[str], int]] = []
    real = Scripts.run

    def run(self: Scripts, name: str, keys: Named, args: Named = NO_ARGS) -> object:
        found.append((name, set(keys), len(args)))
        return real(self, name, keys, args)

    with monkeypatch.context() as patch:
        patch.setattr(Scripts, "run", run)
        judged(gate, plan_id, gate.policy)
    return found[-1]


def test_a_deny_names_no_key_of_its_position(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.make_ready()
    gate.redis.set(gate.keys.hold(SYMBOL), "by hand")
    name, keys, args = sent(gate, monkeypatch, "plan-1")
    assert name == "commit_verdict deny"
    assert keys == {"decision_key", "permit_key", "plans_key", "first_seen_key", "decisions_key", "counters_key"}
    assert args == 10
    permit = gate.permit()
    assert permit == gate.decision()
    assert permit is not None
    assert (permit["allow"], permit["reason"]) == (False, "reconcile_hold_active")


def test_an_allow_says_no_limit_that_is_the_same_for_all(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.make_ready()
    name, keys, args = sent(gate, monkeypatch, "plan-1")
    assert name == "commit_verdict allow"
    assert (len(keys), args) == (17, 26)
    permit = gate.permit()
    assert permit == gate.decision()
    assert permit is not None
    assert permit["allow"] is True
    assert gate.reserved_by() == "plan-1"


@pytest.mark.parametrize("held", [False, True])
def test_a_verdict_by_other_configured_limits_than_the_first_is_kept_by_its_own(gate: Gate, *, held: bool) -> None:
    gate.make_ready()
    gate.make_ready(symbol="ETHUSDT")
    judged(gate, "first", gate.policy)
    other = replace(gate.policy, permit_ttl_ms=gate.policy.permit_ttl_ms // 2)
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    if held:
        gate.redis.set(gate.keys.hold(SYMBOL), "by hand")
    assert isinstance(judged(gate, "second", other), Deny if held else Allow)
    assert 0 < gate.redis.pttl(gate.keys.permit("second")) <= other.permit_ttl_ms
    assert gate.redis.pttl(gate.keys.permit("first")) > other.permit_ttl_ms


def test_the_keys_of_a_symbol_are_kept_and_those_of_many_dont_fill_the_memory(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdicts, "MOST_KNOWN", 2)
    amounts = {SYMBOL: "0.036", "ETHUSDT": "7", "XRPUSDT": "-3", "ADAUSDT": "4"}
    for symbol, amount in amounts.items():
        gate.put_position(amount, symbol=symbol)
    for _ in range(2):
        for symbol, amount in amounts.items():
            facts = gate.verdicts.load(gate.plan(symbol=symbol))
            assert facts is not None
            assert facts.snapshot is not None
            assert (facts.snapshot.symbol, str(facts.snapshot.position_amt)) == (symbol, amount)
            assert len(gate.verdicts._known) <= 2
