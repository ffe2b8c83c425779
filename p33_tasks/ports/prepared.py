"""Port: forecasts, and the store of prepared verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from p33_tasks.domain.forecasts import Forecast
from p33_tasks.domain.models import Allow, Facts, Plan, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An allow that an expected plan would get now."""

    plan: Plan  # the expected one: without a plan_id
    verdict: Allow
    facts: Facts
    policy: Policy  # the limits in force


class PreparedStore(Protocol):
    """Reads forecasts and stores prepared verdicts."""

    def forecasts(self) -> tuple[int, list[Forecast]]:
        """Redis TIME in ms, and the newest forecasts. Unusable entries are ignored, and counted once."""

    def save(self, prepared: Sequence[Prepared], *, policy_digest: str) -> None:
        """Store allows until their snapshots are too old, each in place of the previous one for the same close."""
