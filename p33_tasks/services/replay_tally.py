"""Summary of replaying many verdicts: counts, the first differences, and changes by other limits.

A tally stays small for any stream: examples, symbols and texts are stored up to a limit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from p33_tasks.domain.models import Verdict
from p33_tasks.domain.quantities import ZERO, add, subtract
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord, outcome_of
from p33_tasks.services.replay import Finding, Replayed, allowed_qty

MAX_PLAN_IDS = 5
MAX_DIFFERENCES = 100
MAX_UNREADABLE = 5
MAX_SYMBOLS = 1_000
MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A verdict whose replay is different, or that other limits would have changed. Its texts are cut."""

    entry_id: str
    plan_id: str
    symbol: str
    changed: bool  # by the limits to try; else the replay is different
    recorded: str  # the outcome: ``allow`` or a reason
    recorded_qty: Decimal  # allowed, base units
    now: str  # the outcome of the replay, or with the limits to try; empty: not replayable
    now_qty: Decimal
    why: str = ""  # what differs
    recorded_text: str = ""  # the recorded verdict's text, if the replay is different
    now_text: str = ""


@dataclass(slots=True)
class Change:
    """What the limits to try would have changed, from one outcome to another."""

    count: int = 0
    plan_ids: list[str] = field(default_factory=list)  # the first few
    qty_by_symbol: dict[str, Decimal] = field(default_factory=dict)  # base units allowed in addition; negative: less
    not_summed: int = 0  # verdicts on further symbols

    def add(self, row: Row) -> None:
        """Count one verdict."""
        self.count += 1
        if len(self.plan_ids) < MAX_PLAN_IDS:
            self.plan_ids.append(row.plan_id)
        sums, besides_qty = self.qty_by_symbol, subtract(row.now_qty, row.recorded_qty)
        if besides_qty == 0:
            return
        if row.symbol in sums or len(sums) < MAX_SYMBOLS:
            sums[row.symbol] = add(sums.get(row.symbol, ZERO), besides_qty)
        else:
            self.not_summed += 1


@dataclass(slots=True)
class Tally:
    """The summary shown at the end of a replay."""

    same: int = 0
    different: int = 0
    unreadable: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)  # of verdicts whose replay is the same
    not_replayable: Counter[str] = field(default_factory=Counter)  # by reason
    differences: list[Row] = field(default_factory=list)  # the first
    unreadable_examples: list[UnreadableRecord] = field(default_factory=list)  # the first
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)  # outcome recorded, outcome to try

    @property
    def looked_at(self) -> int:
        """Number of entries of any kind."""
        return self.same + self.different + self.unreadable + sum(self.not_replayable.values())

    @property
    def changed(self) -> int:
        """Number of verdicts that the limits to try would have changed."""
        return sum(change.count for change in self.changes.values())

    def add_unreadable(self, record: UnreadableRecord) -> None:
        """Count an unreadable entry."""
        self.unreadable += 1
        if len(self.unreadable_examples) < MAX_UNREADABLE:
            self.unreadable_examples.append(record)

    def add(self, record: RecordedVerdict, replayed: Replayed) -> Row | None:
        """Count a verdict.

        Returns:
            A row if its replay is different or the limits to try would have changed it; else None.
        """
        if replayed.finding is Finding.NOT_REPLAYABLE:
            self.not_replayable[replayed.why] += 1
            return None
        if replayed.finding is Finding.DIFFERENT or replayed.again is None:
            self.different += 1
            row = _row(record, record.verdict, replayed.again, replayed)
            if len(self.differences) < MAX_DIFFERENCES:
                self.differences.append(row)
            return row
        self.same += 1
        self.outcomes[outcome_of(replayed.again)] += 1
        if not _is_changed(replayed.again, replayed.what_if):
            return None
        row = _row(record, replayed.again, replayed.what_if)
        self.changes.setdefault((row.recorded, row.now), Change()).add(row)
        return row


def _is_changed(before: Verdict, after: Verdict | None) -> bool:
    """Whether outcome or quantity differ; another limit in a deny's details is no change."""
    return after is not None and (outcome_of(before), allowed_qty(before)) != (outcome_of(after), allowed_qty(after))


def _row(
    record: RecordedVerdict, recorded: Verdict | None, now: Verdict | None, different: Replayed | None = None
) -> Row:
    return Row(
        entry_id=record.entry_id,
        plan_id=record.plan.plan_id[:MAX_NAME_CHARS],
        symbol=record.plan.symbol[:MAX_NAME_CHARS],
        changed=different is None,
        recorded="" if recorded is None else outcome_of(recorded),
        recorded_qty=ZERO if recorded is None else allowed_qty(recorded),
        now="" if now is None else outcome_of(now),
        now_qty=ZERO if now is None else allowed_qty(now),
        why="" if different is None else different.why,
        recorded_text="" if different is None else record.written[:MAX_TEXT_CHARS],
        now_text="" if different is None else different.written_again[:MAX_TEXT_CHARS],
    )
