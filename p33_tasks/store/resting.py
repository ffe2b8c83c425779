"""Resting orders in Redis: one reading per minute for the account, stored per position."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from p33_tasks.abilities import RestingReport
from p33_tasks.contract.hash_values import MAX_NAME_CHARS
from p33_tasks.contract.keys import Keys
from p33_tasks.contract.resting import encode_resting, encode_resting_problem
from p33_tasks.domain.models import Leg
from p33_tasks.ports import RestingClaim
from p33_tasks.store.scripts import Scripts, translated_errors

if TYPE_CHECKING:
    import redis

PERIOD_MS = 60_000
TTL_SEC = 600
"""Longer than an answer may be used, so that its age can be shown."""
BATCH = 200
"""Positions per script call: Redis serves no other client while a script runs."""


class RedisRestingStore:
    """Implements ``ports.RestingStore``."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        self._client = client
        self._scripts = Scripts(client)
        self._keys = keys

    def is_due(self) -> bool:
        """See ``ports.RestingStore.is_due``."""
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hget(self._keys.resting_reading, "claimed_ms")
            pipeline.time()
            claimed, (seconds, micros) = pipeline.execute()
        if claimed is None or not claimed.isdecimal():
            return True
        return not 0 <= seconds * 1000 + micros // 1000 - int(claimed[:14]) < PERIOD_MS

    def claim(self, source: str) -> RestingClaim | None:
        """See ``ports.RestingStore.claim``."""
        status, now_ms, life = self._scripts.run(
            "claim_resting",
            {"resting_key": self._keys.resting_reading, "epoch_key": self._keys.epoch},
            {"source": source, "period_ms": PERIOD_MS, "token": uuid.uuid4().hex},
        )
        return RestingClaim(now_ms=int(now_ms), life=life, source=source) if status == "mine" else None

    def put(self, claim: RestingClaim, report: RestingReport) -> bool:
        """See ``ports.RestingStore.put``."""
        for batch in _batches(self._positions(report)):
            reply = self._scripts.run(
                "put_resting",
                {"epoch_key": self._keys.epoch, "positions": [key for key, _ in batch]},
                {
                    "life_read": claim.life,
                    "ts_ms": claim.now_ms,
                    "source": claim.source,
                    "ttl_sec": TTL_SEC,
                    "found": [{"sell": "", "buy": "", "problem": "", **fields} for _, fields in batch],
                },
            )
            if reply[0] != "written":
                return False
        self._write_reading(claim, "")
        return True

    def fail(self, claim: RestingClaim, error: str) -> None:
        """See ``ports.RestingStore.fail``."""
        self._write_reading(claim, error)

    def _positions(self, report: RestingReport) -> Iterator[tuple[str, dict[str, str]]]:
        """Every position that a symbol can have, with its fields: only its snapshot shows which of them exist."""
        for symbol, orders in report.orders.items():
            for leg in Leg:
                yield self._keys.resting(symbol, leg), encode_resting(leg, orders)
        for symbol, problem in report.invalid.items():
            for leg in Leg:
                yield self._keys.resting(symbol, leg), encode_resting_problem(problem)

    def _write_reading(self, claim: RestingClaim, error: str) -> None:
        values: dict[Any, Any] = {"error": error[:MAX_NAME_CHARS]}
        if not error:
            values["succeeded_ms"] = str(claim.now_ms)
        with translated_errors():
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hset(self._keys.resting_reading, mapping=values)
            pipeline.hincrby(self._keys.counters, f"p33_resting_reading_total|{'error' if error else 'ok'}", 1)
            pipeline.execute()


def _batches(positions: Iterator[tuple[str, dict[str, str]]]) -> Iterator[tuple[tuple[str, dict[str, str]], ...]]:
    while batch := tuple(islice(positions, BATCH)):
        yield batch
