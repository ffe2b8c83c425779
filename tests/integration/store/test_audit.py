"""Every verdict can be made again from its entry in the audit stream (CONTRACT section 6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from p33_tasks.abilities import RestingOrder
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.audit import decode_entry, replay
from tests.support.gate import OTHER, SYMBOL, Gate
from tests.support.resting import order, read_resting


def limited(gate: Gate, *orders: RestingOrder) -> Gate:
    """The same with ``P33_SUBTRACT_RESTING``, after a reading that found such orders; without any, before the first."""
    gate = Gate(gate.server, subtract_resting=True)
    if orders:
        read_resting(gate, *orders)
    return gate


SITUATIONS: dict[str, Callable[[Gate], object]] = {
    "allow": lambda g: g.judge(),
    "invalid_plan": lambda g: g.judge(problem="steps are not JSON"),
    "symbol_not_allowed": lambda g: g.judge(symbol="NOSUCH"),
    "plan_expired": lambda g: g.judge(issued_ms=1),
    "not_reduce_only": lambda g: g.judge(reduce_only=False),
    "unknown_action": lambda g: g.judge(action="HOLD", close_factor=None),
    "reconcile_hold_active": lambda g: (g.operator.set_hold(SYMBOL, why="x", by="me"), g.judge()),
    "limits_unreadable": lambda g: (g.redis.hset(g.keys.limits(SYMBOL), "cooldown_sec", b"\xff5"), g.judge()),
    "no_exchange_snapshot": lambda g: (g.redis.hset(g.keys.snapshot(SYMBOL), "source", b"\xffsim"), g.judge()),
    "position_side_required": lambda g: (g.put_legs("0.04", "-0.02"), g.judge()),
    "position_side_mismatch": lambda g: g.judge(position_side=Leg.SHORT),
    "stale_exchange_state": lambda g: (g.redis.hset(g.keys.snapshot(SYMBOL), "ts_ms", "1000"), g.judge()),
    "no_position": lambda g: (g.put_position("0"), g.judge()),
    "cooldown_in_flight": lambda g: (g.report("x", ("1", "SELL", "0")), g.judge()),
    "permit_in_flight": lambda g: (g.redis.set(g.keys.reservation(SYMBOL), b"\xff" * 300, px=5_000), g.judge()),
    "reconcile_required_missing_ledger": lambda g: (
        g.redis.hset(g.keys.ledger(SYMBOL), "last_known_amt", "lots"),
        g.judge(),
    ),
    "reconcile_required_side_mismatch": lambda g: (g.put_position("-0.04"), g.judge()),
    "reconcile_required_qty_mismatch": lambda g: (g.put_position("0.0411"), g.judge()),
    "missing_market_metadata": lambda g: (g.redis.hset(g.keys.market(SYMBOL), "step_size", "0"), g.judge()),
    "qty_below_step_size": lambda g: (g.put_market(step="1"), g.judge()),
    "resting_orders_unknown": lambda g: limited(g).judge(),
    "resting_orders_cover_position": lambda g: limited(g, order("0.04")).judge(),
}


@pytest.mark.parametrize("reason", SITUATIONS)
def test_a_verdict_made_again_from_its_audit_entry_is_the_same_letter_by_letter(gate: Gate, reason: str) -> None:
    gate.make_ready()
    SITUATIONS[reason](gate)
    entry = gate.audit()[-1]
    assert entry["reason"] == ("" if reason == "allow" else reason)
    decoded = decode_entry(entry)
    assert replay(decoded) == entry["verdict"] == gate.redis.get(gate.keys.decision("plan-1"))
    assert decoded.plan.plan_id == "plan-1"
    assert decoded.facts is not None
    assert len(decoded.policy.allowlist) == 2


def test_every_reason_that_rests_on_facts_is_replayed() -> None:
    without_facts = {Reason.PLAN_ABANDONED, Reason.CONTENTION, Reason.INTERNAL_ERROR}
    of_before_0_2 = {Reason.HEDGE_MODE_UNSUPPORTED}
    assert set(SITUATIONS) == {str(reason) for reason in set(Reason) - without_facts - of_before_0_2} | {"allow"}


def test_a_deny_without_facts_is_told_from_one_that_can_be_made_again(gate: Gate) -> None:
    gate.report(executed=False)
    plan, entry = gate.publish("p-2")
    gate.permits.deny(plan, entry, Reason.CONTENTION, {"tries": 3})
    for fields in gate.audit():
        decoded = decode_entry(fields)
        assert decoded.facts is None
        with pytest.raises(CorruptStateError, match="no facts"):
            replay(decoded)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": "{"},
        {"inputs": '{"facts":{}}'},
        {"inputs": '{"facts":5}'},
        {"inputs": '{"plan":[1]}'},
        {"inputs": '{"policy":{"allowlist_size":1e9}}'},
        {"inputs": '{"policy":{"nonsense_ms":1}}'},
        {"verdict": "yes"},
        {"verdict": None},
    ],
    ids=str,
)
def test_an_entry_that_is_none_of_ours_is_corrupt(gate: Gate, change: dict[str, str | None]) -> None:
    gate.make_ready(symbol=OTHER)
    gate.judge(symbol=OTHER)
    fields = {name: value for name, value in {**gate.audit()[0], **change}.items() if value is not None}
    with pytest.raises(CorruptStateError):
        decode_entry(fields)
