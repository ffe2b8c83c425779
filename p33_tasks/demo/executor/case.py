"""A plan that the executor processes, and the time of its next attempt."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.demo.executor.journal import Claim
from p33_tasks.demo.plan_reader import PlanEntry
from p33_tasks.domain.models import Plan

SHORTEST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.1, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A plan, its stream entry, and its state."""

    entry: PlanEntry
    plan: Plan
    claim: Claim

    @property
    def after_deadline_ms(self) -> int:
        """Milliseconds since ``place_before_ms``, negative before it; without it, since the plan was added."""
        return self.claim.now_ms - (self.claim.place_before_ms or self.entry.added_ms)

    @property
    def pause_sec(self) -> float:
        """Seconds until the next attempt; the pauses increase."""
        since_consumed_sec = max(0, self.after_deadline_ms + 5_000) / 1000
        return min(LONGEST_PAUSE_SEC, max(SHORTEST_PAUSE_SEC, since_consumed_sec / 4))
