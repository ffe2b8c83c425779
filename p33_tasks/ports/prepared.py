"""Where forecasts come from, and prepared verdicts wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p33_tasks.domain.forecasts import Forecast
from p33_tasks.domain.models import Allow, Facts, Plan, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An allow that a plan would get if it came now."""

    plan: Plan  # the expected one: without a plan_id
    verdict: Allow
    facts: Facts
    policy: Policy  # the limits in force


class PreparedStore(Protocol):
    """Where forecasts come from, and prepared verdicts wait."""

    def forecasts(self) -> tuple[int, list[Forecast]]:
        """Redis TIME in ms, and the newest forecasts. Entries that can't be used are counted once, and ignored."""

    def save(self, prepared: Sequence[Prepared], *, policy_digest: str) -> None:
        """Keep allows for as long as their snapshots may be old, each in the place of the one before."""
