"""Where positions are reconciled."""

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
    """What is known of a position when it is reconciled, and the one right to do it."""

    symbol: str
    leg: Leg
    position: str  # the key of both
    is_of_mode: bool  # the symbol's latest snapshot has this position
    token: str
    now_ms: int  # Redis TIME
    life: str
    snapshot: Snapshot | None
    ledger: Ledger | None
    origin_text: str | None
    reserved_by: str | None
    hold_text: str | None  # the service's own
    watermark: Watermark | None
    case: Mapping[str, str]  # what was tried so far
    as_stored: Mapping[str, str]  # letter by letter, to be compared again


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What to write down of one reading: this service's own keys only."""

    event: str = ""  # what happened, '' for nothing
    event_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)  # of the event
    case: Mapping[str, str] = field(default_factory=dict)  # '' forgets a field
    watermark: Watermark | None = None
    is_new_drift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """A hold to be set."""

    reason: HoldReason
    event_id: str
    evidence_json: str  # what the reason rests on
    fields: Mapping[str, str]  # of the event
    next_ms: int


class ReconcileStore(Protocol):
    """Where positions are reconciled."""

    def claim(self, symbol: str, leg: Leg) -> PositionState | None:
        """Take the account's one right to reconcile; None while somebody has it. Raises CorruptStateError."""

    def release(self, state: PositionState) -> None:
        """Give it back."""

    def known(self, state: PositionState, order_ids: Iterable[str], trade_ids: Iterable[str]) -> Known:
        """What was applied of some orders and trades."""

    def own_orders(self, symbol: str, since_ms: int) -> Mapping[str, str]:
        """Client order ids of the plans that were allowed since then and consumed, each with its plan_id."""

    def note(self, state: PositionState, note: Note) -> bool:
        """Write a note; False when the right was lost."""

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        """Apply what the ledger lacks: ``repaired``, ``moved`` or ``lost``. All of it or nothing."""

    def plans(self, symbol: str, plan_ids: Iterable[str]) -> Mapping[str, PlanExecution]:
        """What some plans were allowed, and what is on record of their orders."""

    def count_breaches(self, state: PositionState, breaches: Sequence[LateBreach], known: Known) -> str:
        """Count orders beyond their permits, and hold the position: ``counted``, ``moved`` or ``lost``."""

    def hold(self, state: PositionState, request: HoldRequest) -> str:
        """Hold the position: ``held``, ``known``, ``moved`` or ``lost``."""

    def settle(self, state: PositionState, note: Note) -> str:
        """Count an agreement under a hold: ``agreed``, ``released``, ``differs`` or ``lost``."""

    def due(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The positions of these symbols that have to be reconciled now, the most urgent first."""


class DriftBudget(Protocol):
    """The request weight of one drift."""

    def begin(self) -> None:
        """A new drift: it may use its weight again."""
