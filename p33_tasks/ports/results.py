"""Port: results of executors, and the store that applies their fills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from p33_tasks.domain.executions import Recording
from p33_tasks.domain.models import Fill, Leg
from p33_tasks.ports.streams import StreamEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """An executor's result of one plan, the same for all dialects."""

    plan_id: str
    symbol: str
    executed: bool
    fills: tuple[Fill, ...] = ()  # one per order id named, also with quantity 0
    rejected: bool = False  # outcome=rejected: the venue refused the order for certain
    unknown: bool = False  # outcome=unknown: the order may have been executed, or more of it may be
    consume_id: str | None = None  # shows which consumption a rejection belongs to
    errors: tuple[str, ...] = ()  # error texts of the executor or the venue, as written
    problems: tuple[str, ...] = ()  # what could not be read, or contradicts itself
    as_read: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # the entry, readable
    repeats: str = ""  # of a dead letter that was put back: the id of its first entry

    @property
    def is_open(self) -> bool:
        """Whether a quantity was executed and more of the plan's orders may still be executed."""
        return self.executed and (self.unknown or any(fill.is_open for fill in self.fills))

    @property
    def is_unreadable(self) -> bool:
        """Whether an order may have been executed that ``fills`` doesn't contain, or not completely."""
        return bool(self.problems) or (self.executed and not self.fills)

    def first_entry(self, entry: StreamEntry) -> StreamEntry:
        """The result's first entry; its time decides whether a snapshot is older or younger."""
        return replace(entry, entry_id=self.repeats) if self.repeats else entry


class ResultReader(Protocol):
    """Reads orders as the venue or ccxt writes them (CONTRACT section 4)."""

    @property
    def order_fields(self) -> tuple[str, ...]:
        """The names of an order's fields in the venue's and ccxt's form."""

    @property
    def own_fields(self) -> tuple[str, ...]:
        """Those of them that occur only in orders written by the venue."""

    def venue_symbol(self, symbol: str) -> str:
        """The venue's id of a symbol in ccxt's form; any other text unchanged."""

    def read_order(self, order: Mapping[str, object]) -> Fill | None:
        """A fill in base units with the trade's side, from an order of the venue or ccxt; None if it has no order id.

        Raises:
            InvalidMessageError: It can't be read for certain.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """The stored state that a result is applied to; recording compares it again."""

    last_known_amt_text: str | None  # as stored, to compare and set
    remembered: Mapping[str, str]  # the fills memory: order id to cumulative quantity, as stored
    origin_text: str | None  # fetch time (ms) of the ledger's first snapshot, as stored; "0": it began without one
    orders: Mapping[str, str] = field(default_factory=dict)  # order id to its record, as stored
    decision_text: str | None = None  # the plan's decision, as stored
    executed_text: str | None = None  # executed quantity per order of the plan, as stored
    step_size_text: str | None = None  # of the symbol, as stored
    mode_text: str | None = None  # the symbol's position mode, as stored
    position_side: Leg | None = Leg.BOTH  # the ledger's leg; None: the result can't be booked to any position
    opposite_amt_text: str | None = None  # of the other leg's ledger, if this is a leg's; as stored
    opposite_origin_text: str | None = None  # of the other leg's ledger, as stored


class ResultStatus(StrEnum):
    """The outcome of recording a result."""

    RECORDED = "recorded"
    ALREADY = "already"  # acknowledged before; nothing was written
    MOVED = "moved"  # the ledger changed since it was read; read it again


class ResultStore(Protocol):
    """Applies fills to ledgers."""

    def refuse_markets(self) -> None:
        """Have the next refresh fetch the market rules: the venue refused an order for its quantity or symbol."""

    def load_ledger(
        self, symbol: str, order_ids: Iterable[str], plan_id: str, named: frozenset[Leg] = frozenset()
    ) -> LedgerState:
        """Read the state that fills are applied to, in one round trip.

        Args:
            symbol: The venue's id.
            order_ids: The order ids in the result.
            plan_id: The plan.
            named: The legs that the result's orders name.
        """

    def record(
        self, *, result: ExecutionResult, base: LedgerState, recording: Recording, entry: StreamEntry
    ) -> ResultStatus:
        """Write ledger, fills memory, cooldown, reservation and counters, and acknowledge the entry: all or nothing."""
