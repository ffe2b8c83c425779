"""A plan in the executor's hands, and when it is looked at next."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.demo.executor.journal import Claim
from p33_tasks.demo.plan_reader import PlanEntry
from p33_tasks.domain.models import Plan

SHORTEST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.1, 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A plan, where it was read, and how far it has come."""

    entry: PlanEntry
    plan: Plan
    claim: Claim

    @property
    def after_deadline_ms(self) -> int:
        """Since the order had to be at the venue; negative before that. Without a record of it: since the plan."""
        return self.claim.now_ms - (self.claim.place_before_ms or self.entry.added_ms)

    @property
    def pause_sec(self) -> float:
        """Until the next look: often at first, seldom later."""
        since_consumed_sec = max(0, self.after_deadline_ms + 5_000) / 1000
        return min(LONGEST_PAUSE_SEC, max(SHORTEST_PAUSE_SEC, since_consumed_sec / 4))
