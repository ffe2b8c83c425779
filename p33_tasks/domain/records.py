"""Verdicts as they were kept: what was decided, and everything it was decided from."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.domain.models import Allow, Facts, Plan, Policy, Verdict

ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerdict:
    """An entry of the audit stream. Its texts may be another writer's."""

    entry_id: str
    plan: Plan
    facts: Facts | None  # None: it rests on none
    policy: Policy  # the limits of then
    verdict: Verdict | None  # None: the recorded text is not a verdict
    written: str  # the verdict letter by letter
    headline: str  # what the entry says of itself beside it: ``allow``, or the reason of a deny


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRecord:
    """An entry of the audit stream that this service can't have written."""

    entry_id: str
    problem: str


def outcome_of(verdict: Verdict) -> str:
    """A verdict in one word: ``allow``, or the reason of a deny."""
    return ALLOW if isinstance(verdict, Allow) else str(verdict.reason)
