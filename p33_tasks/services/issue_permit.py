"""Give a plan its verdict: load facts, evaluate, commit; again if the facts changed before the commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from p33_tasks.contract.emergency import EmergencyProof
from p33_tasks.contract.fields import shown
from p33_tasks.contract.plans import is_emergency, parse_entry
from p33_tasks.domain.decision import awaits_snapshot, evaluate
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Allow, Deny, Details, Facts, Plan, Policy, Verdict
from p33_tasks.domain.quantities import canonical
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import (
    EntryMismatchError,
    ForeignKeyTypeError,
    InvalidMessageError,
    SnapshotAwaitedError,
    StoreError,
    StoreUnavailableError,
)
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import CommitStatus, DeadLetters, LoadedEntry, PlanName, Ruling, StreamEntry, VerdictStore

TRIES = 3
"""Maximum number of evaluations; if the facts changed each time, the plan is denied (CONTRACT section 5)."""

NO_EMERGENCY = EmergencyProof()

log = structlog.get_logger("p33.verdict")


class PermitService:
    """Turns plans into verdicts. Safe to run twice on the same plan: only the first verdict is committed."""

    def __init__(
        self,
        store: VerdictStore,
        dead_letters: DeadLetters,
        policy: Policy,
        emergency: EmergencyProof = NO_EMERGENCY,
    ) -> None:
        self._store = store
        self._emergency = emergency
        self._dead_letters = dead_letters
        self._policy = policy

    def judge(self, plan: Plan, entry: StreamEntry | None) -> Verdict | None:
        """Give a plan its one verdict.

        Args:
            plan: The plan as parsed.
            entry: Its entry, acknowledged together with the verdict; None if the plan was sent as a task.

        Returns:
            The verdict; None if one existed already, or if the plan was put on the dead-letter stream.

        Raises:
            StoreUnavailableError: Redis is away. The entry stays pending and is tried again.
        """
        try:
            return self._judge(entry, lambda: (plan, self._store.load(plan)))
        except ForeignKeyTypeError as error:
            self._give_up(plan, entry, error)
            return None

    def judge_entry(self, name: PlanName, entry: StreamEntry) -> Verdict | None:
        """Give the plan in a stream entry its one verdict.

        Args:
            name: plan_id and symbol from the task message. Any writer to the broker can forge them: the plan is read
                from the entry, in the round trip that reads the facts.
            entry: The plan's entry, acknowledged together with the verdict.

        Returns:
            The verdict; None if one existed already.

        Raises:
            EntryMismatchError: The entry contains another plan, or none that may have a verdict. A pending entry stays
                pending.
            SnapshotAwaitedError: An emergency close waits for a snapshot, which was requested. The entry stays pending
                and is sent again.
            StoreError: Redis is away, or a key has another type. The entry stays pending; the ingest denies the plan
                after some tries.
        """
        return self._judge(entry, lambda: self._read(name, self._store.load_entry(name, entry)))

    def judge_entries(self, named: Sequence[tuple[PlanName, StreamEntry]]) -> list[Verdict | Exception | None]:
        """Give the plans in several stream entries one verdict each, in two round trips for all of them.

        A process's first ones in hedge mode take three.

        Each is evaluated and committed separately, in this order: of two plans on one position the first is served.
        A plan whose facts changed, e.g. by the plan before it, is judged again alone. An error of one plan is the
        outcome of that plan only; if the batch fails as a whole, each plan is judged alone.

        Args:
            named: As for ``judge_entry``.

        Returns:
            For each plan what ``judge_entry`` returns or raises.

        Raises:
            StoreUnavailableError: Redis is away. Plans without a verdict stay pending and are tried again.
        """
        try:
            return self._judge_together(named)
        except StoreUnavailableError:
            raise
        except Exception:  # caused by one unknown plan: the others must get their verdicts
            log.exception(LogEvent.EVALUATION_FAILED, plan_ids=[name.plan_id for name, _ in named])
            return [self._judged_alone(*one) for one in named]

    def _judge_together(self, named: Sequence[tuple[PlanName, StreamEntry]]) -> list[Verdict | Exception | None]:
        outcomes: list[Verdict | Exception | None] = [None] * len(named)
        rulings: dict[int, Ruling] = {}
        for at, ((name, entry), loaded) in enumerate(zip(named, self._store.load_entries(named), strict=True)):
            if isinstance(loaded, StoreError):
                outcomes[at] = loaded
                continue
            try:
                plan, facts = self._read(name, loaded)
                if facts is None:
                    self._acknowledge_decided(plan, entry)
                else:
                    rulings[at] = self._ruling(plan, facts, entry)
            except (EntryMismatchError, SnapshotAwaitedError) as error:
                outcomes[at] = error
        for (at, ruling), status in zip(rulings.items(), self._store.commit_each(list(rulings.values())), strict=True):
            if status is CommitStatus.MOVED:
                outcomes[at] = self._judged_alone(*named[at])
            elif isinstance(status, StoreError):
                outcomes[at] = status
            elif status is CommitStatus.COMMITTED:
                _log_verdict(ruling.plan, ruling.verdict)
                outcomes[at] = ruling.verdict
        return outcomes

    def _judged_alone(self, name: PlanName, entry: StreamEntry) -> Verdict | Exception | None:
        try:
            return self.judge_entry(name, entry)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller reports it as this plan's outcome
            return error

    def _read(self, name: PlanName, loaded: LoadedEntry) -> tuple[Plan, Facts | None]:
        """The plan from its entry, and the facts; None instead of facts if the plan has a verdict already."""
        if loaded.fields is not None:
            plan = _plan_of(name, loaded.fields, loaded.time_ms)
            if is_emergency(loaded.fields):
                plan = self._emergency.read(plan, loaded.fields)
            return plan, loaded.facts_of(plan)
        # Only the group's pending list shows that the entry existed: else a forged message could deny any plan_id.
        if not loaded.is_pending and loaded.facts:
            raise EntryMismatchError("the entry is neither in the stream nor pending")
        trimmed = Plan(
            plan_id=name.plan_id,
            symbol=name.symbol,
            action="",
            close_factor=None,
            issued_ms=loaded.time_ms,
            problem="the entry was trimmed from its stream before it was judged",
        )
        return trimmed, loaded.facts_of(trimmed)

    def _acknowledge_decided(self, plan: Plan, entry: StreamEntry | None) -> None:
        if entry is not None:
            self._store.acknowledge(entry)
        log.info(LogEvent.DECIDED, plan_id=plan.plan_id, symbol=plan.symbol, note="the first verdict stands")

    def _ruling(self, plan: Plan, facts: Facts, entry: StreamEntry | None) -> Ruling:
        began = time.perf_counter_ns()
        policy = in_force(self._policy, facts.limits, facts.now_ms)
        verdict = self._evaluate(plan, facts, policy)
        if awaits_snapshot(plan, facts, policy, verdict):
            self._store.ask_refresh(facts.now_ms)
            raise SnapshotAwaitedError
        took_us = (time.perf_counter_ns() - began) // 1_000
        return Ruling(plan=plan, verdict=verdict, facts=facts, policy=policy, entry=entry, evaluation_us=took_us)

    def deny(self, plan: Plan, entry: StreamEntry | None, reason: Reason, details: Details) -> Verdict | None:
        """Deny without facts, e.g. a plan that was delivered too often; returns None if a verdict existed already."""
        try:
            return self._denied(plan, Deny(reason=reason, details=details), entry)
        except ForeignKeyTypeError as error:
            self._give_up(plan, entry, error)
            return None

    def _judge(self, entry: StreamEntry | None, read: Callable[[], tuple[Plan, Facts | None]]) -> Verdict | None:
        for _ in range(TRIES):
            plan, facts = read()
            if facts is None:
                self._acknowledge_decided(plan, entry)
                return None
            ruling = self._ruling(plan, facts, entry)
            status = self._commit(ruling)
            if status is not CommitStatus.MOVED:
                return ruling.verdict if status is CommitStatus.COMMITTED else None
        contended = Deny(reason=Reason.CONTENTION, details={"tries": TRIES, "retry_after_sec": 1})
        return self._denied(plan, contended, entry)

    def _denied(self, plan: Plan, verdict: Deny, entry: StreamEntry | None) -> Verdict | None:
        """Commit a deny that needs no facts; None if a verdict exists already."""
        ruling = Ruling(plan=plan, verdict=verdict, facts=None, policy=self._policy, entry=entry, evaluation_us=0)
        return verdict if self._commit(ruling) is CommitStatus.COMMITTED else None

    def _evaluate(self, plan: Plan, facts: Facts, policy: Policy) -> Verdict:
        try:
            return evaluate(plan, facts, policy)
        except Exception as error:  # any error is a deny, and logged
            log.exception(LogEvent.EVALUATION_FAILED, plan_id=plan.plan_id, symbol=plan.symbol)
            return Deny(reason=Reason.INTERNAL_ERROR, details={"error": type(error).__name__})

    def _commit(self, ruling: Ruling) -> CommitStatus:
        status = self._store.commit(
            plan=ruling.plan,
            verdict=ruling.verdict,
            facts=ruling.facts,
            policy=ruling.policy,
            entry=ruling.entry,
            evaluation_us=ruling.evaluation_us,
        )
        if status is CommitStatus.COMMITTED:
            _log_verdict(ruling.plan, ruling.verdict)
        return status

    def _give_up(self, plan: Plan, entry: StreamEntry | None, error: ForeignKeyTypeError) -> None:
        """Move a plan whose verdict can't be written to the dead letters: no permit, and later plans go on."""
        log.error(LogEvent.NO_VERDICT, plan_id=plan.plan_id, symbol=plan.symbol, error=str(error))
        if entry is not None:
            self._dead_letters.dead_letter(entry, str(error), {"plan_id": plan.plan_id, "symbol": plan.symbol})


def _plan_of(name: PlanName, fields: Mapping[str, str | list[str]], time_ms: int) -> Plan:
    try:
        plan = parse_entry(fields, issued_ms=time_ms)
    except InvalidMessageError as error:  # a dead letter, which the ingest writes
        raise EntryMismatchError(f"the entry is no plan: {error}") from None
    if plan is None:
        raise EntryMismatchError("the entry's decision is not EXECUTE")
    if (plan.plan_id, plan.symbol) != (name.plan_id, name.symbol):
        raise EntryMismatchError(f"the entry holds plan {shown(plan.plan_id)} of {shown(plan.symbol)}")
    return plan


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
            ledger_position_amt=None if (ledger := verdict.ledger_position_amt) is None else canonical(ledger),
            **({} if plan.emergency is None else {"emergency": True}),
        )
        return
    found = {name: value for name, value in verdict.details.items() if value is not None}
    log.info(LogEvent.DENY, reason=str(verdict.reason), symbol=plan.symbol, plan_id=plan.plan_id, **found)
