"""What the audit stream holds is enough to make the verdict again, for any facts whatever (CONTRACT section 6)."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.audit import audit_inputs
from p33_tasks.contract.hash_values import MAX_NAME_CHARS
from p33_tasks.contract.permits import verdict_fields
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Facts, Plan, Policy
from p33_tasks.store.audit import decode_entry, replay
from tests.property.test_decision import cases

# As they come from Redis: any text but lone surrogates, which loading spells out.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_NAME_CHARS)


def entry_of(plan: Plan, facts: Facts, policy: Policy) -> dict[str, str]:
    """The entry that issuing the verdict writes."""
    verdict = evaluate(plan, facts, policy)
    fields = verdict_fields(plan, verdict, now_ms=facts.now_ms, facts=facts, policy=policy)
    return {
        "plan_id": plan.plan_id,
        "symbol": plan.symbol,
        "verdict": exact_json.dumps(fields),
        "inputs": exact_json.dumps(audit_inputs(plan, facts, policy)),
    }


@given(cases(max_doubts=3))
def test_evaluating_the_decoded_inputs_gives_the_recorded_verdict(case: tuple[Plan, Facts, Policy]) -> None:
    entry = entry_of(*case)
    assert replay(decode_entry(entry)) == entry["verdict"]


@given(cases(), texts, texts, texts, texts)
def test_no_text_among_the_inputs_changes_the_verdict_on_its_way(
    case: tuple[Plan, Facts, Policy], plan_id: str, action: str, source: str, problem: str
) -> None:
    plan, facts, policy = case
    snapshot = facts.snapshot and replace(facts.snapshot, source=source, run_id=action)
    facts = replace(facts, snapshot=snapshot, source=source, reserved_by=plan_id, ledger_problem=problem)
    entry = entry_of(replace(plan, plan_id=plan_id, action=action[:80]), facts, policy)
    assert replay(decode_entry(entry)) == entry["verdict"]
