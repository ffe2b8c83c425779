"""What came of replaying many verdicts: counts, the first differences, and what other limits would have changed.

Whatever the stream holds, a tally stays small: examples, symbols and differences are kept up to a number, and counted
beyond it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from p33_tasks.domain.quantities import add, subtract
from p33_tasks.domain.records import RecordedVerdict, UnreadableRecord, outcome_of
from p33_tasks.services.replay import Finding, Replayed, allowed_qty

MAX_PLAN_IDS = 5
MAX_DIFFERENCES = 100
MAX_UNREADABLE = 5
MAX_SYMBOLS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A verdict that did not come out as it was recorded."""

    record: RecordedVerdict
    replayed: Replayed


@dataclass(slots=True)
class Change:
    """What the limits to try would have changed, from one outcome to another."""

    count: int = 0
    plan_ids: list[str] = field(default_factory=list)  # the first few
    qty_by_symbol: dict[str, Decimal] = field(default_factory=dict)  # base units allowed besides, negative: no longer
    symbols_left_out: int = 0  # verdicts whose symbol is one too many to sum up

    def add(self, record: RecordedVerdict, difference_qty: Decimal) -> None:
        """Count one verdict."""
        self.count += 1
        if len(self.plan_ids) < MAX_PLAN_IDS:
            self.plan_ids.append(record.plan.plan_id)
        symbol, sums = record.plan.symbol, self.qty_by_symbol
        if difference_qty == 0:
            return
        if symbol in sums or len(sums) < MAX_SYMBOLS:
            sums[symbol] = add(sums.get(symbol, Decimal(0)), difference_qty)
        else:
            self.symbols_left_out += 1


@dataclass(slots=True)
class Tally:
    """Everything that is told at the end."""

    same: int = 0
    different: int = 0
    unreadable: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)  # as recorded, of those that come out the same
    not_replayable: Counter[str] = field(default_factory=Counter)  # by reason
    differences: list[Difference] = field(default_factory=list)  # the first
    unreadable_examples: list[UnreadableRecord] = field(default_factory=list)  # the first
    changes: dict[tuple[str, str], Change] = field(default_factory=dict)  # outcome as recorded, outcome to try

    @property
    def looked_at(self) -> int:
        """Entries of any kind."""
        return self.same + self.different + self.unreadable + sum(self.not_replayable.values())

    @property
    def changed(self) -> int:
        """Verdicts that the limits to try would have changed."""
        return sum(change.count for change in self.changes.values())

    def add_unreadable(self, record: UnreadableRecord) -> None:
        """Count an entry of another writer."""
        self.unreadable += 1
        if len(self.unreadable_examples) < MAX_UNREADABLE:
            self.unreadable_examples.append(record)

    def add(self, record: RecordedVerdict, replayed: Replayed) -> None:
        """Count a verdict."""
        if replayed.finding is Finding.NOT_REPLAYABLE:
            self.not_replayable[replayed.why] += 1
        elif replayed.finding is Finding.DIFFERENT or replayed.again is None:
            self.different += 1
            if len(self.differences) < MAX_DIFFERENCES:
                self.differences.append(Difference(record=record, replayed=replayed))
        else:
            self.same += 1
            self.outcomes[outcome_of(replayed.again)] += 1
            if is_changed(replayed):
                self._add_change(record, replayed)

    def _add_change(self, record: RecordedVerdict, replayed: Replayed) -> None:
        before, after = replayed.again, replayed.what_if
        if before is None or after is None:
            raise AssertionError("a change without both of its ends")
        change = self.changes.setdefault((outcome_of(before), outcome_of(after)), Change())
        change.add(record, subtract(allowed_qty(after), allowed_qty(before)))


def is_changed(replayed: Replayed) -> bool:
    """Whether the limits to try change the outcome or the quantity; other numbers in a deny's details don't count."""
    before, after = replayed.again, replayed.what_if
    if before is None or after is None:
        return False
    return outcome_of(before) != outcome_of(after) or allowed_qty(before) != allowed_qty(after)
