"""What executors reported, and where their fills are applied."""

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
    """What an apply layer reported about one plan, whatever dialect it spoke."""

    plan_id: str
    symbol: str
    executed: bool
    fills: tuple[Fill, ...] = ()  # every order id named, also with quantity 0
    rejected: bool = False  # outcome=rejected: the venue refused the order for certain
    unknown: bool = False  # outcome=unknown: the order may have been executed, or more of it may be
    consume_id: str | None = None  # proves which consumption a rejection belongs to
    errors: tuple[str, ...] = ()  # what the executor or the venue said went wrong, as written
    problems: tuple[str, ...] = ()  # what could not be read, or contradicts itself
    as_read: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)  # the entry, readable
    repeats: str = ""  # a dead letter that was put back: the id of the entry that it first came in

    @property
    def is_open(self) -> bool:
        """Whether a quantity was executed, and more of the plan's orders may be."""
        return self.executed and (self.unknown or any(fill.is_open for fill in self.fills))

    @property
    def is_unreadable(self) -> bool:
        """Whether an order may have been executed that isn't among ``fills`` with all that it did."""
        return bool(self.problems) or (self.executed and not self.fills)

    def first_entry(self, entry: StreamEntry) -> StreamEntry:
        """The entry that this result first came in, by whose time it is older or younger than a snapshot."""
        return replace(entry, entry_id=self.repeats) if self.repeats else entry


class ResultReader(Protocol):
    """Reads what only a venue's own reader can (CONTRACT section 4)."""

    @property
    def order_fields(self) -> tuple[str, ...]:
        """The fields of an order that only its reader knows."""

    @property
    def own_fields(self) -> tuple[str, ...]:
        """Those that stand in no other order than one that the venue wrote."""

    def venue_symbol(self, symbol: str) -> str:
        """The venue's id of a symbol in ccxt's form; any other text as it is."""

    def read_order(self, order: Mapping[str, object]) -> Fill | None:
        """An order as the venue or ccxt writes it, in base units and with the trade's side; None where it names none.

        Raises:
            InvalidMessageError: It can't be read for certain.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What recording a result starts from; compared again when it is written."""

    last_known_amt_text: str | None  # as stored, to compare and set
    remembered: Mapping[str, str]  # order id to cumulative quantity, as stored
    origin_text: str | None  # fetch time (ms) of the snapshot the ledger began with, as stored; "0": it began without
    orders: Mapping[str, str] = field(default_factory=dict)  # order id to what is on record of it, as stored
    decision_text: str | None = None  # the plan's verdict
    executed_text: str | None = None  # what the plan's orders executed, as stored
    step_size_text: str | None = None  # of the symbol, as stored
    mode_text: str | None = None  # the symbol's position mode, as stored
    position_side: Leg | None = Leg.BOTH  # whose ledger this is; None: the result can't be booked to any position
    opposite_amt_text: str | None = None  # as stored: where this is a leg's ledger, the other leg's
    opposite_origin_text: str | None = None  # of the other leg's ledger


class ResultStatus(StrEnum):
    """What became of a result."""

    RECORDED = "recorded"
    ALREADY = "already"  # acknowledged before; nothing was changed
    MOVED = "moved"  # the ledger moved; read it again


class ResultStore(Protocol):
    """Where fills are applied."""

    def refuse_markets(self) -> None:
        """The venue refused an order for its quantity or symbol: fetch the market rules at the next refresh."""

    def load_ledger(
        self, symbol: str, order_ids: Iterable[str], plan_id: str, named: frozenset[Leg] = frozenset()
    ) -> LedgerState:
        """The base that fills are applied to, in one round trip.

        Args:
            symbol: The venue's id.
            order_ids: That the result names.
            plan_id: The plan.
            named: The legs that its orders name.
        """

    def record(
        self, *, result: ExecutionResult, base: LedgerState, recording: Recording, entry: StreamEntry
    ) -> ResultStatus:
        """Ledger, fills memory, cooldown, reservation, counters and acknowledgement: all of it or nothing."""
