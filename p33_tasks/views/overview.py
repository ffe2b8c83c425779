"""Reading for people and pages: everything about the service at one moment, in a fixed number of round trips.

Read-only, plain commands only: a Redis user without write access can run them. A value that can't be read (another
type, no number) is a problem noted in the view, as it is for a verdict.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import redis as redis_py

from p33_tasks.contract.holds import decode_holds
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.ledgers import LEDGER_FIELDS, decode_ledger
from p33_tasks.contract.life import life_of
from p33_tasks.contract.limits import ADAPTIVE_FIELDS, LIMITS_FIELDS
from p33_tasks.contract.markets import MARKET_FIELDS, decode_market
from p33_tasks.contract.snapshots import SNAPSHOT_FIELDS, SNAPSHOT_PRICE_FIELDS, decode_snapshot
from p33_tasks.domain import quantities as q
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.holds import HeldBy, Hold
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Facts, Plan, Policy, Verdict
from p33_tasks.errors import CorruptStateError, InvalidQuantityError
from p33_tasks.store.limits import read_limits
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.streams import StreamView, ask_streams, read_streams

if TYPE_CHECKING:
    import redis

_REFRESH_FIELDS = ("started_ms", "succeeded_ms", "lease_until_ms", "error", "source", "markets_ms")
_BUDGET_FIELDS = ("minute", "used", "reported", "paused_until_ms", "own_limit", "venue_limit")
_COMMANDS_PER_SYMBOL = 9
_MAX_WHY_CHARS = 500
NO_EXPIRY = -1
"""What PTTL says of a key that lives until somebody deletes it."""
_MAX_COUNT_CHARS = len(str(-(2**63)))  # Redis counts no further; a longer text fits no float, and ended the scrape
_ABOUT_A_KEY = ("WRONGTYPE", "no such key", "NOGROUP")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolView:
    """One symbol: the facts a verdict would be made from, and what stands beside them."""

    symbol: str
    facts: Facts
    hold_why: str | None  # why the position is held, the operator's hold first; None: no hold
    entry_price: Decimal | None
    mark_price: Decimal | None
    leverage: Decimal | None
    unrealized_pnl: Decimal | None
    reservation_is_endless: bool = False  # held without an expiry, which this service never writes

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
    def drift_pct(self) -> Decimal | None:
        """``|exchange - ledger|`` in percent of the exchange position.

        None where either is unknown, where it is flat, and where the snapshot is older than the last order: it then
        shows the position before that order, and the difference is the order itself.
        """
        amount, ledger = self.position_amt, self.ledger_amt
        if amount is None or ledger is None or self.snapshot_precedes_last_order:
            return None
        if amount == 0:
            return q.ZERO if ledger == 0 else None
        return q.percent_of(q.magnitude(q.subtract(amount, ledger)), q.magnitude(amount))

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
            action="CLOSE_FULL",
            close_factor=Decimal(1),
            issued_ms=self.facts.now_ms,
        )
        return evaluate(plan, self.facts, self.policy_in_force(policy))


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshView:
    """The bulk requests to the exchange. Times are Redis TIME in milliseconds, None where nothing is known."""

    started_ms: int | None
    succeeded_ms: int | None
    in_flight: bool
    error: str  # of the last one; empty when it went well
    source: str
    markets_ms: int | None
    used_weight: int  # ours, in this minute
    reported_weight: int  # everybody's on this address, by the venue's word, in this minute
    paused_ms: int  # left of the pause that the venue asked for
    own_limit: int = 0  # weight per minute at which we stop; 0: nothing was asked for yet
    venue_limit: int = 0  # the same, of everybody's weight by the venue's word


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole service at one moment."""

    now_ms: int
    run_id: str
    redis_version: str
    symbols: tuple[SymbolView, ...]
    refresh: RefreshView
    streams: tuple[StreamView, ...]
    counters: Mapping[str, int]  # as stored: name|label|label
    problems: tuple[str, ...]  # keys of ours that hold another type


def read_overview(client: redis.Redis, keys: Keys, symbols: Sequence[str], *, source: str) -> Overview:
    """Read everything: one pipeline, and at most one more about the streams' oldest entries and readers.

    Args:
        client: Any client that decodes replies.
        keys: Of the account.
        symbols: The venue's ids.
        source: Venue and host that snapshots must come from.

    Raises:
        StoreError: Redis is away, or refuses.
    """
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        pipeline.info("server")
        pipeline.info("replication")
        pipeline.get(keys.epoch)
        pipeline.hgetall(keys.counters)
        pipeline.hmget(keys.refresh, _REFRESH_FIELDS)
        pipeline.hmget(keys.budget, _BUDGET_FIELDS)
        ask_streams(pipeline, keys)
        for symbol in symbols:
            _ask_symbol(pipeline, keys, symbol)
        replies = pipeline.execute(raise_on_error=False)
        _raise_unless_about_a_key(replies)
    head, rest = replies[:7], replies[7:]
    first_symbol = len(rest) - _COMMANDS_PER_SYMBOL * len(symbols)
    now_ms, run_id = head[0][0] * 1000 + head[0][1] // 1000, str(head[1].get("run_id", ""))
    epoch = None if isinstance(head[3], Exception) else head[3]
    life = life_of(run_id, str(head[2].get("master_replid", "")), epoch)
    base = Facts(now_ms=now_ms, run_id=run_id, life=life, source=source)
    views = [
        _read_symbol(keys, symbol, rest[first_symbol + at * _COMMANDS_PER_SYMBOL :][:_COMMANDS_PER_SYMBOL], base)
        for at, symbol in enumerate(symbols)
    ]
    named = zip((keys.epoch, keys.counters, keys.refresh, keys.budget), head[3:], strict=True)
    return Overview(
        now_ms=now_ms,
        run_id=run_id,
        redis_version=str(head[1].get("redis_version", "")),
        symbols=tuple(views),
        refresh=_read_refresh(_list_or_empty(head[5]), _list_or_empty(head[6]), now_ms),
        streams=read_streams(client, keys, rest[:first_symbol]),
        counters=_read_counters(head[4]),
        problems=tuple(f"{key}: {reply}" for key, reply in named if isinstance(reply, Exception)),
    )


