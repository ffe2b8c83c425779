"""Replay recorded verdicts: each is a pure function of its recorded inputs, so the result must be the same.

With other limits, a replay shows what the same plan would have got on the same facts. This is a what-if for each
verdict alone: effects of a changed verdict on later ones are not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Plan, Policy, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.records import RecordedVerdict, outcome_of

WriteVerdict = Callable[[Plan, Verdict, Facts, Policy], str]
"""Gives the exact text of a recorded verdict."""

WITHOUT_FACTS: dict[str, str] = {
    str(Reason.PLAN_ABANDONED): "the executor gave up before a rule was asked",
    str(Reason.CONTENTION): "the facts kept moving, so none were agreed on",
    str(Reason.INTERNAL_ERROR): "no evaluation was finished; the worker's log says why",
    str(Reason.INVALID_PLAN): "denied on reading: there was no plan to judge",
}
"""Denies that don't follow from facts, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits to try; None: as recorded."""

    qty_tolerance_pct: Decimal | None = None
    position_epsilon: Decimal | None = None
    cooldown_ms: int | None = None
    stale_threshold_ms: int | None = None
    plan_max_age_ms: int | None = None

    def given(self) -> dict[str, Any]:
        """The limits to try that are given, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


class Finding(StrEnum):
    """The outcome of a replay."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_REPLAYABLE = "not_replayable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replayed verdict."""

    finding: Finding
    why: str = ""  # not replayable: the reason; different: what differs
    again: Verdict | None = None  # with the recorded limits; None if not replayable
    written_again: str = ""  # its text, if it is different
    what_if: Verdict | None = None  # with the limits to try; only if the replay is the same


def replay(record: RecordedVerdict, write: WriteVerdict, limits: Limits | None = None) -> Replayed:
    """Evaluate one recorded verdict again, and compare the text with the recorded one.

    Args:
        record: The entry of the decision stream.
        write: Gives the text of a verdict as it is recorded.
        limits: Limits to try in addition; None to compare only.
    """
    verdict, facts = record.verdict, record.facts
    denied_for = verdict.reason if isinstance(verdict, Deny) else None
    headline_matches = verdict is None or outcome_of(verdict) == record.headline
    # An internal error comes from the process, not from the facts.
    if headline_matches and (denied_for is Reason.INTERNAL_ERROR or (facts is None and denied_for in WITHOUT_FACTS)):
        return Replayed(finding=Finding.NOT_REPLAYABLE, why=str(denied_for))
    if facts is None:
        problem = "it rests on no facts, and this verdict needs them" if headline_matches else _contradiction(record)
        return Replayed(finding=Finding.DIFFERENT, why=problem)
    again = _judged(record.plan, facts, record.policy)
    written_again = write(record.plan, again, facts, record.policy)
    problem = _difference(record, again, written_again)
    if problem:
        return Replayed(finding=Finding.DIFFERENT, why=problem, again=again, written_again=written_again)
    what_if = None if limits is None else _judged(record.plan, facts, replace(record.policy, **limits.given()))
    return Replayed(finding=Finding.SAME, again=again, what_if=what_if)


def allowed_qty(verdict: Verdict) -> Decimal:
    """The quantity that a verdict permits, base units; 0 for a deny."""
    return verdict.safe_close_qty if isinstance(verdict, Allow) else Decimal(0)


def _judged(plan: Plan, facts: Facts, policy: Policy) -> Verdict:
    try:
        return evaluate(plan, facts, policy)
    except Exception as error:  # noqa: BLE001 - as in the service: any error is a deny
        return Deny(reason=Reason.INTERNAL_ERROR, details={"error": type(error).__name__})


def _difference(record: RecordedVerdict, again: Verdict, written_again: str) -> str:
    """What is different; empty if nothing is."""
    if record.verdict is None:
        return "what was recorded is not a verdict"
    if outcome_of(record.verdict) != record.headline:
        return _contradiction(record)
    if record.written == written_again:
        return ""
    if outcome_of(record.verdict) != outcome_of(again):
        return "the outcome"
    if allowed_qty(record.verdict) != allowed_qty(again):
        return "the quantity"
    return "the numbers" if record.verdict != again else "the plan, the time or the spelling"


def _contradiction(record: RecordedVerdict) -> str:
    found = outcome_of(record.verdict) if record.verdict is not None else "nothing"
    return f"the entry contradicts itself: it says {record.headline!r:.80}, its verdict {found}"
