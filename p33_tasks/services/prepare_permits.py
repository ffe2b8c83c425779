"""Evaluate expected plans in advance; a prepared verdict is valid while the facts it depends on don't change."""

from __future__ import annotations

from p33_tasks.contract.prepared import policy_digest
from p33_tasks.domain.close_factors import ACTIONS
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.forecasts import Expected, most_likely
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Allow, Facts, Plan, Policy
from p33_tasks.ports import Prepared, PreparedStore, VerdictStore


class PreparationService:
    """Prepares allows for forecast plans. Denies are never prepared; nothing is issued before the plan comes."""

    def __init__(self, store: PreparedStore, verdicts: VerdictStore, policy: Policy, *, source: str, most: int) -> None:
        self._store = store
        self._verdicts = verdicts
        self._policy = policy
        self._digest = policy_digest(policy, source)
        self._most = most

    def prepare(self, *, task_id: str = "") -> int:
        """Prepare the most likely verdicts again; returns how many allows are ready.

        Args:
            task_id: The id of this task, recorded in its verdicts.

        Raises:
            StoreUnavailableError: Redis is away.
        """
        now_ms, forecasts = self._store.forecasts()
        ours = [one for one in forecasts if one.symbol in self._policy.allowlist]
        plans = [_plan(one, now_ms, task_id) for one in most_likely(ours, now_ms=now_ms, most=self._most)]
        ready = [
            prepared
            for plan, facts in zip(plans, self._verdicts.load_each(plans), strict=True)
            if isinstance(facts, Facts) and (prepared := self._prepared(plan, facts)) is not None
        ]
        if ready:
            self._store.save(ready, policy_digest=self._digest)
        return len(ready)

    def _prepared(self, plan: Plan, facts: Facts) -> Prepared | None:
        if facts.position_side is not plan.position_side:  # in one-way mode a leg has no key
            return None
        policy = in_force(self._policy, facts.limits, facts.now_ms)
        verdict = evaluate(plan, facts, policy)
        return Prepared(plan=plan, verdict=verdict, facts=facts, policy=policy) if isinstance(verdict, Allow) else None


def _plan(expected: Expected, now_ms: int, task_id: str) -> Plan:
    return Plan(
        plan_id="",
        symbol=expected.symbol,
        action=ACTIONS[expected.close_factor],
        close_factor=expected.close_factor,
        position_side=expected.leg,
        issued_ms=now_ms,
        prepared=True,
        prepared_by=task_id,
    )
