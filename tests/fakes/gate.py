"""A whole account in memory, with the words of ``tests.support.gate.Gate`` as far as both are used alike."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from p33_tasks.domain import exact_json
from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.models import Ledger, Plan, Policy, Position, Snapshot, SymbolLimits
from p33_tasks.domain.statistics import Statistics
from p33_tasks.ports import StreamEntry
from p33_tasks.services.issue_permit import PermitService
from tests.factories import SYMBOL, make_market
from tests.fakes.account import KEYS, MemoryAccount, MemoryDeadLetters
from tests.fakes.adaptive import MemoryAdaptiveStore
from tests.fakes.budget import MemoryBudget
from tests.fakes.results import MemoryResultStore
from tests.fakes.snapshots import MemorySnapshotStore
from tests.fakes.verdicts import MemoryVerdictStore

OTHER = "ETHUSDT"


class MemoryGate:
    """Stores over one account."""

    def __init__(self) -> None:
        self.policy = Policy(allowlist=frozenset({SYMBOL, OTHER}))
        self.account = MemoryAccount(policy=self.policy)
        self.keys = KEYS
        self.verdicts = MemoryVerdictStore(self.account)
        self.results = MemoryResultStore(self.account)
        self.snapshots = MemorySnapshotStore(self.account)
        self.dead_letters = MemoryDeadLetters(self.account)
        self.permits = PermitService(self.verdicts, self.dead_letters, self.policy)
        self.adaptive = MemoryAdaptiveStore(self.account)
        self.budget = self.make_budget(own_weight=1_200)

    def make_budget(self, *, own_weight: int) -> MemoryBudget:
        return MemoryBudget(self.account, own_weight=own_weight, venue_weight=2_280)

    def release(self) -> None:
        self.account.reserved.pop(SYMBOL, None)

    def now_ms(self) -> int:
        return self.account.now_ms

    @property
    def run_id(self) -> str:
        return self.account.run_id

    @property
    def life(self) -> str:
        return self.account.life

    @property
    def source(self) -> str:
        return self.account.source

    def put_position(self, amount: str = "0.040", *, symbol: str = SYMBOL, age_ms: int = 0) -> str:
        self.account.now_ms += 1  # as time goes by between two refreshes
        snapshot = Snapshot(
            position=Position(symbol=symbol, position_amt=Decimal(amount)),
            ts_ms=self.now_ms() - age_ms,
            source=self.source,
            run_id=self.run_id,
            life=self.life,
        )
        return self.snapshots.put_snapshots([snapshot])[symbol]

    def put_ledger(self, amount: str = "0.040", *, symbol: str = SYMBOL) -> None:
        self.account.ledgers[symbol] = Ledger(symbol=symbol, last_known_amt=Decimal(amount))

    def make_ready(self, amount: str = "0.040") -> MemoryGate:
        self.put_ledger(amount)
        self.put_position(amount)
        self.account.markets[SYMBOL] = make_market()
        return self

    def hold(self) -> None:
        self.account.holds[SYMBOL] = "x"

    def hold_by_service(self) -> None:
        self.account.service_holds[SYMBOL] = exact_json.dumps({"reason": HoldReason.UNEXPLAINED})

    def limit(self, cooldown_sec: int) -> None:
        self.account.limits[SYMBOL] = SymbolLimits(cooldown_ms=cooldown_sec * 1_000)

    def learn(self, statistics: Statistics) -> None:
        self.account.statistics[SYMBOL] = statistics

    def reserve(self, plan_id: str) -> None:
        self.account.reserved[SYMBOL] = plan_id

    def reserved_by(self) -> str | None:
        return self.account.reserved.get(SYMBOL)

    def ledger_amt(self, symbol: str = SYMBOL) -> str | None:
        ledger = self.account.ledgers.get(symbol)
        return (
            None if ledger is None or ledger.last_known_amt is None else format(ledger.last_known_amt.normalize(), "f")
        )

    def plan(self, plan_id: str = "plan-1", **changes: Any) -> Plan:
        fields: dict[str, Any] = {"symbol": SYMBOL, "action": "CLOSE_PARTIAL_75", "issued_ms": self.now_ms(), **changes}
        fields.setdefault("close_factor", close_factor(fields["action"]))
        return Plan(plan_id=plan_id, **fields)

    def publish(self, plan_id: str = "plan-1", **changes: Any) -> tuple[Plan, StreamEntry]:
        plan = self.plan(plan_id, **changes)
        fields = {"plan_id": plan_id, "symbol": plan.symbol, "action": plan.action, "decision": "EXECUTE"}
        return plan, self.account.add(KEYS.plans, fields)

    def publish_result(self, plan_id: str = "plan-1") -> StreamEntry:
        return self.account.add(KEYS.results, {"plan_id": plan_id})

    def trim(self, entry: StreamEntry) -> None:
        del self.account.entries[entry]

    def pending(self, stream: str) -> int:
        return sum(entry.stream == stream for entry in self.account.pending)

    def next_tick(self) -> None:
        self.account.now_ms += self.policy.poll_ms
