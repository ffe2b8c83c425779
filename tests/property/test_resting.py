"""What an allow and the orders that rest already close together is never more than the position."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.permits import verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain import quantities as q
from p33_tasks.domain.close_factors import CLOSE_FACTORS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow
from p33_tasks.domain.resting import Resting
from p33_tasks.store.audit import decode_entry, replay
from tests.factories import LIFE, NOW_MS, SOURCE, make_facts, make_market, make_plan, make_policy
from tests.strategies import amounts, steps

POLICY = make_policy(subtract_resting=True)


@st.composite
def rested(draw: st.DrawFn) -> Resting:
    return Resting(
        ts_ms=NOW_MS - draw(st.sampled_from([-1, 0, 59_000, 90_000, 90_001])),
        life=draw(st.sampled_from([LIFE, "2" * 40])),
        source=draw(st.sampled_from([SOURCE, "another venue"])),
        qty=q.magnitude(draw(amounts())),
        order_ids=tuple(draw(st.lists(st.text(max_size=8), max_size=3))),
        conditional_ids=tuple(draw(st.lists(st.text(max_size=8), max_size=3))),
    )


@given(
    amounts(),
    st.none() | rested(),
    st.none() | st.text(max_size=20),
    steps(),
    st.none() | steps(),
    st.sampled_from(list(CLOSE_FACTORS)),
)
def test_an_allow_and_what_rests_are_never_more_than_the_position(
    amount: Decimal,
    resting: Resting | None,
    problem: str | None,
    step: Decimal,
    most: Decimal | None,
    action: str,
) -> None:
    market = make_market(step_size=step, min_qty=step, max_market_qty=most)
    facts = make_facts(amount, resting=resting, resting_problem=problem, market=market)
    verdict = evaluate(plan := make_plan(action=action), facts, POLICY)
    if isinstance(verdict, Allow):
        assert resting is not None
        assert (resting.life, resting.source) == (LIFE, SOURCE)
        assert 0 <= NOW_MS - resting.ts_ms <= POLICY.resting_max_age_ms
        assert q.add(verdict.safe_close_qty, resting.qty) <= q.magnitude(amount)
        without = evaluate(plan, facts, make_policy())
        assert isinstance(without, Allow)
        assert verdict.safe_close_qty <= without.safe_close_qty
    written = exact_json.dumps(verdict_fields(plan, verdict, now_ms=NOW_MS, facts=facts, policy=POLICY))
    inputs = exact_json.dumps(audit_inputs(plan, facts, POLICY))
    entry = {"plan_id": plan.plan_id, "symbol": plan.symbol, "verdict": written, "inputs": inputs}
    assert replay(decode_entry(entry)) == written
