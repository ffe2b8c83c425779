"""Explain a drift exactly by the venue's trades, or report what remains unexplained.

1. Start is the exchange's amount at the watermark, the last moment at which both sides were known. Start plus every
   trade since then must equal the position requested after the trades were read. One step off: not explained.
2. The ledger lacks what an order executed since the watermark and isn't in the fills memory. The repair writes the
   fills memory too, so that the order's result, before or after the repair, is not applied twice.
3. After the repair, ledger and exchange must differ as at the watermark, or be equal: a ledger that something else
   has changed is not repaired.
4. Only the venue's trades of this leg are applied, without rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import reduce

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Leg
from p33_tasks.domain.trades import ForcedOrder, OrderState, Trade, by_order, signed, signed_total, total


class TradeClass(StrEnum):
    """Who caused a trade. The classes are checked in this order."""

    IN_FLIGHT = "in_flight"  # ours, and not final
    LATE = "late"  # ours and final; its result is lost or delayed
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"
    EXTERNAL = "external"  # another party's order
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """A moment at which the position was known on both sides, and the trades included in it."""

    ts_ms: int  # Redis TIME before its position was requested
    since_ms: int  # the venue's clock: start of the windows from this watermark
    exchange_amt: Decimal  # signed base units
    ledger_amt: Decimal  # signed base units; may differ from exchange_amt within the tolerance
    counted: frozenset[str] = frozenset()  # ids of trades since since_ms that exchange_amt includes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The venue's answers, requested in this order: trades, orders, then the position."""

    leg: Leg
    exchange_amt: Decimal  # signed base units, requested after the trades were read
    trades: tuple[Trade, ...]  # all of the window, both legs
    whole: Mapping[str, tuple[Trade, ...]] = field(default_factory=dict)  # trades of older orders, all
    orders: Mapping[str, OrderState] = field(default_factory=dict)
    forced: Mapping[str, ForcedOrder] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)  # our client order id to the plan_id, consumed plans only


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What this service has stored about the position, at the time of the reading."""

    ledger_amt: Decimal  # signed base units
    remembered: Mapping[str, Decimal]  # order id to the quantity applied, base units
    reported: frozenset[str] = frozenset()  # order ids that a result named: ours
    records: Mapping[str, str] = field(default_factory=dict)  # order id to its record, as stored
    applied_trades: frozenset[str] = frozenset()  # ids of applied trades that belong to no order


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of one order, or of one trade without an order, in a drift since the watermark."""

    order_id: str | None
    trade_ids: tuple[str, ...]
    trade_class: TradeClass
    moved: Decimal  # signed base units: change of the exchange's position
    missing: Decimal  # signed base units: what the ledger lacks of it
    remembered_before: Decimal | None = None  # base units; None: no order, or not in the fills memory
    remembered_after: Decimal = q.ZERO
    plan_id: str | None = None  # the plan whose client order id the order has; None: none
    problem: str | None = None  # why it can't be used, or not yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The arithmetic of one drift. All amounts are signed base units."""

    shares: tuple[Share, ...]
    expected_amt: Decimal  # start plus trades
    exchange_amt: Decimal
    ledger_before: Decimal
    ledger_after: Decimal  # with everything applied that the ledger lacks
    ledger_target: Decimal  # the amount with the same difference to the exchange as at the watermark

    @property
    def difference(self) -> Decimal:
        """What no trade explains, signed base units."""
        return q.subtract(self.exchange_amt, self.expected_amt)

    @property
    def problem(self) -> str | None:
        """Why the drift isn't explained; None: it is, on both sides."""
        problem = next((share.problem for share in self.shares if share.problem is not None), None)
        if problem is not None:
            return problem
        if self.difference != 0:
            return f"start and trades make {q.canonical(self.expected_amt)}, the exchange has {self._exchange}"
        if self.ledger_after not in {self.ledger_target, self.exchange_amt}:
            return (
                f"with these trades the ledger would be {q.canonical(self.ledger_after)}, the exchange has "
                f"{self._exchange}: something else has moved it"
            )
        return None

    @property
    def classes(self) -> tuple[TradeClass, ...]:
        """The classes of the shares that the ledger lacks, each once."""
        return tuple(dict.fromkeys(share.trade_class for share in self.missing))

    @property
    def missing(self) -> tuple[Share, ...]:
        """The shares that the ledger lacks."""
        return tuple(share for share in self.shares if share.missing != 0)

    @property
    def crosses_zero(self) -> bool:
        """Whether one of ledger and exchange is long and the other short."""
        return self.ledger_before < 0 < self.exchange_amt or self.exchange_amt < 0 < self.ledger_before

    @property
    def _exchange(self) -> str:
        return q.canonical(self.exchange_amt)


