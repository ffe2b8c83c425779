"""The symbols: those that need an operator first, then those with a position, then the flat ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from p33_tasks.domain.models import Deny, Policy
from p33_tasks.domain.reasons import Reason
from p33_tasks.views.positions import SymbolView

SHOWN = 40
"""Rows of a group, unless all are requested."""
_PASSING = frozenset({Reason.COOLDOWN_IN_FLIGHT, Reason.PERMIT_IN_FLIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One position, and the verdict that the rules would give now."""

    view: SymbolView
    reason: Reason | None  # the deny reason of a plan to close all of it; None: it would be allowed
    policy: Policy  # including the symbol's own limits
    left_ms: int  # time left of the cooldown
    is_fresh: bool  # the snapshot is younger than the limit
    drifted: bool  # the drift exceeds the tolerance

    @property
    def awaits_snapshot(self) -> bool:
        """The snapshot is fresh, and older than the last order or consumption: the next refresh ends it."""
        return self.reason is Reason.STALE_EXCHANGE_STATE and self.is_fresh

    @property
    def close_now(self) -> str:
        """The verdict on a plan to close all of it, as text."""
        if self.awaits_snapshot:
            return "waits for a snapshot after the last order"
        return "allowed" if self.reason is None else str(self.reason)

    @property
    def kind(self) -> str:
        """``go``, ``wait`` (ends by itself), ``none`` (flat) or ``stop`` (needs an operator)."""
        if self.reason is None:
            return "go"
        if self.reason in _PASSING or self.awaits_snapshot:
            return "wait"
        return "none" if self.reason is Reason.NO_POSITION else "stop"


def row_of(view: SymbolView, policy: Policy) -> Row:
    """Apply the rules to a position."""
    verdict, age_ms, drift_pct = view.gate(policy), view.snapshot_age_ms, view.drift_pct
    mine = view.policy_in_force(policy)
    return Row(
        view=view,
        reason=verdict.reason if isinstance(verdict, Deny) else None,
        policy=mine,
        left_ms=view.cooldown_left_ms(policy),
        is_fresh=age_ms is not None and 0 <= age_ms <= mine.stale_threshold_ms,
        drifted=drift_pct is not None and drift_pct > mine.qty_tolerance_pct,
    )


def headline(rows: Sequence[Row]) -> str:
    """The number of positions of each kind, as text."""
    names = (("stop", "stopped"), ("go", "would allow"), ("wait", "waiting"), ("none", "flat"))
    counts = {kind: sum(1 for row in rows if row.kind == kind) for kind, _ in names}
    return ", ".join(f"{counts[kind]} {name}" for kind, name in names if counts[kind])
