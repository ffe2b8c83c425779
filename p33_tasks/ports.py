"""What the services need from the outside, and nothing of how it is done.

Implemented by ``store`` (Redis) and ``exchange`` (ccxt). Services depend on these protocols and on neither of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from p33_tasks.abilities import RestingReport
from p33_tasks.domain.executions import Recording
from p33_tasks.domain.forecasts import Forecast
from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.late_breaches import LateBreach, PlanExecution
from p33_tasks.domain.models import (
    Allow,
    Facts,
    Fill,
    Ledger,
    Leg,
    MarketRules,
    Plan,
    Policy,
    Position,
    Snapshot,
    SymbolLimits,
    Verdict,
)
from p33_tasks.domain.reconciliation import Account, Known, Watermark
from p33_tasks.domain.statistics import Statistics
from p33_tasks.errors import StoreError

# --- the exchange ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """One bulk answer of the venue, symbol by symbol. A symbol in neither mapping was not asked for."""

    positions: Mapping[str, Position]  # proven, also when flat
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to what is wrong with its rows: unknown
    account: str = ""  # the venue's id of whose they are; empty: the venue has none


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReport:
    """The venue's order rules, symbol by symbol."""

    markets: Mapping[str, MarketRules]
    invalid: Mapping[str, str] = field(default_factory=dict)  # symbol to why its rules are unknown


class MarketsLoaded(StrEnum):
    """How many of the wanted symbols' order rules were."""

    ALL = "all"
    SOME = "some"


class Venue(Protocol):
    """A venue that can be read. Every method is one request, or raises an ``ExchangeError``."""

    @property
    def source(self) -> str:
        """Venue and host, its ccxt id first; part of every snapshot."""

    def fetch_positions(self, symbols: Iterable[str]) -> PositionReport:
        """All positions in one bulk request; ``symbols`` are the venue's own ids, e.g. ``BTCUSDT``."""

    def fetch_markets(self, symbols: Iterable[str]) -> MarketReport:
        """Step sizes, minimum and maximum of market orders, in one request."""


class RequestBudget(Protocol):
    """The request weight that all workers share (one account, one address)."""

    def acquire(self, weight: int) -> None:
        """Take ``weight`` from this minute's budget.

        Raises:
            ExchangeBudgetSpentError: This minute's budget has no room.
            ExchangeRateLimitedError: The venue asked for a pause that isn't over.
        """

    def acquire_order(self) -> None:
        """Ask whether an order may be sent; it takes no request weight.

        Raises:
            ExchangeOrderLimitedError: The venue takes no orders for a while.
            ExchangeRateLimitedError: The venue asked for a pause of everything that isn't over.
        """

    def report(self, used_weight: int) -> None:
        """Tell what the venue says was used in this minute."""

    def pause(self, seconds: int) -> None:
        """Stop every worker for this long (``Retry-After``)."""

    def pause_orders(self, seconds: int) -> None:
        """Stop everybody's orders for this long; reading goes on."""


# --- snapshots ------------------------------------------------------------------------------------------------------


class Claim(StrEnum):
    """Who makes this tick's bulk request."""

    MINE = "mine"
    DONE = "done"  # this tick was fetched already
    IN_FLIGHT = "in_flight"  # somebody is fetching
    PAUSED = "paused"  # the venue asked for one, or Redis restarted a moment ago


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshClaim:
    """The right to make one bulk request, and the time to stamp its snapshots with."""

    claim: Claim
    now_ms: int  # Redis TIME, before the request is sent
    run_id: str
    life: str  # of the store, see ``Facts.life``
    token: str  # proves the claim when it is given back
    markets_due: bool = False  # the market metadata is missing or older than its refresh period


