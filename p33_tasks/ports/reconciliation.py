"""Port: what reconciliation reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.late_breaches import LateBreach, PlanExecution
from p33_tasks.domain.models import Ledger, Leg, Snapshot
from p33_tasks.domain.reconciliation import Account, Known, Watermark


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """What is stored about a claimed position, with the claim."""

    symbol: str
    leg: Leg
    position: str  # the position key
    is_of_mode: bool  # whether the symbol's latest snapshot has this position
    token: str
    now_ms: int  # Redis TIME
    life: str
    snapshot: Snapshot | None
    ledger: Ledger | None
    origin_text: str | None
    reserved_by: str | None
    hold_text: str | None  # the service's own hold, as stored
    watermark: Watermark | None
    case: Mapping[str, str]  # what was tried so far
    as_stored: Mapping[str, str]  # the fields that a write compares again


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What to write after one reading: reconciliation's own keys only."""

    event: str = ""  # the event's name, '' for none
    event_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)  # of the event
    case: Mapping[str, str] = field(default_factory=dict)  # '' deletes a field
    watermark: Watermark | None = None
    is_new_drift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """A hold to set."""

    reason: HoldReason
    event_id: str
    evidence_json: str  # the evidence for the reason
    fields: Mapping[str, str]  # of the event
    next_ms: int


class ReconcileStore(Protocol):
    """Reads and writes what reconciliation needs. Writes return ``lost`` (``note``: False) if the claim was lost."""

    def claim(self, symbol: str, leg: Leg) -> PositionState | None:
        """Claim a position: one claim per account; None while another task has it. Raises CorruptStateError."""

    def release(self, state: PositionState) -> None:
        """Give the claim back."""

    def known(self, state: PositionState, order_ids: Iterable[str], trade_ids: Iterable[str]) -> Known:
        """The ledger, and what was applied of these orders and trades."""

    def own_orders(self, symbol: str, since_ms: int) -> Mapping[str, str]:
        """Client order id to plan_id, of plans allowed since then (ms) and consumed."""

    def note(self, state: PositionState, note: Note) -> bool:
        """Write a note; False if the claim was lost."""

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        """Apply what the ledger lacks, all or nothing: ``repaired``, ``moved`` or ``lost``."""

    def plans(self, symbol: str, plan_ids: Iterable[str]) -> Mapping[str, PlanExecution]:
        """What these plans' allows permit, and what is stored about their orders, by plan_id."""

    def count_breaches(self, state: PositionState, breaches: Sequence[LateBreach], known: Known) -> str:
        """Count breaches of permits, and hold the position: ``counted``, ``moved`` or ``lost``."""

    def hold(self, state: PositionState, request: HoldRequest) -> str:
        """Hold the position: ``held``, ``known`` (held before), ``moved`` or ``lost``."""

    def settle(self, state: PositionState, note: Note) -> str:
        """Count an agreement under a hold: ``agreed``, ``released``, ``differs`` or ``lost``."""

    def due(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The keys of these symbols' positions that are due for reconciliation, the most urgent first."""


class DriftBudget(Protocol):
    """The request weight of one drift."""

    def begin(self) -> None:
        """Start a new drift, with its full weight."""
