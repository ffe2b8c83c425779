"""The nouns: position snapshot, ledger, plan, market rules, facts, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from p33_tasks.domain import quantities as q
from p33_tasks.domain.holds import Hold
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.resting import RESTING_MAX_AGE_MS, Resting

DetailValue = Decimal | str | int | bool | None
Details = Mapping[str, DetailValue]


class PositionSide(StrEnum):
    """Which way a signed amount points."""

    LONG = "LONG"
    SHORT = "SHORT"
    FLAT = "FLAT"

    @classmethod
    def of(cls, amount: Decimal) -> PositionSide:
        """LONG above zero, SHORT below, FLAT at zero."""
        if amount == 0:
            return cls.FLAT
        return cls.LONG if amount > 0 else cls.SHORT


class Leg(StrEnum):
    """Which position of a symbol: the only one of a one-way symbol, or one of the two legs in hedge mode."""

    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"

    @property
    def opposite(self) -> Leg | None:
        """The other leg of the symbol; None for a symbol's only position."""
        return {Leg.LONG: Leg.SHORT, Leg.SHORT: Leg.LONG}.get(self)

    def admits(self, amount: Decimal) -> bool:
        """Whether a signed amount can be this leg's: a long leg is never below 0, a short leg never above it."""
        if self is Leg.LONG:
            return amount >= 0
        return self is Leg.BOTH or amount <= 0