class SnapshotStore(Protocol):
    """Where snapshots and market rules are kept."""

    def claim_refresh(self, source: str, *, only_wished: bool = False) -> RefreshClaim:
        """Take this tick's bulk request, if nobody has; with ``only_wished`` the one that a forecaster wished for."""

    def note_account(self, account: str) -> bool:
        """Remember whose positions were fetched; whether they are of another account than those of the last 10 minutes.

        Then they must not be written. A new life of the store has begun: nothing that was fetched or permitted for the
        other account counts.
        """

    def finish_refresh(self, claim: RefreshClaim, *, error: str = "", markets: MarketsLoaded | None = None) -> None:
        """Give the claim back: the request is over, well or badly, and the order rules with it if they were due."""

    def put_snapshots(self, snapshots: Iterable[Snapshot]) -> Mapping[str, str]:
        """Write snapshots, never backwards; keeps ledgers alive, creates a proven flat one, adopts when told to.

        Returns:
            What happened to each symbol: ``ok``, ``older``, ``ledger_created``, ``ledger_adopted``, or an error word.
        """

    def count_snapshot_errors(self, symbols: Iterable[str]) -> None:
        """Count a failed refresh for each symbol."""

    def put_markets(self, report: MarketReport, *, source: str, ts_ms: int) -> None:
        """Share the venue's market rules with every worker, and which symbols have none by its latest word.

        Args:
            report: What the venue said.
            source: Venue and host.
            ts_ms: Redis TIME before it was asked.
        """


# --- resting orders -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingClaim:
    """The right to read the account's open orders once, and what its answer is stamped with."""

    now_ms: int  # Redis TIME, before the requests are sent
    life: str  # of the store, see ``Facts.life``
    source: str  # venue and host


class RestingStore(Protocol):
    """Where each position's resting orders are kept."""

    def is_due(self) -> bool:
        """Whether the last reading began a minute ago or more."""

    def claim(self, source: str) -> RestingClaim | None:
        """Take this minute's reading; None when somebody has, or while the store has no life yet."""

    def put(self, claim: RestingClaim, report: RestingReport) -> bool:
        """Keep what was told of every position; False: the store's life ended meanwhile, nothing counts."""

    def fail(self, claim: RestingClaim, error: str) -> None:
        """Note why nothing was told; what is kept ages."""


# --- verdicts -------------------------------------------------------------------------------------------------------


class CommitStatus(StrEnum):
    """What became of a commit."""

    COMMITTED = "committed"
    EXISTS = "exists"  # a first verdict stands; the stream entry was acknowledged
    MOVED = "moved"  # the facts are not the evaluated ones any more; nothing was written


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntry:
    """Where a plan or result was read, so that the commit can acknowledge it."""

    stream: str  # the key
    entry_id: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An allow that a plan would get if it came now."""

    plan: Plan  # the expected one: without a plan_id
    verdict: Allow
    facts: Facts
    policy: Policy  # the limits in force


class PreparedStore(Protocol):
    """Where forecasts come from, and prepared verdicts wait."""

    def forecasts(self) -> tuple[int, list[Forecast]]:
        """Redis TIME in ms, and the newest forecasts. Entries that can't be used are counted once, and ignored."""

    def save(self, prepared: Sequence[Prepared], *, policy_digest: str) -> None:
        """Keep allows for as long as their snapshots may be old, each in the place of the one before."""


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


# --- results --------------------------------------------------------------------------------------------------------


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


class DeadLetters(Protocol):
    """Where entries go that can't be handled."""

    def dead_letter(self, entry: StreamEntry, error: str, fields: Mapping[str, str]) -> None:
        """Move an entry that can't be understood to the dead-letter stream, acknowledged in the same act."""


