"""The data types of the domain: position, snapshot, ledger, plan, market rules, facts, verdict."""

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
    """The direction of a signed amount."""

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
        """Whether a signed amount is possible for this leg: a long leg is never below 0, a short leg never above."""
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
    """One leg of a symbol in hedge mode, as the venue reported it; flat only if the venue's answer proves it."""

    leg: Leg  # LONG or SHORT
    position_amt: Decimal  # signed base quantity: a long leg is never below 0, a short leg never above
    entry_price: Decimal | None = None  # quote units
    mark_price: Decimal | None = None  # quote units
    leverage: Decimal | None = None
    unrealized_pnl: Decimal | None = None  # quote units


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One symbol's position as the venue reported it; flat only if the venue's answer proves it."""

    symbol: str
    position_amt: Decimal  # signed base quantity; in hedge mode the sum of both legs
    entry_price: Decimal | None = None  # quote units
    mark_price: Decimal | None = None  # quote units
    leverage: Decimal | None = None
    unrealized_pnl: Decimal | None = None  # quote units
    hedge_mode: bool | None = False  # separate long and short legs; None: flat, and its rows don't show the mode
    legs: tuple[LegPosition, ...] = ()  # in hedge mode LONG and SHORT, in this order; else none

    def amount_of(self, leg: Leg) -> Decimal | None:
        """The signed amount of one leg, or for BOTH of a one-way position; None: it has no such leg."""
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
    run_id: str  # run_id of the Redis server that gave this TIME
    life: str | None = None  # the store's life at that time; None: written by version 0.1

    def shows(self, leg: Snapshot) -> bool:
        """Whether a leg's snapshot is from the same request as this one of its symbol; else it isn't valid."""
        return bool(self.position.hedge_mode) and (leg.ts_ms, leg.life) == (self.ts_ms, self.life)

    @property
    def symbol(self) -> str:  # noqa: D102 - the position's
        return self.position.symbol

    @property
    def position_amt(self) -> Decimal:  # noqa: D102 - the position's
        return self.position.position_amt


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Our own record of a position, computed from reported fills."""

    symbol: str
    last_known_amt: Decimal | None  # signed base quantity; None: unknown, but fills are remembered
    last_order_id: str | None = None
    last_order_time_ms: int | None = None  # Redis TIME at recording; None: no order is known
    barrier_ms: int | None = None  # place_before_ms of the last consumption that was released; None: none was
    unknown_plan_id: str | None = None  # the plan whose order's outcome is unknown; None: no such plan


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """The quantities that the venue accepts for a market order, base units."""

    symbol: str
    step_size: Decimal  # fits LOT_SIZE and MARKET_LOT_SIZE
    min_qty: Decimal
    max_market_qty: Decimal | None  # None: the venue has no maximum
    fetched_ms: int | None = None  # Redis TIME before the request was sent; None: recorded before 0.2

    @property
    def least_qty(self) -> Decimal:
        """The smallest quantity that can be traded: the minimum, rounded up to a step, and at least one step."""
        return max(self.step_size, q.ceil_to_step(self.min_qty, self.step_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Emergency:
    """The options of an emergency close with a valid signature. It needs no ledger, and passes the service's holds."""

    passes_cooldown: bool = False  # whether it may skip the cooldown
    passes_operator_hold: bool = False  # a person saw the operator's hold and closes all the same
    why: str = ""  # for people; not signed, like the next field
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request to close, as read from a stream entry or a task."""

    plan_id: str
    symbol: str
    action: str
    close_factor: Decimal | None  # None: the action is unknown
    reduce_only: bool = True
    position_side: Leg = Leg.BOTH  # the leg to close in hedge mode; BOTH: the plan names none
    issued_ms: int  # the stream entry id's time, or the producer's issued_ms
    from_stream: bool = True  # issued_ms is Redis TIME from the entry's id; else the producer's statement
    problem: str | None = None  # what is malformed, if plan_id and symbol could be read
    emergency: Emergency | None = None  # None: an ordinary plan. Else issued_ms is the signed one
    prepared: bool = False  # its verdict was prepared; no rule uses this field or the next
    prepared_by: str = ""  # id of the task that made it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One order's executed quantity so far."""

    order_id: str
    side: OrderSide | None  # None: the writer named none (then nothing can be applied)
    cumulative_qty: Decimal  # base units, not negative; 0 starts only the cooldown
    leg: PositionSide | None = None  # in hedge mode, if the writer names it
    reduce_only: bool | None = None  # None: the writer named no flag
    is_open: bool = False  # more of it may be executed, by the reported status


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolLimits:
    """Limits stored for one symbol in addition to the configured ones (see ``limits.in_force``); None: not stored."""

    cooldown_ms: int | None = None  # an operator's, as the next fields
    qty_tolerance_pct: Decimal | None = None
    stale_threshold_ms: int | None = None
    expires_ms: int | None = None  # Redis TIME at which values looser than the configured ones end
    adaptive_cooldown_ms: int | None = None  # the service's own cooldown
    adaptive_by: str | None = None  # its cause: volatility or settlement
    adaptive_base_ms: int | None = None  # the cooldown that it lengthens; only shown, as the next field
    adaptive_measured: Decimal | None = None  # the ratio of volatilities, or the settlement time in seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The limits that the rules apply."""

    allowlist: frozenset[str]
    stale_threshold_ms: int = 10_000
    cooldown_ms: int = 15_000
    qty_tolerance_pct: Decimal = Decimal("1.0")
    position_epsilon: Decimal = Decimal("0.0001")
    plan_max_age_ms: int = 60_000
    permit_ttl_ms: int = 60_000
    poll_ms: int = 5_000  # for the retry time in a deny
    read_lag_ms: int = 2_000  # a position requested this long after an order's match shows it
    accept_old_life: bool = False  # during one rolling upgrade from 0.1: a snapshot without a life is checked by run_id
    market_max_age_ms: int = 300_000  # older market rules count as unknown
    subtract_resting: bool = False  # resting reduce-only orders limit the close quantity
    resting_max_age_ms: int = RESTING_MAX_AGE_MS
    # Who set a limit that may differ per symbol: config, operator; the cooldown also volatility, settlement.
    cooldown_by: str = "config"
    tolerance_by: str = "config"
    threshold_by: str = "config"
    limits_until_ms: int | None = None  # Redis TIME until which a looser limit is in force; None: no looser limit is


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All facts of a verdict, read at one moment."""

    now_ms: int  # Redis TIME
    run_id: str  # run_id of the Redis server
    life: str | None = None  # the store's life; "": it has none yet; None: recorded by version 0.1, which had no lives
    source: str  # the venue and host in this service's settings
    position_side: Leg | None = Leg.BOTH  # whose snapshot, ledger and reservation these are; None: recorded before 0.2
    hold: bool = False  # an operator's, or the service's own
    holds: tuple[Hold, ...] = ()  # who holds it and why; empty in what version 0.1 recorded
    snapshot: Snapshot | None = None
    snapshot_problem: str | None = None  # why a stored snapshot can't be used
    ledger: Ledger | None = None
    ledger_problem: str | None = None
    reserved_by: str | None = None  # plan_id of the outstanding allow
    reservation_ttl_ms: int | None = None
    market: MarketRules | None = None
    market_problem: str | None = None
    resting: Resting | None = None  # on the side that closes the position; None: not known, or not used
    resting_problem: str | None = None  # why stored resting orders can't be used
    limits: SymbolLimits = field(default_factory=SymbolLimits)
    limits_problem: str | None = None  # the key of a limit that can't be read, and why
    # As stored: the limits, an operator's and this service's own.
    limits_as_stored: tuple[str, str] = field(default=("none", "none"), compare=False, repr=False)
    market_as_stored: str = field(default="none", compare=False, repr=False)  # as stored: the market rules
    resting_as_stored: str = field(default="none", compare=False, repr=False)  # as stored: the resting orders
    # As stored: position and ledger amounts, which the commit compares again.
    as_stored: tuple[str, str] = field(default=("", ""), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """The verdict that permits to close up to a quantity."""

    safe_close_qty: Decimal  # base units, a multiple of the step, above zero
    order_side: OrderSide
    exchange_position_amt: Decimal
    ledger_position_amt: Decimal | None  # None: an emergency close with an unknown ledger amount
    snapshot_age_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny:
    """The verdict that permits no order."""

    reason: Reason
    details: Details = field(default_factory=dict)


Verdict = Allow | Deny
