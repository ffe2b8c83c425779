"""Give plans their prepared verdicts in the ingest, without a task (CONTRACT section 12)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from p33_tasks.contract.prepared import policy_digest
from p33_tasks.domain import exact_json
from p33_tasks.domain.models import Plan, Policy
from p33_tasks.errors import StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import CommitStatus, StreamEntry, VerdictStore

log = structlog.get_logger("p33.verdict")


class PromotionService:
    """Promotes prepared verdicts that are still valid; all other plans become tasks."""

    def __init__(self, store: VerdictStore, policy: Policy, *, source: str) -> None:
        self._store = store
        self._policy = policy
        self._digest = policy_digest(policy, source)

    def promote(self, plans: Sequence[tuple[Plan, StreamEntry]]) -> frozenset[str]:
        """Promote the verdicts prepared for these plans, in one round trip for all of them.

        Returns:
            The ids of the entries that are done and acknowledged: promoted now, or decided before.

        Raises:
            StoreUnavailableError: Redis is away.
        """
        fitting = [(plan, entry) for plan, entry in plans if _may_be_prepared(plan)]
        if not fitting:
            return frozenset()
        outcomes = self._store.promote_each(fitting, self._policy, policy_digest=self._digest)
        done = set()
        for (plan, entry), outcome in zip(fitting, outcomes, strict=True):
            if isinstance(outcome, StoreError):  # e.g. a foreign type: the plan's task reports it
                continue
            status, decision = outcome
            if status is CommitStatus.MOVED:
                continue
            done.add(entry.entry_id)
            if status is CommitStatus.COMMITTED:
                _log_allow(plan, decision)
        return frozenset(done)


def _may_be_prepared(plan: Plan) -> bool:
    return plan.problem is None and plan.reduce_only and plan.close_factor is not None and plan.emergency is None


def _log_allow(plan: Plan, decision: str) -> None:
    permit = exact_json.loads_object(decision, numbers=str)
    quantities = ("safe_close_qty", "exchange_position_amt", "ledger_position_amt")
    log.info(
        LogEvent.ALLOW,
        symbol=plan.symbol,
        plan_id=plan.plan_id,
        action=plan.action,
        order_side=permit["order_side"],
        prepared=True,
        **{name: permit[name] for name in quantities},
    )
