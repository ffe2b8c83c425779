"""Reads positions as a verdict does, with few commands, since most of their keys usually don't exist.

Snapshot and ledger are two commands per position, the market rules a third. Holds, reservations and statistics of all
positions are one MGET, and one EXISTS that also counts the keys of another type, which MGET leaves out. A second round
trip reads stored limits and resting orders if an EXISTS counted any, the reconciliation records of positions whose
amounts differ, and repeated reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import redis as redis_py

from p33_tasks.contract.drifts import DRIFT_FIELDS, decode_drift
from p33_tasks.contract.holds import decode_holds
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.ledgers import LEDGER_FIELDS, decode_ledger
from p33_tasks.contract.limits import ADAPTIVE_FIELDS, LIMITS_FIELDS
from p33_tasks.contract.markets import MARKET_FIELDS, decode_market
from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.contract.resting import RESTING_FIELDS, decode_resting
from p33_tasks.contract.snapshots import SNAPSHOT_FIELDS, SNAPSHOT_PRICE_FIELDS, decode_leg_snapshot, decode_snapshot
from p33_tasks.contract.statistics import decode_statistics
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.models import Facts, Leg, OrderSide, Snapshot
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.limits import read_limits
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.positions import SymbolView

if TYPE_CHECKING:
    import redis

MAX_WHY_CHARS = 500
NO_EXPIRY = -1
"""PTTL's reply for a key without an expiry."""
_ABOUT_A_KEY = ("WRONGTYPE", "no such key", "NOGROUP")
_FOREIGN = "(a value of another type)"


@dataclass(slots=True, kw_only=True)
class RawPosition:
    """Redis's data of one position: raw replies, and an error in place of a value of another type."""

    symbol: str
    leg: Leg = Leg.BOTH
    snapshot: Any = None
    ledger: Any = None
    market: Any = None
    limits: Any = (None,) * len(LIMITS_FIELDS)
    adaptive: Any = (None,) * len(ADAPTIVE_FIELDS)
    resting: Any = (None,) * len(RESTING_FIELDS)
    statistics: Any = None
    hold: Any = None
    service_hold: Any = None
    reserved_by: Any = None
    ttl_ms: Any = None
    drift: Any = (None,) * len(DRIFT_FIELDS)

    @property
    def amounts(self) -> tuple[str, str]:
        """The amounts of exchange and ledger, as stored; empty if missing."""
        return list_or_empty(self.snapshot, 1)[0] or "", list_or_empty(self.ledger, 1)[0] or ""

    @property
    def differs(self) -> bool:
        """Whether both amounts are known and differ."""
        exchange_amt, ledger_amt = self.amounts
        return bool(exchange_amt and ledger_amt) and exchange_amt != ledger_amt


class PositionBatch:
    """The commands about several positions, and their replies.

    Args:
        keys: The keys of the account.
        positions: Symbols, or legs whose symbols were read before: data per symbol isn't read again.
    """

    def __init__(self, keys: Keys, positions: Sequence[RawPosition]) -> None:
        self._keys = keys
        self.positions = positions
        of_symbols = [raw for raw in positions if raw.leg is Leg.BOTH]
        self._markets = of_symbols
        self._texts = [
            *((raw, "service_hold", keys.service_hold(raw.symbol, raw.leg)) for raw in positions),
            *((raw, "reserved_by", keys.reservation(raw.symbol, raw.leg)) for raw in positions),
            *((raw, "hold", keys.hold(raw.symbol)) for raw in of_symbols),
            *((raw, "statistics", keys.statistics(raw.symbol)) for raw in of_symbols),
        ]
        self._hashes = [
            ("limits", LIMITS_FIELDS, [(raw, keys.limits(raw.symbol)) for raw in of_symbols]),
            ("adaptive", ADAPTIVE_FIELDS, [(raw, keys.adaptive_limits(raw.symbol, raw.leg)) for raw in positions]),
            ("resting", RESTING_FIELDS, [(raw, keys.resting(raw.symbol, raw.leg)) for raw in positions]),
        ]
        self._hashes = [kind for kind in self._hashes if kind[2]]

    def ask(self, pipeline: Any) -> None:
        """Queue the commands."""
        for raw in self.positions:
            pipeline.hmget(self._keys.snapshot(raw.symbol, raw.leg), (*SNAPSHOT_FIELDS, *SNAPSHOT_PRICE_FIELDS))
            pipeline.hmget(self._keys.ledger(raw.symbol, raw.leg), LEDGER_FIELDS)
        for raw in self._markets:
            pipeline.hmget(self._keys.market(raw.symbol), MARKET_FIELDS)
        if self.positions:
            texts = [key for _, _, key in self._texts]
            pipeline.mget(texts)
            pipeline.exists(*texts)
            for _, _, named in self._hashes:
                pipeline.exists(*(key for _, key in named))

    @property
    def commands(self) -> int:
        """The number of queued commands."""
        return 2 * len(self.positions) + len(self._markets) + 2 * bool(self.positions) + len(self._hashes)

    def take(self, client: redis.Redis, replies: Sequence[Any]) -> None:
        """Keep the replies, and read again where one command doesn't return all data."""
        if not self.positions:
            return
        rest = iter(replies)
        for raw in self.positions:
            raw.snapshot, raw.ledger = next(rest), next(rest)
        for raw in self._markets:
            raw.market = next(rest)
        texts, there, *counted = rest
        for (raw, name, _), value in zip(self._texts, texts, strict=True):
            setattr(raw, name, value)
        again = [
            *(
                (raw, "ttl_ms", ("PTTL", key))
                for raw, name, key in self._texts
                if name == "reserved_by" and raw.reserved_by
            ),
            *(
                (raw, name, ("HMGET", key, *fields))
                for (name, fields, named), count in zip(self._hashes, counted, strict=True)
                if count
                for raw, key in named
            ),
            *(
                (raw, "drift", ("HMGET", self._keys.reconcile_case(raw.symbol, raw.leg), *DRIFT_FIELDS))
                for raw in self.positions
                if raw.differs
            ),
        ]
        if there > sum(value is not None for value in texts):
            again += [(raw, name, ("GET", key)) for raw, name, key in self._texts if getattr(raw, name) is None]
            again += [(raw, "ttl_ms", ("PTTL", key)) for raw, name, key in self._texts if name == "reserved_by"]
        if again:
            pipeline: Any = client.pipeline(transaction=False)
            for _, _, command in again:
                pipeline.execute_command(*command)
            found = pipeline.execute(raise_on_error=False)
            raise_unless_about_a_key(found)
            for (raw, name, _), value in zip(again, found, strict=True):
                setattr(raw, name, value)


