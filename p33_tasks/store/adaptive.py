"""Statistics and adapted cooldowns in Redis, in two round trips for any number of symbols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.limits import LIMITS_FIELDS, seconds_text
from p33_tasks.contract.positions import HEDGE_LEGS
from p33_tasks.contract.snapshots import HEDGE
from p33_tasks.contract.statistics import amount_of, decode_statistics, encode_statistics, mark_of
from p33_tasks.contract.timing import decode_time
from p33_tasks.domain.models import Leg
from p33_tasks.domain.quantities import canonical
from p33_tasks.errors import CorruptStateError
from p33_tasks.ports import Adapted, Observed
from p33_tasks.store.limits import read_limits
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

STATISTICS_TTL_MS = 2 * 86_400_000
ADAPTIVE_TTL_MS = 180_000
"""Without refreshes, the adapted cooldown expires after this time."""


class RedisAdaptiveStore:
    """Implements ``ports.AdaptiveStore``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def observe(self, symbols: Sequence[str]) -> tuple[Observed, ...]:
        """See ``ports.AdaptiveStore.observe``."""
        keys = self._keys
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.time()
            for symbol in symbols:
                pipeline.hmget(keys.snapshot(symbol), "mark_price", "position_amt", "ts_ms", "source", "position_mode")
                pipeline.hmget(keys.ledger(symbol), "last_known_amt", "last_order_time_ms")
                pipeline.hmget(keys.limits(symbol), LIMITS_FIELDS)
                pipeline.get(keys.statistics(symbol))
            time, *replies = pipeline.execute(raise_on_error=False)
            if isinstance(time, Exception):
                raise time
        sec, micros = time
        now_ms = sec * 1000 + micros // 1000
        return tuple(self._observed(symbol, now_ms, replies[at * 4 : at * 4 + 4]) for at, symbol in enumerate(symbols))

    def _observed(self, symbol: str, now_ms: int, replies: Sequence[Any]) -> Observed:
        # A foreign type is an error of one command: that value is unknown here. The verdicts' rules deny separately.
        snapshot, ledger, limits, statistics = (None if isinstance(reply, Exception) else reply for reply in replies)
        mark, position_amt, ts_ms, source, mode = snapshot or (None,) * 5
        ledger_amt, ordered_ms = ledger or (None, None)
        operator, problem = read_limits(self._keys, symbol, "foreign type" if limits is None else limits, "none")
        return Observed(
            symbol=symbol,
            now_ms=now_ms,
            mark=mark_of(mark),
            position_amt=amount_of(position_amt),
            ts_ms=_time(ts_ms),
            source=source or "",
            ledger_amt=amount_of(ledger_amt),
            ordered_ms=_time(ordered_ms),
            limits=None if problem else operator,
            statistics=decode_statistics(statistics),
            legs=HEDGE_LEGS if mode == HEDGE else (Leg.BOTH,),
        )

    def save(self, adapted: Sequence[Adapted]) -> None:
        """See ``ports.AdaptiveStore.save``."""
        keys = self._keys
        with translated_errors():
            pipeline = self._client.pipeline(transaction=True)
            for one in adapted:
                pipeline.set(keys.statistics(one.symbol), encode_statistics(one.statistics), px=STATISTICS_TTL_MS)
                for key in (keys.adaptive_limits(one.symbol, leg) for leg in one.legs):
                    # Overwrite any value: one that can't be read would deny the position's plans.
                    pipeline.delete(key)
                    if one.cooldown_ms is not None:
                        fields = {
                            "cooldown_sec": seconds_text(one.cooldown_ms),
                            "cooldown_by": one.by,
                            "base_sec": seconds_text(one.base_ms),
                            "measured": canonical(one.measured),
                        }
                        pipeline.hset(key, mapping=dict[Any, Any](fields))
                        pipeline.pexpire(key, ADAPTIVE_TTL_MS)
            pipeline.execute()


def _time(text: str | None) -> int | None:
    try:
        return decode_time(text, None)
    except CorruptStateError:
        return None
