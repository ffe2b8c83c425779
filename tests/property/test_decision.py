"""What an allow promises, for any facts whatever."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from p33_tasks.domain import quantities as q
from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Leg, OrderSide, Plan, Policy
from tests.factories import (
    NOW_MS,
    RUN_ID,
    SOURCE,
    make_facts,
    make_ledger,
    make_market,
    make_plan,
    make_policy,
    make_snapshot,
)
from tests.strategies import amounts, steps

ages_ms = st.sampled_from([-1, 0, 1, 999, 9_999, 10_000, 10_001, 14_999, 15_000, 15_001, 60_000, 60_001])
positions = amounts().filter(lambda number: q.magnitude(number) >= Decimal("0.0001"))

DOUBTS: dict[str, st.SearchStrategy[Any]] = {
    "hold": st.booleans(),
    "reserved_by": st.sampled_from([None, "", "plan-0"]),
    "snapshot_age_ms": ages_ms,
    "no_snapshot": st.booleans(),
    "hedge_mode": st.booleans(),
    "position_side": st.sampled_from(Leg),  # of the facts
    "named_side": st.sampled_from(Leg),  # by the plan
    "source": st.sampled_from(["another venue", SOURCE]),
    "run_id": st.sampled_from(["b" * 40, RUN_ID]),
    "ledger": st.none() | amounts() | positions.map(q.negated),
    "drift": st.sampled_from(["0.99", "0.9899", "1.01", "1.011", "0.9", "1.1"]).map(Decimal),
    "order_age_ms": ages_ms,
    "market": st.none(),
    "market_ms": st.sampled_from([NOW_MS + 1, NOW_MS - 300_000, NOW_MS - 300_001]),
    "plan_age_ms": ages_ms,
    "problem": st.sampled_from([None, "steps"]),
    "reduce_only": st.booleans(),
    "action": st.sampled_from(["HOLD", "", "close_full"]),
    "symbol": st.sampled_from(["ETHUSDT", "BTCUSDT"]),
    "amount": amounts(),
}


@st.composite
def cases(draw: st.DrawFn, max_doubts: int = 2) -> tuple[Plan, Facts, Policy]:
    """Allowable cases of any amount, step and limit, with up to ``max_doubts`` facts in doubt."""
    doubts = draw(st.lists(st.sampled_from(sorted(DOUBTS)), unique=True, max_size=max_doubts))
    found = {name: draw(DOUBTS[name]) for name in doubts}
    amount = found["amount"] if "amount" in found else draw(positions)
    ledger = found.get("ledger", amount)
    if "drift" in found and ledger is not None and len(ledger.as_tuple().digits) < 40:
        ledger = q.multiply(ledger, found["drift"])
    order_age_ms = found.get("order_age_ms")
    snapshot = make_snapshot(
        amount,
        age_ms=found.get("snapshot_age_ms", 0),
        hedge_mode=found.get("hedge_mode", False),
        source=found.get("source", SOURCE),
        run_id=found.get("run_id", RUN_ID),
    )
    market = make_market(
        step_size=draw(steps()),
        min_qty=draw(steps()),
        max_market_qty=draw(st.none() | steps()),
        fetched_ms=found["market_ms"] if "market_ms" in found else draw(st.sampled_from([None, NOW_MS])),
    )
    facts = make_facts(
        position_side=found.get("position_side", Leg.BOTH) if found.get("hedge_mode") else Leg.BOTH,
        hold=found.get("hold", False),
        reserved_by=found.get("reserved_by"),
        snapshot=None if found.get("no_snapshot") else snapshot,
        ledger=make_ledger(ledger, last_order_time_ms=None if order_age_ms is None else NOW_MS - order_age_ms),
        market=found.get("market", market),
    )
    plan = make_plan(
        symbol=found.get("symbol", "BTCUSDT"),
        action=found.get("action", draw(st.sampled_from(list(CLOSE_FACTORS)))),
        issued_ms=NOW_MS - found.get("plan_age_ms", 0),
        reduce_only=found.get("reduce_only", True),
        position_side=found.get("named_side", Leg.BOTH),
        problem=found.get("problem"),
    )
    return plan, facts, make_policy(qty_tolerance_pct=draw(st.sampled_from([Decimal(0), Decimal("1.0"), Decimal(10)])))


def check_promises(plan: Plan, facts: Facts, policy: Policy, verdict: Allow) -> None:
    assert facts.snapshot is not None
    assert facts.ledger is not None
    assert facts.market is not None
    assert plan.close_factor is not None
    position = q.magnitude(facts.snapshot.position_amt)
    quantity = verdict.safe_close_qty
    assert 0 < quantity <= position
    assert quantity <= q.multiply(position, plan.close_factor)
    assert q.EXACT.remainder(quantity, facts.market.step_size) == 0
    assert quantity >= facts.market.min_qty
    assert facts.market.fetched_ms is None or 0 <= NOW_MS - facts.market.fetched_ms <= policy.market_max_age_ms
    assert facts.market.max_market_qty is None or quantity <= facts.market.max_market_qty
    assert verdict.order_side is (OrderSide.SELL if facts.snapshot.position_amt > 0 else OrderSide.BUY)
    # and never from a stale or doubtful fact
    assert plan.problem is None
    assert plan.reduce_only
    assert plan.symbol in policy.allowlist
    assert facts.now_ms - plan.issued_ms <= policy.plan_max_age_ms
    assert not facts.hold
    assert facts.reserved_by is None
    assert facts.snapshot.position.hedge_mode == (facts.position_side is not Leg.BOTH)
    if facts.position_side is Leg.BOTH:
        assert plan.position_side.admits(facts.snapshot.position_amt)
    assert (facts.snapshot.source, facts.snapshot.run_id) == (facts.source, facts.run_id)
    assert 0 <= facts.now_ms - facts.snapshot.ts_ms <= policy.stale_threshold_ms
    ordered_ms = facts.ledger.last_order_time_ms
    assert ordered_ms is None or facts.now_ms - ordered_ms >= policy.cooldown_ms
    assert ordered_ms is None or facts.snapshot.ts_ms >= ordered_ms
    assert facts.ledger.last_known_amt is not None
    drift = q.magnitude(q.subtract(facts.snapshot.position_amt, facts.ledger.last_known_amt))
    assert q.multiply(drift, q.HUNDRED) <= q.multiply(policy.qty_tolerance_pct, position)


@given(cases())
def test_any_facts_end_in_a_verdict_and_an_allow_keeps_its_promises(case: tuple[Plan, Facts, Policy]):
    verdict = evaluate(*case)
    if isinstance(verdict, Allow):
        check_promises(*case, verdict)
    else:
        assert isinstance(verdict, Deny)
        assert all(isinstance(value, Decimal | str | int | None) for value in verdict.details.values())


@given(cases(max_doubts=0))
def test_an_allow_keeps_its_promises_for_any_amount_step_and_limit(case: tuple[Plan, Facts, Policy]):
    verdict = evaluate(*case)
    assume(isinstance(verdict, Allow))
    assert isinstance(verdict, Allow)
    check_promises(*case, verdict)


@given(cases())
def test_a_verdict_is_the_same_every_time(case: tuple[Plan, Facts, Policy]):
    assert evaluate(*case) == evaluate(*case)


@given(cases())
def test_a_short_is_judged_like_the_long_of_the_same_size(case: tuple[Plan, Facts, Policy]):
    plan, facts, policy = case

    def mirrored(amount: Decimal | None) -> Any:
        return None if amount is None else q.negated(amount)

    snapshot, ledger = facts.snapshot, facts.ledger
    assert ledger is not None
    if snapshot is not None:
        snapshot = replace(snapshot, position=replace(snapshot.position, position_amt=mirrored(snapshot.position_amt)))
    other = replace(facts, snapshot=snapshot, ledger=replace(ledger, last_known_amt=mirrored(ledger.last_known_amt)))
    leg = {Leg.LONG: Leg.SHORT, Leg.SHORT: Leg.LONG}.get(plan.position_side, plan.position_side)
    first, second = evaluate(plan, facts, policy), evaluate(replace(plan, position_side=leg), other, policy)
    if isinstance(first, Allow):
        assert isinstance(second, Allow)
        assert first.safe_close_qty == second.safe_close_qty
        assert first.order_side is not second.order_side
    else:
        assert isinstance(second, Deny)
        assert first.reason == second.reason
