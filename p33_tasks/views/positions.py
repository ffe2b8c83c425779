"""Reading for people and pages: one position as a verdict would see it. In hedge mode a symbol has two, its legs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import redis as redis_py

from p33_tasks.contract.holds import decode_holds
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.ledgers import LEDGER_FIELDS, decode_ledger
from p33_tasks.contract.limits import ADAPTIVE_FIELDS, LIMITS_FIELDS
from p33_tasks.contract.markets import MARKET_FIELDS, decode_market
from p33_tasks.contract.positions import HEDGE_LEGS, position_key
from p33_tasks.contract.resting import RESTING_FIELDS, decode_resting
from p33_tasks.contract.snapshots import (
    SNAPSHOT_FIELDS,
    SNAPSHOT_PRICE_FIELDS,
    decode_leg_snapshot,
    decode_snapshot,
)
from p33_tasks.contract.statistics import decode_statistics
from p33_tasks.domain import quantities as q
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Facts, Leg, OrderSide, Plan, Policy, Snapshot, Verdict
from p33_tasks.errors import CorruptStateError, InvalidQuantityError
from p33_tasks.store.limits import read_limits
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

COMMANDS_PER_SYMBOL = 11
MAX_WHY_CHARS = 500
NO_EXPIRY = -1
"""What PTTL says of a key that lives until somebody deletes it."""
_ABOUT_A_KEY = ("WRONGTYPE", "no such key", "NOGROUP")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolView:
    """One position: a symbol, or in hedge mode one of its legs. The facts of a verdict, and what stands beside them."""

    symbol: str
    leg: Leg = Leg.BOTH  # LONG or SHORT in hedge mode
    facts: Facts
    hold_why: str | None  # why the position is held, the operator's hold first; None: no hold
    entry_price: Decimal | None
    mark_price: Decimal | None
    leverage: Decimal | None
    unrealized_pnl: Decimal | None
    volatility_ratio: float | None = None  # of the last 5 minutes over the last day, at least 1; None: unknown
    reservation_is_endless: bool = False  # held without an expiry, which this service never writes

    @property
    def position(self) -> str:
        """The position key: what people, metrics and audits call it."""
        return position_key(self.symbol, self.leg)

    @property
    def position_amt(self) -> Decimal | None:
        """Signed base quantity on the exchange; None: unknown."""
        return None if self.facts.snapshot is None else self.facts.snapshot.position_amt

    @property
    def ledger_amt(self) -> Decimal | None:
        """Signed base quantity by our own fills; None: unknown."""
        return None if self.facts.ledger is None else self.facts.ledger.last_known_amt

    @property
    def snapshot_age_ms(self) -> int | None:
        """Milliseconds since before the snapshot's request was sent; None: no snapshot."""
        return None if self.facts.snapshot is None else self.facts.now_ms - self.facts.snapshot.ts_ms

    @property
    def drift_amt(self) -> Decimal | None:
        """Exchange less ledger, signed; None where it is unknown, or the snapshot is older than the last order."""
        amount, ledger = self.position_amt, self.ledger_amt
        if amount is None or ledger is None or self.snapshot_precedes_last_order:
            return None
        return q.subtract(amount, ledger)

    @property
    def drift_pct(self) -> Decimal | None:
        """``|exchange - ledger|`` in percent of the exchange position.

        None where either is unknown, where it is flat, and where the snapshot is older than the last order: it then
        shows the position before that order, and the difference is the order itself.
        """
        amount, drift = self.position_amt, self.drift_amt
        if amount is None or drift is None:
            return None
        if amount == 0:
            return q.ZERO if drift == 0 else None
        return q.percent_of(q.magnitude(drift), q.magnitude(amount))

    def policy_in_force(self, policy: Policy) -> Policy:
        """The configured limits with this symbol's own."""
        return in_force(policy, self.facts.limits, self.facts.now_ms)

    @property
    def snapshot_precedes_last_order(self) -> bool:
        """Whether the snapshot was asked for before the last order was recorded."""
        snapshot, ledger = self.facts.snapshot, self.facts.ledger
        if snapshot is None or ledger is None or not ledger.last_order_time_ms:
            return False
        return snapshot.ts_ms < ledger.last_order_time_ms

    def cooldown_left_ms(self, policy: Policy) -> int:
        """How long the last order still stops this symbol, by the limits in force."""
        ordered = None if self.facts.ledger is None else self.facts.ledger.last_order_time_ms
        if not ordered:
            return 0
        return max(0, self.policy_in_force(policy).cooldown_ms - (self.facts.now_ms - min(ordered, self.facts.now_ms)))

    def gate(self, policy: Policy) -> Verdict:
        """What a plan to close all of it would get right now, by the very rules that judge plans."""
        plan = Plan(
            plan_id="-",
            symbol=self.symbol,
            position_side=self.leg,
            action="CLOSE_FULL",
            close_factor=Decimal(1),
            issued_ms=self.facts.now_ms,
        )
        return evaluate(plan, self.facts, self.policy_in_force(policy))


