"""The stores in memory and those on a Redis, behind the same few calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p33_tasks.contract.statistics import encode_statistics
from p33_tasks.domain import exact_json
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Plan, Verdict
from p33_tasks.domain.statistics import Statistics
from p33_tasks.ports import (
    CommitStatus,
    HoldRequest,
    PositionState,
    ResultStatus,
    StreamEntry,
)
from p33_tasks.services.record_fill import apply_all, ids_to_load
from p33_tasks.store.adaptive import RedisAdaptiveStore
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.connection import connect
from p33_tasks.store.reconciliation import RedisReconcileStore
from tests.fakes.gate import MemoryGate
from tests.fakes.reconciling import MemoryReconcileStore
from tests.support.gate import SYMBOL, Gate


class RealGate(Gate):
    """The few words that the fake's gate has beside the real one's."""

    def hold(self) -> None:
        self.operator.set_hold(SYMBOL, why="x", by="me")

    def hold_by_service(self) -> None:
        self.redis.set(self.keys.service_hold(SYMBOL), exact_json.dumps({"reason": HoldReason.UNEXPLAINED}))

    def limit(self, cooldown_sec: int) -> None:
        self.redis.hset(self.keys.limits(SYMBOL), "cooldown_sec", str(cooldown_sec))

    def learn(self, statistics: Statistics) -> None:
        self.redis.set(self.keys.statistics(SYMBOL), encode_statistics(statistics))

    @property
    def adaptive(self) -> RedisAdaptiveStore:
        return RedisAdaptiveStore(connect(self.url), self.keys)

    def reserve(self, plan_id: str) -> None:
        self.redis.set(self.keys.reservation(SYMBOL), plan_id, px=60_000)

    def release(self) -> None:
        self.redis.delete(self.keys.reservation(SYMBOL))

    def make_budget(self, *, own_weight: int) -> RedisRequestBudget:
        return RedisRequestBudget(connect(self.url), self.keys, own_weight=own_weight, venue_weight=2_280)

    def trim(self, entry: StreamEntry) -> None:
        self.redis.xdel(entry.stream, entry.entry_id)

    def next_tick(self) -> None:
        self.redis.hset(self.keys.refresh, "started_ms", "1")

    @property
    def reconcile(self) -> RedisReconcileStore:
        return RedisReconcileStore(connect(self.url), self.keys, own_prefix="p33-")

    def events_told(self) -> list[str]:
        return [fields["event"] for _, fields in self.redis.xrange(self.keys.reconcile_events)]


class RememberingGate(MemoryGate):
    """The same of the fake."""

    def __init__(self) -> None:
        super().__init__()
        self.reconcile = MemoryReconcileStore(self.account)

    def events_told(self) -> list[str]:
        return [event for event, _ in self.reconcile.events]


def commit(
    place: Any, plan: Plan, verdict: Verdict, entry: StreamEntry | None = None, facts: Any = None
) -> CommitStatus:
    found: CommitStatus = place.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=place.policy, entry=entry, evaluation_us=1
    )
    return found


def judged(place: Any, plan: Plan) -> tuple[Verdict, Any]:
    facts = place.verdicts.load(plan)
    return evaluate(plan, facts, place.policy), facts


def record(place: Any, result: Any, entry: StreamEntry, between: Callable[[], object] = lambda: None) -> ResultStatus:
    base = place.results.load_ledger(result.symbol, ids_to_load(result, entry), result.plan_id)
    recording = apply_all(result, base, entry)
    between()
    found: ResultStatus = place.results.record(result=result, base=base, recording=recording, entry=entry)
    return found


def hold(store: Any, state: PositionState, event_id: str = "h1") -> str:
    request = HoldRequest(
        reason=HoldReason.UNEXPLAINED,
        event_id=event_id,
        evidence_json=f'{{"id":"{event_id}"}}',
        fields={"why": "x"},
        next_ms=7,
    )
    found: str = store.hold(state, request)
    return found
