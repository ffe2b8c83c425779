"""Where verdicts are made final."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from p33_tasks.domain.models import Facts, Leg, Plan, Policy, Verdict
from p33_tasks.errors import StoreError
from p33_tasks.ports.streams import StreamEntry


class CommitStatus(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    EXISTS = "exists"  # a first verdict stands; the stream entry was acknowledged
    MOVED = "moved"  # the facts are not the evaluated ones any more; nothing was written


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanName:
    """What a message says of the stream entry that it stands for. The entry has the last word."""

    plan_id: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEntry:
    """A plan's stream entry, read together with the facts."""

    facts: Mapping[Leg, Facts]  # of BOTH, in hedge mode of the legs too; none: the plan_id has a verdict already
    time_ms: int  # what its age counts from: the earlier of its id's time and its first reading
    fields: Mapping[str, str | list[str]] | None  # None: it isn't in the stream
    is_pending: bool  # where it isn't in the stream: the group has read it, and nobody acknowledged it

    def facts_of(self, plan: Plan) -> Facts | None:
        """Facts of the position that a plan is about: in one-way mode the symbol's, whatever side it names.

        None when a verdict on its plan_id exists already.
        """
        return self.facts.get(plan.position_side) or self.facts.get(Leg.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict that is to be made final, and what it rests on."""

    plan: Plan
    verdict: Verdict
    facts: Facts | None  # what it was decided from; None only for a deny that rests on no facts
    policy: Policy  # the limits; checked again by TIME for an allow
    entry: StreamEntry | None  # to be acknowledged; None for a plan that came as a task
    evaluation_us: int  # microseconds spent evaluating, for the histogram


class VerdictStore(Protocol):
    """Where verdicts are made final."""

    def load(self, plan: Plan) -> Facts | None:
        """All facts for a plan in one round trip; None when a verdict on its plan_id exists already."""

    def load_entry(self, name: PlanName, entry: StreamEntry) -> LoadedEntry:
        """All facts for the plan that a message names, and its stream entry, in one round trip."""

    def load_each(self, plans: Sequence[Plan]) -> list[Facts | StoreError | None]:
        """As ``load``, for several plans in one round trip; what is wrong with one is that one's."""

    def load_entries(self, named: Sequence[tuple[PlanName, StreamEntry]]) -> list[LoadedEntry | StoreError]:
        """The same for several plans, in one round trip for all of them; what is wrong with one is that one's."""

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off the pending list."""

    def ask_refresh(self, now_ms: int) -> None:
        """Let the next refresh request positions, also where this tick's request was made already."""

    def promote_each(
        self, plans: Sequence[tuple[Plan, StreamEntry]], policy: Policy, *, policy_digest: str
    ) -> list[tuple[CommitStatus, str] | StoreError]:
        """Make the verdicts final that were prepared for such plans, where all that they rest on still stands.

        One round trip for all plans, in this order. ``MOVED`` where nothing fits: the plan goes the ordinary way.

        Args:
            plans: Well-formed, reduce-only, with a known close factor; each with its entry, to be acknowledged.
            policy: The configured limits of the process that promotes.
            policy_digest: Of them, and of all else that it judges by.

        Returns:
            For each the outcome, and the decision's JSON where it was committed.
        """

    def commit_each(self, rulings: Sequence[Ruling]) -> list[CommitStatus | StoreError]:
        """As ``commit``, for several: each by itself and in this order, in one round trip for all of them."""

    def commit(
        self,
        *,
        plan: Plan,
        verdict: Verdict,
        facts: Facts | None,
        policy: Policy,
        entry: StreamEntry | None,
        evaluation_us: int,
    ) -> CommitStatus:
        """Write decision, permit, reservation, audit and counters, and acknowledge the entry: all of it or nothing.

        Args:
            plan: The plan that was judged.
            verdict: What was decided.
            facts: What it was decided from; None only for a deny that rests on no facts.
            policy: The limits; checked again by ``TIME`` for an allow.
            entry: The stream entry to acknowledge, None for a plan that came as a task.
            evaluation_us: Microseconds spent evaluating, for the histogram.
        """