def is_hedged(view: SymbolView) -> bool:
    """Whether the symbol has two positions, its legs."""
    return view.facts.snapshot is not None and bool(view.facts.snapshot.position.hedge_mode)


def read_legs(
    client: redis.Redis, keys: Keys, symbols: Sequence[str], base: Facts
) -> dict[str, tuple[SymbolView, ...]]:
    """Both legs of each symbol, beside the symbol's own snapshot of the same moment."""
    found: dict[str, tuple[SymbolView, ...]] = {}
    for _ in range(2):  # a refresh between two of the commands makes them look like two requests
        with translated_errors():
            pipeline = client.pipeline(transaction=False)
            pipeline.time()
            for symbol in symbols:
                for leg in Leg:
                    ask_symbol(pipeline, keys, symbol, leg)
            (seconds, micros), *replies = pipeline.execute(raise_on_error=False)
            raise_unless_about_a_key(replies)
        now = replace(base, now_ms=seconds * 1000 + micros // 1000)
        for symbol in symbols:
            parts = [replies[at * COMMANDS_PER_SYMBOL :][:COMMANDS_PER_SYMBOL] for at, _ in enumerate(Leg)]
            del replies[: len(parts) * COMMANDS_PER_SYMBOL]
            own = read_symbol(keys, symbol, parts[0], now)
            views = [
                read_symbol(keys, symbol, part, now, leg=leg, of_symbol=own.facts.snapshot)
                for leg, part in zip(HEDGE_LEGS, parts[1:], strict=True)
            ]
            found[symbol] = tuple(views) if is_hedged(own) else (own,)
        if not any(view.facts.snapshot_problem for views in found.values() for view in views):
            break
    return found


def ask_symbol(pipeline: Any, keys: Keys, symbol: str, leg: Leg = Leg.BOTH) -> None:
    """Queue the commands of one position."""
    pipeline.hmget(keys.snapshot(symbol, leg), (*SNAPSHOT_FIELDS, *SNAPSHOT_PRICE_FIELDS))
    pipeline.hmget(keys.ledger(symbol, leg), LEDGER_FIELDS)
    pipeline.hmget(keys.market(symbol), MARKET_FIELDS)
    pipeline.hmget(keys.limits(symbol), LIMITS_FIELDS)
    pipeline.hmget(keys.adaptive_limits(symbol, leg), ADAPTIVE_FIELDS)
    pipeline.hmget(keys.resting(symbol, leg), RESTING_FIELDS)
    pipeline.get(keys.statistics(symbol))
    pipeline.get(keys.hold(symbol))
    pipeline.get(keys.service_hold(symbol, leg))
    pipeline.get(keys.reservation(symbol, leg))
    pipeline.pttl(keys.reservation(symbol, leg))


def read_symbol(
    keys: Keys,
    symbol: str,
    replies: Sequence[Any],
    base: Facts,
    *,
    leg: Leg = Leg.BOTH,
    of_symbol: Snapshot | None = None,
) -> SymbolView:
    """Decode the replies to ``ask_symbol``; of a leg beside its symbol's own snapshot."""
    raw_snapshot, raw_ledger, raw_market, raw_limits, raw_adaptive, raw_resting, statistics, *more = replies
    *raw_holds, reserved_by, ttl_ms = more
    count = len(SNAPSHOT_FIELDS)
    snapshot, snapshot_problem = _decoded(
        decode_snapshot if leg is Leg.BOTH else partial(decode_leg_snapshot, leg=leg, of_symbol=of_symbol),
        symbol,
        raw_snapshot,
        slice(0, count),
    )
    ledger, ledger_problem = _decoded(decode_ledger, symbol, raw_ledger, slice(None))
    market, market_problem = _decoded(
        lambda name, raw: decode_market(name, raw, base.source), symbol, raw_market, slice(None)
    )
    resting, resting_problem = (
        (None, None)
        if snapshot is None
        else _decoded(
            partial(decode_resting, side=OrderSide.closing(snapshot.position_amt)), symbol, raw_resting, slice(None)
        )
    )
    stored = ("value of another type" if isinstance(raw, Exception) else raw for raw in (raw_limits, raw_adaptive))
    limits, limits_problem = read_limits(keys, symbol, next(stored), next(stored), leg)
    # A hold or reservation of any type stops the symbol, as it does in a verdict.
    *own, holder = (
        "(a value of another type)" if isinstance(raw, Exception) else raw for raw in (*raw_holds, reserved_by)
    )
    unknown_plan_id = None if ledger is None else ledger.unknown_plan_id
    holds = decode_holds(*own, unknown_plan_id=unknown_plan_id, reserved_by=holder)
    facts = Facts(
        now_ms=base.now_ms,
        run_id=base.run_id,
        life=base.life,
        source=base.source,
        position_side=leg,
        hold=bool(holds),
        holds=holds,
        snapshot=snapshot,
        snapshot_problem=snapshot_problem,
        ledger=ledger,
        ledger_problem=ledger_problem,
        reserved_by=holder,
        reservation_ttl_ms=ttl_ms if isinstance(ttl_ms, int) and ttl_ms >= 0 else None,
        market=market,
        market_problem=market_problem,
        resting=resting,
        resting_problem=resting_problem,
        limits=limits,
        limits_problem=limits_problem,
        as_stored=(list_or_empty(raw_snapshot, 1)[0] or "", list_or_empty(raw_ledger, 1)[0] or ""),
    )
    entry, mark, leverage, pnl = map(_price, list_or_empty(raw_snapshot, count + 4)[count:])
    return SymbolView(
        symbol=symbol,
        leg=leg,
        facts=facts,
        hold_why="; ".join(map(_why, holds))[:MAX_WHY_CHARS] if holds else None,
        entry_price=entry,
        mark_price=mark,
        leverage=leverage,
        unrealized_pnl=pnl,
        volatility_ratio=decode_statistics(statistics).ratio,
        reservation_is_endless=ttl_ms == NO_EXPIRY,
    )


def _why(hold: Hold) -> str:
    return hold.reason if hold.held_by is HeldBy.OPERATOR else f"p33: {hold.reason}"


def _decoded(decode: Any, symbol: str, raw: Any, part: slice) -> tuple[Any, str | None]:
    if isinstance(raw, Exception):
        return None, "its key holds a value of another type"
    try:
        return decode(symbol, raw[part]), None
    except CorruptStateError as error:
        return None, str(error)


def raise_unless_about_a_key(replies: Iterable[Any]) -> None:
    """A foreign type under one key is that key's problem; anything else (no permission, loading) is everybody's."""
    for reply in replies:
        if isinstance(reply, redis_py.RedisError) and not str(reply).startswith(_ABOUT_A_KEY):
            raise reply


def list_or_empty(reply: Any, length: int = 0) -> list[Any]:
    """A list as Redis gave it; nothing known where it is an error."""
    return reply if isinstance(reply, list) else [None] * length


def _price(value: str | None) -> Decimal | None:
    try:
        return q.parse_quantity(value) if value else None
    except InvalidQuantityError:
        return None