def is_hedged(view: SymbolView) -> bool:
    """Whether the symbol has two positions, its legs."""
    return view.facts.snapshot is not None and bool(view.facts.snapshot.position.hedge_mode)


def read_legs(
    client: redis.Redis, keys: Keys, symbols: Sequence[RawPosition], base: Facts
) -> dict[str, tuple[SymbolView, ...]]:
    """Both legs of each symbol, beside the symbol's own snapshot of the same moment."""
    found: dict[str, tuple[SymbolView, ...]] = {}
    for _ in range(2):  # after a refresh between two of the commands they have different request times
        legs = [
            RawPosition(
                symbol=raw.symbol,
                leg=leg,
                market=raw.market,
                limits=raw.limits,
                statistics=raw.statistics,
                hold=raw.hold,
            )
            for raw in symbols
            for leg in HEDGE_LEGS
        ]
        batch = PositionBatch(keys, legs)
        with translated_errors():
            pipeline = client.pipeline(transaction=False)
            pipeline.time()
            for raw in symbols:
                pipeline.hmget(keys.snapshot(raw.symbol), (*SNAPSHOT_FIELDS, *SNAPSHOT_PRICE_FIELDS))
            batch.ask(pipeline)
            (seconds, micros), *replies = pipeline.execute(raise_on_error=False)
            raise_unless_about_a_key(replies)
            batch.take(client, replies[len(symbols) :])
        now = replace(base, now_ms=seconds * 1000 + micros // 1000)
        for at, raw in enumerate(symbols):
            raw.snapshot = replies[at]
            own = read_symbol(keys, raw, now)
            views = [
                read_symbol(keys, leg, now, of_symbol=own.facts.snapshot)
                for leg in legs[2 * at : 2 * at + len(HEDGE_LEGS)]
            ]
            found[raw.symbol] = tuple(views) if is_hedged(own) else (own,)
        if not any(view.facts.snapshot_problem for views in found.values() for view in views):
            break
    return found


def read_symbol(keys: Keys, raw: RawPosition, base: Facts, *, of_symbol: Snapshot | None = None) -> SymbolView:
    """Decode the replies of a position; for a leg, with its symbol's snapshot."""
    symbol, leg, count = raw.symbol, raw.leg, len(SNAPSHOT_FIELDS)
    snapshot, snapshot_problem = _decoded(
        decode_snapshot if leg is Leg.BOTH else partial(decode_leg_snapshot, leg=leg, of_symbol=of_symbol),
        symbol,
        raw.snapshot,
        slice(0, count),
    )
    ledger, ledger_problem = _decoded(decode_ledger, symbol, raw.ledger, slice(None))
    market, market_problem = _decoded(
        lambda name, stored: decode_market(name, stored, base.source), symbol, raw.market, slice(None)
    )
    resting, resting_problem = (
        (None, None)
        if snapshot is None
        else _decoded(
            partial(decode_resting, side=OrderSide.closing(snapshot.position_amt)), symbol, raw.resting, slice(None)
        )
    )
    stored = ("value of another type" if isinstance(each, Exception) else each for each in (raw.limits, raw.adaptive))
    limits, limits_problem = read_limits(keys, symbol, next(stored), next(stored), leg)
    # A hold or reservation of any type blocks the symbol, as in a verdict.
    *own, holder = (
        _FOREIGN if isinstance(each, Exception) else each for each in (raw.hold, raw.service_hold, raw.reserved_by)
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
        reservation_ttl_ms=raw.ttl_ms if isinstance(raw.ttl_ms, int) and raw.ttl_ms >= 0 else None,
        market=market,
        market_problem=market_problem,
        resting=resting,
        resting_problem=resting_problem,
        limits=limits,
        limits_problem=limits_problem,
        as_stored=raw.amounts,
    )
    return SymbolView(
        symbol=symbol,
        leg=leg,
        facts=facts,
        hold_why="; ".join(map(_why, holds))[:MAX_WHY_CHARS] if holds else None,
        prices=tuple(list_or_empty(raw.snapshot, count + len(SNAPSHOT_PRICE_FIELDS))[count:]),
        volatility_ratio=None if raw.statistics is None else decode_statistics(raw.statistics).ratio,
        reservation_is_endless=raw.ttl_ms == NO_EXPIRY,
        reconciling=None if isinstance(raw.drift, Exception) else decode_drift(raw.drift, *raw.amounts),
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
    """Raise any error except a foreign type under one key, which affects that key only."""
    for reply in replies:
        if isinstance(reply, redis_py.RedisError) and not str(reply).startswith(_ABOUT_A_KEY):
            raise reply


def list_or_empty(reply: Any, length: int = 0) -> list[Any]:
    """The reply if it is a list; an empty list if it is an error."""
    return reply if isinstance(reply, list) else [None] * length
