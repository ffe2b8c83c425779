"""``ports.VerdictStore`` in memory."""

from __future__ import annotations

from dataclasses import replace

from p33_tasks.contract.holds import decode_holds
from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.models import Allow, Facts, Leg, Plan, Policy, Verdict
from p33_tasks.errors import ForeignKeyTypeError
from p33_tasks.ports import CommitStatus, LoadedEntry, PlanName, StreamEntry
from tests.fakes.account import MemoryAccount


class MemoryVerdictStore:
    """Verdicts over the facts of an account."""

    def __init__(self, account: MemoryAccount) -> None:
        self.account = account
        self.refreshes_asked = 0
        self.is_foreign = False  # as if the key of each decision held another type

    def load(self, plan: Plan) -> Facts | None:
        return None if plan.plan_id in self.account.verdicts else self.facts(plan.symbol)

    def load_entry(self, name: PlanName, entry: StreamEntry) -> LoadedEntry:
        here = self.account
        facts = {} if name.plan_id in here.verdicts else {Leg.BOTH: self.facts(name.symbol)}
        fields = here.entries.get(entry)
        return LoadedEntry(
            facts=facts,
            time_ms=int(entry.entry_id.partition("-")[0]),
            fields=None if fields is None else dict(fields),
            is_pending=fields is None and entry in here.pending,
        )

    def acknowledge(self, entry: StreamEntry) -> None:
        self.account.pending.discard(entry)

    def ask_refresh(self, now_ms: int) -> None:  # noqa: ARG002 - the port's signature
        self.refreshes_asked += 1

    def commit(
        self,
        *,
        plan: Plan,
        verdict: Verdict,
        facts: Facts | None,
        policy: Policy,
        entry: StreamEntry | None,
        evaluation_us: int,  # noqa: ARG002 - the port's signature
    ) -> CommitStatus:
        here = self.account
        if self.is_foreign:
            raise ForeignKeyTypeError("decision holds a set")
        if plan.plan_id not in here.verdicts and isinstance(verdict, Allow):
            if facts is None or self._moved(plan, facts, policy):
                return CommitStatus.MOVED
            here.reserved[plan.symbol] = plan.plan_id
        status = CommitStatus.EXISTS if plan.plan_id in here.verdicts else CommitStatus.COMMITTED
        here.verdicts.setdefault(plan.plan_id, verdict)
        here.symbols.setdefault(plan.plan_id, plan.symbol)
        if entry is not None:
            here.pending.discard(entry)
        return status

    def facts(self, symbol: str) -> Facts:
        """What is so now."""
        here = self.account
        reserved_by = here.reserved.get(symbol)
        holds = decode_holds(here.holds.get(symbol), here.service_holds.get(symbol), reserved_by=reserved_by)
        return Facts(
            now_ms=here.now_ms,
            run_id=here.run_id,
            life=here.life,
            source=here.source,
            hold=bool(holds),
            holds=holds,
            snapshot=here.snapshots.get(symbol),
            ledger=here.ledgers.get(symbol),
            reserved_by=reserved_by,
            market=here.markets.get(symbol),
            market_problem=here.market_problems.get(symbol),
            limits=here.limits_of(symbol),
        )

    def _moved(self, plan: Plan, facts: Facts, policy: Policy) -> bool:
        """Market rules are the one fact that isn't compared again: they change by the hour, not between two reads.

        No hold that came in between stops an emergency close which would have passed it.
        """
        now, emergency = self.facts(plan.symbol), plan.emergency
        if emergency is not None:
            passed = {HeldBy.SERVICE, *({HeldBy.OPERATOR} if emergency.passes_operator_hold else ())}
            left = tuple(hold for hold in now.holds if hold.held_by not in passed)
            if left:
                return True
            now = replace(now, hold=facts.hold, holds=facts.holds)
        late = now.now_ms - plan.issued_ms > policy.plan_max_age_ms
        return late or replace(now, now_ms=facts.now_ms, market=facts.market, market_problem=None) != facts