class OrderSide(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @classmethod
    def closing(cls, position_amt: Decimal) -> OrderSide:
        """The side that reduces a position: SELL for a long, BUY for a short."""
        return cls.SELL if position_amt > 0 else cls.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPosition:
    """One leg of a symbol in hedge mode, as the venue reported it: proven, also when it is flat."""

    leg: Leg  # LONG or SHORT
    position_amt: Decimal  # signed base quantity: a long leg is never below 0, a short leg never above it
    entry_price: Decimal | None = None  # quote units
    mark_price: Decimal | None = None  # quote units
    leverage: Decimal | None = None
    unrealized_pnl: Decimal | None = None  # quote units


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One symbol's position as the venue reported it: proven, also when it is flat."""

    symbol: str
    position_amt: Decimal  # signed base quantity; in hedge mode the sum of both legs
    entry_price: Decimal | None = None  # quote units
    mark_price: Decimal | None = None  # quote units
    leverage: Decimal | None = None
    unrealized_pnl: Decimal | None = None  # quote units
    hedge_mode: bool | None = False  # it has separate long and short legs; None: flat, and its rows tell no mode
    legs: tuple[LegPosition, ...] = ()  # as a venue reports hedge mode: LONG and SHORT, in this order; else none

    def amount_of(self, leg: Leg) -> Decimal | None:
        """The signed amount of one leg, or of the whole where it has none; None: it has no such leg."""
        if leg is Leg.BOTH:
            return None if self.hedge_mode else self.position_amt
        return next((each.position_amt for each in self.legs if each.leg is leg), None)

    @property
    def position_mode(self) -> str:
        """``hedge`` or ``one_way``."""
        return "hedge" if self.hedge_mode else "one_way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A position as last fetched."""

    position: Position
    ts_ms: int  # Redis TIME before the request was sent
    source: str  # venue and host
    run_id: str  # of the Redis server whose TIME that was
    life: str | None = None  # of the store then; None: written by version 0.1

    def shows(self, leg: Snapshot) -> bool:
        """Whether a leg's snapshot is of the same request as this one of its symbol: alone it proves nothing."""
        return bool(self.position.hedge_mode) and (leg.ts_ms, leg.life) == (self.ts_ms, self.life)

    @property
    def symbol(self) -> str:  # noqa: D102 - the position's
        return self.position.symbol

    @property
    def position_amt(self) -> Decimal:  # noqa: D102 - the position's
        return self.position.position_amt


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Our shadow position, from our own fills."""

    symbol: str
    last_known_amt: Decimal | None  # signed base quantity; None: fills are remembered, the amount is unknown
    last_order_id: str | None = None
    last_order_time_ms: int | None = None  # Redis TIME at recording; None: no order is known
    barrier_ms: int | None = None  # place_before_ms of the last consumption that was released; None: none was
    unknown_plan_id: str | None = None  # the plan whose consumption's outcome is unknown; None: none's is


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """What the venue accepts as a market order's quantity."""

    symbol: str
    step_size: Decimal  # fits LOT_SIZE and MARKET_LOT_SIZE
    min_qty: Decimal
    max_market_qty: Decimal | None  # None: the venue names no maximum
    fetched_ms: int | None = None  # Redis TIME before the request was sent; None: recorded before 0.2

    @property
    def least_qty(self) -> Decimal:
        """The smallest quantity that can be traded: the first step that isn't below the minimum."""
        return max(self.step_size, q.ceil_to_step(self.min_qty, self.step_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """What a proven emergency close asks for beside its plan: no ledger, and no hold of this service, stops it."""

    passes_cooldown: bool = False  # it doesn't wait for the cooldown
    passes_operator_hold: bool = False  # a person saw the operator's hold and went on
    why: str = ""  # for people; not part of what is signed, as the next one
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An intention to close, as read from a stream entry or a task."""

    plan_id: str
    symbol: str
    action: str
    close_factor: Decimal | None  # None: the action is unknown
    reduce_only: bool = True
    position_side: Leg = Leg.BOTH  # the leg to close in hedge mode; BOTH: the plan names none
    issued_ms: int  # the stream entry id's time, or the producer's issued_ms
    from_stream: bool = True  # an entry id is Redis's own time; issued_ms is a producer's word
    problem: str | None = None  # what is malformed, where plan_id and symbol could still be read
    emergency: Emergency | None = None  # None: an ordinary plan. Else issued_ms is the signed one
    prepared: bool = False  # its verdict was made before it came; no rule looks at it, nor at the next
    prepared_by: str = ""  # id of the task that made it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """What one order has executed so far."""

    order_id: str
    side: OrderSide | None  # None: the writer gave none (then nothing can be applied)
    cumulative_qty: Decimal  # base units, not negative; 0 starts only the cooldown
    leg: PositionSide | None = None  # in hedge mode, where the writer names it
    reduce_only: bool | None = None  # None: the writer doesn't say
    is_open: bool = False  # the writer says that more of it may be executed


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolLimits:
    """Limits stored for one symbol beside the configured ones (see ``limits.in_force``); None: not stored."""

    cooldown_ms: int | None = None  # an operator's, here and below
    qty_tolerance_pct: Decimal | None = None
    stale_threshold_ms: int | None = None
    expires_ms: int | None = None  # Redis TIME from which the values looser than the configured ones don't count
    adaptive_cooldown_ms: int | None = None  # this service's own
    adaptive_by: str | None = None  # what it comes from: volatility or settlement
    adaptive_base_ms: int | None = None  # the cooldown that it lengthens; said, and never judged by, as the next
    adaptive_measured: Decimal | None = None  # the ratio of volatilities, or the settlement time in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits to judge by."""

    allowlist: frozenset[str]
    stale_threshold_ms: int = 10_000
    cooldown_ms: int = 15_000
    qty_tolerance_pct: Decimal = Decimal("1.0")
    position_epsilon: Decimal = Decimal("0.0001")
    plan_max_age_ms: int = 60_000
    permit_ttl_ms: int = 60_000
    poll_ms: int = 5_000  # for telling when to retry
    read_lag_ms: int = 2_000  # a position read this long after an order was matched shows it
    accept_old_life: bool = False  # during one rolling upgrade from 0.1: what names no life counts by run_id
    market_max_age_ms: int = 300_000  # older market rules are unknown ones
    subtract_resting: bool = False  # resting reduce-only orders limit the close quantity
    resting_max_age_ms: int = RESTING_MAX_AGE_MS
    # Who set a limit that may differ per symbol: config, operator; the cooldown also volatility, settlement.
    cooldown_by: str = "config"
    tolerance_by: str = "config"
    threshold_by: str = "config"
    limits_until_ms: int | None = None  # Redis TIME until which a looser limit among them counts; None: none does


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a verdict rests on, read at one moment."""

    now_ms: int  # Redis TIME
    run_id: str  # of the Redis server
    life: str | None = None  # of the store; "": it has none yet; None: recorded by version 0.1, which knew none
    source: str  # the venue and host that this service is set to
    position_side: Leg | None = Leg.BOTH  # whose snapshot, ledger and reservation these are; None: recorded before 0.2
    hold: bool = False  # an operator's, or the service's own
    holds: tuple[Hold, ...] = ()  # who holds it and why; empty in what version 0.1 recorded
    snapshot: Snapshot | None = None
    snapshot_problem: str | None = None  # why a snapshot that is there can't be used
    ledger: Ledger | None = None
    ledger_problem: str | None = None
    reserved_by: str | None = None  # plan_id of the outstanding allow
    reservation_ttl_ms: int | None = None
    market: MarketRules | None = None
    market_problem: str | None = None
    resting: Resting | None = None  # on the side that closes the position; None: not known, or not asked for
    resting_problem: str | None = None  # why what is there can't be used
    limits: SymbolLimits = field(default_factory=SymbolLimits)
    limits_problem: str | None = None  # the key of a limit that can't be read, and why
    # The same of the limits: an operator's and this service's own.
    limits_as_stored: tuple[str, str] = field(default=("none", "none"), compare=False, repr=False)
    market_as_stored: str = field(default="none", compare=False, repr=False)  # the same of the market rules
    resting_as_stored: str = field(default="none", compare=False, repr=False)  # the same of resting orders
    # Position and ledger amounts letter by letter, for the store to compare again when the verdict is made final.
    as_stored: tuple[str, str] = field(default=("", ""), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Close up to this much, and no more."""

    safe_close_qty: Decimal  # base units, a multiple of the step, above zero
    order_side: OrderSide
    exchange_position_amt: Decimal
    ledger_position_amt: Decimal | None  # None: an emergency close, and no amount is known
    snapshot_age_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """Send nothing."""

    reason: Reason
    details: Details = field(default_factory=dict)


Verdict = Allow | Deny
