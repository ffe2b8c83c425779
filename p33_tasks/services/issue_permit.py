"""Judging a plan: load the facts, evaluate, make the verdict final; again when the facts moved meanwhile."""

from __future__ import annotations

import time

import structlog

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Details, Facts, Plan, Policy, Verdict
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import ForeignKeyTypeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import CommitStatus, DeadLetters, StreamEntry, VerdictStore

TRIES = 3
"""Loads and evaluations before facts that keep moving are a deny (CONTRACT section 5)."""

log = structlog.get_logger("p33.verdict")


class PermitService:
    """Turns plans into verdicts. Safe to run twice on the same plan: the first verdict stands."""

    def __init__(self, store: VerdictStore, dead_letters: DeadLetters, policy: Policy) -> None:
        self._store = store
        self._dead_letters = dead_letters
        self._policy = policy

    def judge(self, plan: Plan, entry: StreamEntry | None) -> Verdict | None:
        """Give a plan its one verdict.

        Args:
            plan: The plan as parsed.
            entry: Where it was read, acknowledged together with the verdict; None when it came as a task.

        Returns:
            The verdict, or None when one existed already or the plan was put on the dead-letter stream.

        Raises:
            StoreUnavailableError: Redis is away. The entry stays pending and is tried again.
        """
        try:
            return self._judge(plan, entry)
        except ForeignKeyTypeError as error:
            self._give_up(plan, entry, error)
            return None

    def deny(self, plan: Plan, entry: StreamEntry | None, reason: Reason, details: Details) -> Verdict | None:
        """Deny without looking at facts, e.g. a plan that was delivered too often."""
        try:
            verdict = Deny(reason=reason, details=details)
            return verdict if self._commit(plan, verdict, None, entry, 0) is CommitStatus.COMMITTED else None
        except ForeignKeyTypeError as error:
            self._give_up(plan, entry, error)
            return None

    def _judge(self, plan: Plan, entry: StreamEntry | None) -> Verdict | None:
        for _ in range(TRIES):
            facts = self._store.load(plan)
            if facts is None:
                if entry is not None:
                    self._store.acknowledge(entry)
                log.info(LogEvent.DECIDED, plan_id=plan.plan_id, symbol=plan.symbol, note="the first verdict stands")
                return None
            began = time.perf_counter_ns()
            verdict = self._evaluate(plan, facts)
            status = self._commit(plan, verdict, facts, entry, (time.perf_counter_ns() - began) // 1_000)
            if status is not CommitStatus.MOVED:
                return verdict if status is CommitStatus.COMMITTED else None
        contended = Deny(reason=Reason.CONTENTION, details={"tries": TRIES, "retry_after_sec": 1})
        return contended if self._commit(plan, contended, None, entry, 0) is CommitStatus.COMMITTED else None

    def _evaluate(self, plan: Plan, facts: Facts) -> Verdict:
        try:
            return evaluate(plan, facts, self._policy)
        except Exception as error:  # whatever went wrong is a deny, and said aloud
            log.exception(LogEvent.EVALUATION_FAILED, plan_id=plan.plan_id, symbol=plan.symbol)
            return Deny(reason=Reason.INTERNAL_ERROR, details={"error": type(error).__name__})

    def _commit(
        self, plan: Plan, verdict: Verdict, facts: Facts | None, entry: StreamEntry | None, evaluation_us: int
    ) -> CommitStatus:
        status = self._store.commit(
            plan=plan, verdict=verdict, facts=facts, policy=self._policy, entry=entry, evaluation_us=evaluation_us
        )
        if status is CommitStatus.COMMITTED:
            _log_verdict(plan, verdict)
        return status

    def _give_up(self, plan: Plan, entry: StreamEntry | None, error: ForeignKeyTypeError) -> None:
        """No verdict can be written: nobody gets a permit, and the plans behind this one go on."""
        log.error(LogEvent.NO_VERDICT, plan_id=plan.plan_id, symbol=plan.symbol, error=str(error))
        if entry is not None:
            self._dead_letters.dead_letter(entry, str(error), {"plan_id": plan.plan_id, "symbol": plan.symbol})


def _log_verdict(plan: Plan, verdict: Verdict) -> None:
    if isinstance(verdict, Allow):
        log.info(
            LogEvent.ALLOW,
            symbol=plan.symbol,
            plan_id=plan.plan_id,
            action=plan.action,
            safe_close_qty=canonical(verdict.safe_close_qty),
            order_side=str(verdict.order_side),
            exchange_position_amt=canonical(verdict.exchange_position_amt),
            ledger_position_amt=canonical(verdict.ledger_position_amt),
        )
        return
    found = {name: value for name, value in verdict.details.items() if value is not None}
    log.info(LogEvent.DENY, reason=str(verdict.reason), symbol=plan.symbol, plan_id=plan.plan_id, **found)
