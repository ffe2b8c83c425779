"""What the fakes of one account share: the state that the real stores keep in Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from p33_tasks.contract.keys import Keys
from p33_tasks.domain.executions import OrderRecord
from p33_tasks.domain.models import Ledger, MarketRules, Policy, Snapshot, SymbolLimits, Verdict
from p33_tasks.domain.statistics import Statistics
from p33_tasks.ports import Adapted, StreamEntry
from tests.factories import LIFE, NOW_MS, RUN_ID, SOURCE

KEYS = Keys("quantum")


@dataclass(kw_only=True)
class MemoryAccount:
    """One account, and the clock of its store."""

    policy: Policy
    now_ms: int = NOW_MS
    source: str = SOURCE
    run_id: str = RUN_ID
    life: str = LIFE
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)
    markets: dict[str, MarketRules] = field(default_factory=dict)
    market_problems: dict[str, str] = field(default_factory=dict)
    holds: dict[str, str] = field(default_factory=dict)  # symbol to an operator's reason
    service_holds: dict[str, str] = field(default_factory=dict)  # symbol to the service's own, as JSON
    limits: dict[str, SymbolLimits] = field(default_factory=dict)  # an operator's
    adapted: dict[str, Adapted] = field(default_factory=dict)  # the service's own cooldown
    statistics: dict[str, Statistics] = field(default_factory=dict)
    reserved: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)  # of each decided plan
    entries: dict[StreamEntry, Mapping[str, str]] = field(default_factory=dict)
    pending: set[StreamEntry] = field(default_factory=set)
    quantities: dict[str, dict[str, Decimal]] = field(default_factory=dict)  # symbol to order id to cumulative
    orders: dict[str, dict[str, OrderRecord]] = field(default_factory=dict)
    dead: list[tuple[StreamEntry, str, Mapping[str, str]]] = field(default_factory=list)
    snapshot_errors: Counter[str] = field(default_factory=Counter)
    is_market_refused: bool = False

    def limits_of(self, symbol: str, *, adaptive: bool = True) -> SymbolLimits:
        """What is stored for a symbol beside the configured limits."""
        operator = self.limits.get(symbol, SymbolLimits())
        own = self.adapted.get(symbol)
        if not adaptive or own is None or own.cooldown_ms is None:
            return operator
        return replace(
            operator,
            adaptive_cooldown_ms=own.cooldown_ms,
            adaptive_by=own.by,
            adaptive_base_ms=own.base_ms,
            adaptive_measured=own.measured,
        )

    def add(self, stream: str, fields: Mapping[str, str]) -> StreamEntry:
        """An entry that the group has read."""
        entry = StreamEntry(stream=stream, entry_id=f"{self.now_ms}-{len(self.entries)}")
        self.entries[entry] = fields
        self.pending.add(entry)
        return entry


class MemoryDeadLetters:
    """``ports.DeadLetters``."""

    def __init__(self, account: MemoryAccount) -> None:
        self._account = account

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        self._account.dead.append((entry, error, fields))
        self._account.pending.discard(entry)
