"""Reads for display: the state of the whole service at one moment, in a fixed number of round trips.

Read-only, plain commands only: a Redis user without write access can run them. A value that can't be read (another
type, no number) is recorded in the view as a problem, as it is for a verdict.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.forecast_status import ForecastStatus, decode_status
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.life import life_of
from p33_tasks.domain.models import Facts
from p33_tasks.store.scripts import translated_errors
from p33_tasks.views.position_reads import (
    MAX_WHY_CHARS,
    PositionBatch,
    RawPosition,
    is_hedged,
    list_or_empty,
    raise_unless_about_a_key,
    read_legs,
    read_symbol,
)
from p33_tasks.views.positions import SymbolView
from p33_tasks.views.streams import StreamView, ask_streams, read_streams

if TYPE_CHECKING:
    import redis

_REFRESH_FIELDS = ("started_ms", "succeeded_ms", "lease_until_ms", "error", "source", "markets_ms")
_BUDGET_FIELDS = ("minute", "used", "reported", "paused_until_ms", "own_limit", "venue_limit")
_MAX_COUNT_CHARS = len(str(-(2**63)))  # Redis's largest counter; a longer text overflowed a float and ended the scrape


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshView:
    """The bulk requests to the exchange. Times are Redis TIME in milliseconds, None where nothing is known."""

    started_ms: int | None
    succeeded_ms: int | None
    in_flight: bool
    error: str  # of the last one; empty if it succeeded
    source: str
    markets_ms: int | None
    used_weight: int  # our own request weight in this minute
    reported_weight: int  # of all programs on this address, as reported by the venue, in this minute
    paused_ms: int  # time left of the pause that the venue requested
    own_limit: int = 0  # weight per minute at which we stop; 0: no request yet
    venue_limit: int = 0  # the same limit for the weight that the venue reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole service at one moment."""

    now_ms: int
    run_id: str
    redis_version: str
    symbols: tuple[SymbolView, ...]  # in hedge mode a symbol has two, its legs
    refresh: RefreshView
    streams: tuple[StreamView, ...]
    counters: Mapping[str, int]  # as stored: name|label|label
    problems: tuple[str, ...]  # our keys with a value of another type
    forecast: ForecastStatus | None = None  # the forecaster's last status; None: none ran within a day


def read_overview(client: redis.Redis, keys: Keys, symbols: Sequence[str], *, source: str) -> Overview:
    """Read everything, in one pipeline and up to four more.

    A second pipeline reads the streams' oldest entries and readers, a third the reservations and limits of positions,
    and if a symbol is in hedge mode one more reads the legs (two if a refresh came in between).

    Args:
        client: Any client that decodes replies.
        keys: The keys of the account.
        symbols: The venue's ids.
        source: Venue and host that snapshots must come from.

    Raises:
        StoreError: Redis is unavailable, or refuses.
    """
    batch = PositionBatch(keys, [RawPosition(symbol=symbol) for symbol in symbols])
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        pipeline.info("server")
        pipeline.info("replication")
        pipeline.get(keys.epoch)
        pipeline.hgetall(keys.counters)
        pipeline.hmget(keys.refresh, _REFRESH_FIELDS)
        pipeline.hmget(keys.budget, _BUDGET_FIELDS)
        pipeline.get(keys.forecast_status)
        ask_streams(pipeline, keys)
        batch.ask(pipeline)
        replies = pipeline.execute(raise_on_error=False)
        raise_unless_about_a_key(replies)
        head, rest = replies[:8], replies[8:]
        first = len(rest) - batch.commands
        batch.take(client, rest[first:])
    now_ms, run_id = head[0][0] * 1000 + head[0][1] // 1000, str(head[1].get("run_id", ""))
    epoch = None if isinstance(head[3], Exception) else head[3]
    life = life_of(run_id, str(head[2].get("master_replid", "")), epoch)
    base = Facts(now_ms=now_ms, run_id=run_id, life=life, source=source)
    views = [read_symbol(keys, raw, base) for raw in batch.positions]
    hedged = [raw for raw, view in zip(batch.positions, views, strict=True) if is_hedged(view)]
    legs = read_legs(client, keys, hedged, base) if hedged else {}
    named = zip((keys.epoch, keys.counters, keys.refresh, keys.budget), head[3:7], strict=True)
    return Overview(
        now_ms=now_ms,
        run_id=run_id,
        redis_version=str(head[1].get("redis_version", "")),
        symbols=tuple(each for view in views for each in legs.get(view.symbol, (view,))),
        refresh=_read_refresh(list_or_empty(head[5]), list_or_empty(head[6]), now_ms),
        streams=read_streams(client, keys, rest[:first]),
        counters=_read_counters(head[4]),
        problems=tuple(f"{key}: {reply}" for key, reply in named if isinstance(reply, Exception)),
        forecast=decode_status(head[7]),
    )


def _read_refresh(refresh: Sequence[str | None], budget: Sequence[str | None], now_ms: int) -> RefreshView:
    started, succeeded, lease, error, source, markets = (*refresh, *[None] * 6)[:6]
    minute, used, reported, paused, own_limit, venue_limit = (*budget, *[None] * 6)[:6]
    this_minute = _integer(minute) == now_ms // 60_000
    return RefreshView(
        started_ms=_integer(started) or None,
        succeeded_ms=_integer(succeeded) or None,
        in_flight=_integer(lease) > now_ms,
        error=(error or "")[:MAX_WHY_CHARS],
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


def _integer(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) <= 16 else 0  # noqa: PLR2004 - digits of a time
