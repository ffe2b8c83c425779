"""Forecasts and prepared verdicts in Redis; each prepared verdict expires when its snapshot is too old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from p33_tasks.contract.entries import time_ms_of
from p33_tasks.contract.forecasts import MAX_HORIZON_SEC, MOST_READ, parse_forecast
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.prepared import encode_prepared
from p33_tasks.domain.forecasts import Forecast
from p33_tasks.domain.quantities import ZERO, canonical
from p33_tasks.errors import InvalidMessageError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Prepared
from p33_tasks.store.scripts import translated_errors
from p33_tasks.store.verdict_calls import evaluated

if TYPE_CHECKING:
    import redis

log = structlog.get_logger("p33.prepare")


class RedisPreparedStore:
    """Implements ``ports.PreparedStore``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    def forecasts(self) -> tuple[int, list[Forecast]]:
        """See ``ports.PreparedStore.forecasts``. Also trims expired entries, and entries beyond the limit."""
        keys = self._keys
        with translated_errors():
            sec, micros = self._client.time()
            now_ms = int(sec) * 1000 + int(micros) // 1000
            oldest = str(now_ms - MAX_HORIZON_SEC * 1000)
            pipeline = self._client.pipeline(transaction=False)
            pipeline.xrevrange(keys.forecasts, "+", oldest, count=MOST_READ)
            pipeline.get(keys.forecasts_read)
            pipeline.xtrim(keys.forecasts, minid=oldest)
            pipeline.xtrim(keys.forecasts, maxlen=MOST_READ)
            entries, read, *_ = pipeline.execute()
            found, ignored = _understood(entries, now_ms, read=read or "0-0")
            if entries and entries[0][0] != read:
                self._client.set(keys.forecasts_read, entries[0][0])
            if ignored:
                self._client.hincrby(keys.counters, "p33_forecast_ignored_total", ignored)
        return now_ms, found

    def save(self, prepared: Sequence[Prepared], *, policy_digest: str) -> None:
        """See ``ports.PreparedStore.save``."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            for one in prepared:
                plan = one.plan
                key = self._keys.prepared(plan.symbol, plan.position_side, canonical(plan.close_factor or ZERO))
                text = encode_prepared(one, policy_digest=policy_digest, evaluated=evaluated(one.facts))
                pipeline.set(key, text, px=one.policy.stale_threshold_ms)
            pipeline.execute()


def _understood(entries: Sequence[tuple[str, dict[str, str]]], now_ms: int, *, read: str) -> tuple[list[Forecast], int]:
    """The usable forecasts, and the number of unusable entries among those not read before."""
    found: list[Forecast] = []
    ignored = 0
    for entry_id, fields in entries:
        try:
            found.append(parse_forecast(fields, added_ms=time_ms_of(entry_id), now_ms=now_ms))
        except InvalidMessageError as error:
            if _order(entry_id) > _order(read):
                ignored += 1
                log.info(LogEvent.FORECAST_IGNORED, entry_id=entry_id, error=str(error))
    return found, ignored


def _order(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)