def _raise_unless_about_a_key(replies: Iterable[Any]) -> None:
    """A foreign type under one key is that key's problem; anything else (no permission, loading) is everybody's."""
    for reply in replies:
        if isinstance(reply, redis_py.RedisError) and not str(reply).startswith(_ABOUT_A_KEY):
            raise reply


def _ask_symbol(pipeline: Any, keys: Keys, symbol: str) -> None:
    pipeline.hmget(keys.snapshot(symbol), (*SNAPSHOT_FIELDS, *SNAPSHOT_PRICE_FIELDS))
    pipeline.hmget(keys.ledger(symbol), LEDGER_FIELDS)
    pipeline.hmget(keys.market(symbol), MARKET_FIELDS)
    pipeline.hmget(keys.limits(symbol), LIMITS_FIELDS)
    pipeline.hmget(keys.adaptive_limits(symbol), ADAPTIVE_FIELDS)
    pipeline.get(keys.hold(symbol))
    pipeline.get(keys.service_hold(symbol))
    pipeline.get(keys.reservation(symbol))
    pipeline.pttl(keys.reservation(symbol))


def _read_symbol(keys: Keys, symbol: str, replies: Sequence[Any], base: Facts) -> SymbolView:
    raw_snapshot, raw_ledger, raw_market, raw_limits, raw_adaptive, *raw_holds, reserved_by, ttl_ms = replies
    count = len(SNAPSHOT_FIELDS)
    snapshot, snapshot_problem = _decoded(decode_snapshot, symbol, raw_snapshot, slice(0, count))
    ledger, ledger_problem = _decoded(decode_ledger, symbol, raw_ledger, slice(None))
    market, market_problem = _decoded(
        lambda name, raw: decode_market(name, raw, base.source), symbol, raw_market, slice(None)
    )
    stored = ("value of another type" if isinstance(raw, Exception) else raw for raw in (raw_limits, raw_adaptive))
    limits, limits_problem = read_limits(keys, symbol, next(stored), next(stored))
    # A hold or reservation of any type stops the symbol, as it does in a verdict.
    holds = decode_holds(*("(a value of another type)" if isinstance(raw, Exception) else raw for raw in raw_holds))
    holder = "(a value of another type)" if isinstance(reserved_by, Exception) else reserved_by
    facts = Facts(
        now_ms=base.now_ms,
        run_id=base.run_id,
        life=base.life,
        source=base.source,
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
        limits=limits,
        limits_problem=limits_problem,
        as_stored=(_list_or_empty(raw_snapshot, 1)[0] or "", _list_or_empty(raw_ledger, 1)[0] or ""),
    )
    entry, mark, leverage, pnl = map(_price, _list_or_empty(raw_snapshot, count + 4)[count:])
    return SymbolView(
        symbol=symbol,
        facts=facts,
        hold_why="; ".join(map(_why, holds))[:_MAX_WHY_CHARS] if holds else None,
        entry_price=entry,
        mark_price=mark,
        leverage=leverage,
        unrealized_pnl=pnl,
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


def _read_refresh(refresh: Sequence[str | None], budget: Sequence[str | None], now_ms: int) -> RefreshView:
    started, succeeded, lease, error, source, markets = (*refresh, *[None] * 6)[:6]
    minute, used, reported, paused, own_limit, venue_limit = (*budget, *[None] * 6)[:6]
    this_minute = _integer(minute) == now_ms // 60_000
    return RefreshView(
        started_ms=_integer(started) or None,
        succeeded_ms=_integer(succeeded) or None,
        in_flight=_integer(lease) > now_ms,
        error=(error or "")[:_MAX_WHY_CHARS],
        source=source or "",
        markets_ms=_integer(markets) or None,
        used_weight=_integer(used) if this_minute else 0,
        reported_weight=_integer(reported) if this_minute else 0,
        paused_ms=max(0, _integer(paused) - now_ms),
        own_limit=_integer(own_limit),
        venue_limit=_integer(venue_limit),
    )


def _read_counters(reply: Any) -> dict[str, int]:
    counters: dict[str, int] = {}
    if isinstance(reply, dict):
        for name, value in reply.items():
            with contextlib.suppress(ValueError):
                if len(value) <= _MAX_COUNT_CHARS:
                    counters[name] = int(value)
    return counters


def _list_or_empty(reply: Any, length: int = 0) -> list[Any]:
    return reply if isinstance(reply, list) else [None] * length


def _price(value: str | None) -> Decimal | None:
    try:
        return q.parse_quantity(value) if value else None
    except InvalidQuantityError:
        return None


def _integer(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) <= 16 else 0  # noqa: PLR2004 - digits of a time
