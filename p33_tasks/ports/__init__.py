"""Protocols of what the services need from outside, without its implementation.

``store`` (Redis) and ``venues`` implement them. Services depend on the protocols only; their tests use implementations
in memory.
"""

from p33_tasks.ports.adaptive import Adapted, AdaptiveStore, Observed
from p33_tasks.ports.notifications import Notifications, ReconcileEvent
from p33_tasks.ports.prepared import Prepared, PreparedStore
from p33_tasks.ports.reconciliation import DriftBudget, HoldRequest, Note, PositionState, ReconcileStore
from p33_tasks.ports.resting import RestingClaim, RestingStore
from p33_tasks.ports.results import ExecutionResult, LedgerState, ResultReader, ResultStatus, ResultStore
from p33_tasks.ports.snapshots import Claim, MarketsLoaded, RefreshClaim, SnapshotStore
from p33_tasks.ports.streams import DeadLetters, StreamEntry
from p33_tasks.ports.venue import MarketReport, PositionReport, RequestBudget, Venue
from p33_tasks.ports.verdicts import CommitStatus, LoadedEntry, PlanName, Ruling, VerdictStore

__all__ = [
    "Adapted",
    "AdaptiveStore",
    "Claim",
    "CommitStatus",
    "DeadLetters",
    "DriftBudget",
    "ExecutionResult",
    "HoldRequest",
    "LedgerState",
    "LoadedEntry",
    "MarketReport",
    "MarketsLoaded",
    "Note",
    "Notifications",
    "Observed",
    "PlanName",
    "PositionReport",
    "PositionState",
    "Prepared",
    "PreparedStore",
    "ReconcileEvent",
    "ReconcileStore",
    "RefreshClaim",
    "RequestBudget",
    "RestingClaim",
    "RestingStore",
    "ResultReader",
    "ResultStatus",
    "ResultStore",
    "Ruling",
    "SnapshotStore",
    "StreamEntry",
    "Venue",
    "VerdictStore",
]
