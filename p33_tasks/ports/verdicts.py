"""Port: facts for verdicts, and the store that commits verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from p33_tasks.domain.models import Facts, Leg, Plan, Policy, Verdict
from p33_tasks.errors import StoreError
from p33_tasks.ports.streams import StreamEntry


class CommitStatus(StrEnum):
    """The outcome of a commit."""

    COMMITTED = "committed"
    EXISTS = "exists"  # the plan has a verdict already; the stream entry was acknowledged
    MOVED = "moved"  # the facts changed since they were loaded; nothing was written


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanName:
    """A task message's statement about its stream entry. The entry's own fields decide."""

    plan_id: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEntry:
    """A plan's stream entry, read together with the facts."""

    facts: Mapping[Leg, Facts]  # for BOTH, in hedge mode also for the legs; empty: the plan_id has a verdict already
    time_ms: int  # start of its age: the earlier of its id's time and its first reading
    fields: Mapping[str, str | list[str]] | None  # None: the stream doesn't contain it
    is_pending: bool  # if not in the stream: whether it is on the group's pending list

    def facts_of(self, plan: Plan) -> Facts | None:
        """The facts of the plan's position: in one-way mode the symbol's, also if the plan names a side.

        None if a verdict on its plan_id exists already.
        """
        return self.facts.get(plan.position_side) or self.facts.get(Leg.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict to commit, with its inputs."""

    plan: Plan
    verdict: Verdict
    facts: Facts | None  # the facts it was evaluated on; None only for a deny that needs none
    policy: Policy  # the limits; for an allow they are checked again by TIME
    entry: StreamEntry | None  # to acknowledge; None for a plan sent as a task
    evaluation_us: int  # microseconds spent evaluating, for the histogram


class VerdictStore(Protocol):
    """Loads facts and commits verdicts."""

    def load(self, plan: Plan) -> Facts | None:
        """All facts for a plan, read at one moment; None if a verdict on its plan_id exists already."""

    def load_entry(self, name: PlanName, entry: StreamEntry) -> LoadedEntry:
        """All facts for the plan that a message names, and its stream entry, read at one moment."""

    def load_each(self, plans: Sequence[Plan]) -> list[Facts | StoreError | None]:
        """As ``load``, for several plans together; an error of one plan is its element of the result."""

    def load_entries(self, named: Sequence[tuple[PlanName, StreamEntry]]) -> list[LoadedEntry | StoreError]:
        """As ``load_entry``, for several together; an error of one plan is its element of the result."""

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off the pending list."""

    def ask_refresh(self, now_ms: int) -> None:
        """Have the next refresh request positions even if this tick's request was made already."""

    def promote_each(
        self, plans: Sequence[tuple[Plan, StreamEntry]], policy: Policy, *, policy_digest: str
    ) -> list[tuple[CommitStatus, str] | StoreError]:
        """Commit prepared verdicts for these plans, if the facts and limits they depend on haven't changed.

        One round trip for all plans, in this order. ``MOVED``: no prepared verdict is valid, the plan becomes a task.

        Args:
            plans: Well-formed, reduce-only, with a known close factor; each with its entry to acknowledge.
            policy: The configured limits of this process.
            policy_digest: This process's digest, see ``contract.prepared.policy_digest``.

        Returns:
            For each plan the outcome, and the decision's JSON if it was committed.
        """

    def commit_each(self, rulings: Sequence[Ruling]) -> list[CommitStatus | StoreError]:
        """As ``commit``, for several in one round trip: each separately, in this order."""

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
        """Write decision, permit, reservation, audit and counters, and acknowledge the entry: all or nothing.

        Args:
            plan: The plan.
            verdict: The verdict.
            facts: The facts it was evaluated on; None only for a deny that needs none.
            policy: The limits; for an allow they are checked again by ``TIME``.
            entry: The stream entry to acknowledge; None for a plan sent as a task.
            evaluation_us: Microseconds spent evaluating, for the histogram.
        """
