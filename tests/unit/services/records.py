"""Records as the store reads them, without a store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Deny, Facts, Plan, Policy, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import RecordedVerdict, outcome_of
from tests.factories import make_facts, make_plan, make_policy


def write(plan: Plan, verdict: Verdict, facts: Facts, policy: Policy) -> str:
    """As good as JSON: it tells every verdict from every other."""
    return f"{plan.plan_id} {plan.symbol} {facts.now_ms} {policy.permit_ttl_ms} {verdict!r}"


def make_record(
    plan: Plan | None = None, facts: Facts | None = None, policy: Policy | None = None, **changes: Any
) -> RecordedVerdict:
    """A verdict, recorded faithfully; an allow by default."""
    plan, facts, policy = plan or make_plan(), facts or make_facts(), policy or make_policy()
    verdict = evaluate(plan, facts, policy)
    record = RecordedVerdict(
        entry_id="1-0",
        plan=plan,
        facts=facts,
        policy=policy,
        verdict=verdict,
        written=write(plan, verdict, facts, policy),
        headline=outcome_of(verdict),
    )
    return replace(record, **changes)


def make_baseless(reason: Reason, **changes: Any) -> RecordedVerdict:
    """A deny that rests on no facts."""
    return replace(make_record(), facts=None, verdict=Deny(reason=reason), headline=str(reason), **changes)
