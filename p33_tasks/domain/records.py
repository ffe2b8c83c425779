"""Recorded verdicts, with all their inputs."""

from __future__ import annotations

from dataclasses import dataclass

from p33_tasks.domain.models import Allow, Facts, Plan, Policy, Verdict

ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerdict:
    """An entry of the decision stream. Its texts may be foreign."""

    entry_id: str
    plan: Plan
    facts: Facts | None  # None: a deny that needs no facts
    policy: Policy  # the limits then in force
    verdict: Verdict | None  # None: the recorded text is not a verdict
    written: str  # the verdict's text as recorded
    headline: str  # the entry's separate field for the outcome: ``allow``, or the reason of a deny


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRecord:
    """An entry of the decision stream that this service can't have written."""

    entry_id: str
    problem: str


def outcome_of(verdict: Verdict) -> str:
    """A verdict's outcome in one word: ``allow``, or the reason of a deny."""
    return ALLOW if isinstance(verdict, Allow) else str(verdict.reason)