def explain(watermark: Watermark, known: Known, reading: Reading) -> Account:
    """The arithmetic of a drift, with a share for every trade since the watermark."""
    of_leg = tuple(trade for trade in reading.trades if trade.leg is reading.leg)
    shares: list[Share] = []
    for order_id, trades in by_order(of_leg).items():
        if order_id is None:
            shares += [
                _lone_share(trade, known, reading) for trade in trades if trade.trade_id not in watermark.counted
            ]
        elif fresh := tuple(trade for trade in trades if trade.trade_id not in watermark.counted):
            shares.append(_order_share(order_id, trades, fresh, known, reading))
    moved = reduce(q.add, (share.moved for share in shares), q.ZERO)
    missing = reduce(q.add, (share.missing for share in shares), q.ZERO)
    exchange_move = q.subtract(reading.exchange_amt, watermark.exchange_amt)
    return Account(
        shares=tuple(shares),
        expected_amt=q.add(watermark.exchange_amt, moved),
        exchange_amt=reading.exchange_amt,
        ledger_before=known.ledger_amt,
        ledger_after=q.add(known.ledger_amt, missing),
        ledger_target=q.add(watermark.ledger_amt, exchange_move),
    )


def _lone_share(trade: Trade, known: Known, reading: Reading) -> Share:
    forced = reading.forced.get(trade.trade_id)
    is_applied = trade.trade_id in known.applied_trades
    return Share(
        order_id=None,
        trade_ids=(trade.trade_id,),
        trade_class=TradeClass(forced.kind) if forced is not None else TradeClass.UNEXPLAINED,
        moved=trade.signed_qty,
        missing=q.ZERO if is_applied else trade.signed_qty,
        problem=None if forced is not None else f"trade {trade.trade_id[:40]} names no order, and no forced one fits",
    )


def _order_share(
    order_id: str, window: tuple[Trade, ...], fresh: tuple[Trade, ...], known: Known, reading: Reading
) -> Share:
    whole, state = reading.whole.get(order_id, window), reading.orders.get(order_id)
    forced, remembered = reading.forced.get(order_id), known.remembered.get(order_id)
    sides = {trade.side for trade in (*whole, *fresh)}
    executed, side = total(whole), fresh[0].side
    plan_id = reading.own.get(state.client_order_id) if state is not None else None
    since = total(fresh)
    # Executed before the watermark: included in both of its amounts, whether a result reported it or not.
    before = q.subtract(executed, since)
    lacking = q.subtract(executed, max(remembered if remembered is not None else q.ZERO, before))
    return Share(
        order_id=order_id,
        trade_ids=tuple(trade.trade_id for trade in fresh),
        trade_class=_class_of(state, forced, is_own=plan_id is not None or order_id in known.reported),
        moved=signed_total(fresh),
        missing=signed(side, max(lacking, q.ZERO)),
        remembered_before=remembered,
        remembered_after=max(executed, remembered if remembered is not None else q.ZERO),
        plan_id=plan_id,
        problem=_problem_of(order_id, executed, remembered, state, forced, is_one_sided=len(sides) == 1),
    )


def _class_of(state: OrderState | None, forced: ForcedOrder | None, *, is_own: bool) -> TradeClass:
    if is_own and state is not None:
        return TradeClass.LATE if state.is_final else TradeClass.IN_FLIGHT
    if forced is not None:
        return TradeClass(forced.kind)
    return TradeClass.EXTERNAL if state is not None else TradeClass.UNEXPLAINED


def _problem_of(
    order_id: str,
    executed: Decimal,
    remembered: Decimal | None,
    state: OrderState | None,
    forced: ForcedOrder | None,
    *,
    is_one_sided: bool,
) -> str | None:
    name = f"order {order_id[:40]}"
    if not is_one_sided:
        return f"{name} has trades of both sides"
    if remembered is not None and remembered > executed:
        return f"{name} was reported with {q.canonical(remembered)}, its trades are {q.canonical(executed)}"
    if state is None and forced is None:
        return f"{name} isn't known to the venue"
    reported = state.executed_qty if state is not None else forced.executed_qty if forced is not None else executed
    if reported != executed:
        return f"{name} executed {q.canonical(reported)}, its trades are {q.canonical(executed)}"
    return None