# --- reconciliation -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """What is known of a position when it is reconciled, and the one right to do it."""

    symbol: str
    leg: Leg
    position: str  # the key of both
    is_of_mode: bool  # the symbol's latest snapshot has this position
    token: str
    now_ms: int  # Redis TIME
    life: str
    snapshot: Snapshot | None
    ledger: Ledger | None
    origin_text: str | None
    reserved_by: str | None
    hold_text: str | None  # the service's own
    watermark: Watermark | None
    case: Mapping[str, str]  # what was tried so far
    as_stored: Mapping[str, str]  # letter by letter, to be compared again


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What to write down of one reading: this service's own keys only."""

    event: str = ""  # what happened, '' for nothing
    event_id: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)  # of the event
    case: Mapping[str, str] = field(default_factory=dict)  # '' forgets a field
    watermark: Watermark | None = None
    is_new_drift: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """A hold to be set."""

    reason: HoldReason
    event_id: str
    evidence_json: str  # what the reason rests on
    fields: Mapping[str, str]  # of the event
    next_ms: int


class ReconcileStore(Protocol):
    """Where positions are reconciled."""

    def claim(self, symbol: str, leg: Leg) -> PositionState | None:
        """Take the account's one right to reconcile; None while somebody has it. Raises CorruptStateError."""

    def release(self, state: PositionState) -> None:
        """Give it back."""

    def known(self, state: PositionState, order_ids: Iterable[str], trade_ids: Iterable[str]) -> Known:
        """What was applied of some orders and trades."""

    def own_orders(self, symbol: str, since_ms: int) -> Mapping[str, str]:
        """Client order ids of the plans that were allowed since then and consumed, each with its plan_id."""

    def note(self, state: PositionState, note: Note) -> bool:
        """Write a note; False when the right was lost."""

    def repair(
        self, state: PositionState, *, account: Account, known: Known, watermark: Watermark, note: Note, releases: bool
    ) -> str:
        """Apply what the ledger lacks: ``repaired``, ``moved`` or ``lost``. All of it or nothing."""

    def plans(self, symbol: str, plan_ids: Iterable[str]) -> Mapping[str, PlanExecution]:
        """What some plans were allowed, and what is on record of their orders."""

    def count_breaches(self, state: PositionState, breaches: Sequence[LateBreach], known: Known) -> str:
        """Count orders beyond their permits, and hold the position: ``counted``, ``moved`` or ``lost``."""

    def hold(self, state: PositionState, request: HoldRequest) -> str:
        """Hold the position: ``held``, ``known``, ``moved`` or ``lost``."""

    def settle(self, state: PositionState, note: Note) -> str:
        """Count an agreement under a hold: ``agreed``, ``released``, ``differs`` or ``lost``."""

    def due(self, symbols: Iterable[str]) -> tuple[str, ...]:
        """The positions of these symbols that have to be reconciled now, the most urgent first."""


class DriftBudget(Protocol):
    """The request weight of one drift."""

    def begin(self) -> None:
        """A new drift: it may use its weight again."""


# --- adaptive limits -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is known of one symbol's past and present, for its statistics. None: unknown."""

    symbol: str
    now_ms: int  # Redis TIME
    mark: float | None  # quote units
    position_amt: Decimal | None  # signed base quantity
    ts_ms: int | None  # the snapshot's time
    source: str
    ledger_amt: Decimal | None
    ordered_ms: int | None  # Redis TIME at which the last order was recorded
    limits: SymbolLimits | None  # an operator's; None: they can't be read
    statistics: Statistics
    legs: tuple[Leg, ...]  # the symbol's positions in its mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapted:
    """What became of it."""

    symbol: str
    statistics: Statistics
    cooldown_ms: int | None  # longer than the one in force; None: that one is enough
    by: str  # volatility, settlement
    base_ms: int  # the one in force
    measured: Decimal  # what it comes from: the ratio, or the settlement time in seconds
    legs: tuple[Leg, ...]  # the positions that it is for


class AdaptiveStore(Protocol):
    """Statistics and the cooldowns made from them."""

    def observe(self, symbols: Sequence[str]) -> tuple[Observed, ...]:
        """Read all symbols in one round trip. Raises StoreUnavailableError."""

    def save(self, adapted: Sequence[Adapted]) -> None:
        """Write all of it in one round trip. Raises StoreUnavailableError."""
