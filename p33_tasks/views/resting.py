"""Reads for display: the time of the last reading of the account's open orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.timing import decode_time
from p33_tasks.errors import CorruptStateError
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis


@dataclass(frozen=True, slots=True, kw_only=True)
class RestingReading:
    """The last reading, Redis TIME in milliseconds."""

    succeeded_ms: int | None  # before the last successful request was sent; None: there was none
    error: str  # of the last one; empty if it succeeded


def read_resting_reading(client: redis.Redis, keys: Keys) -> RestingReading:
    """The last reading. Raises StoreError: Redis is unavailable, or refuses."""
    with translated_errors():
        found: list[Any] = client.hmget(keys.resting_reading, "succeeded_ms", "error")
    succeeded, error = found
    try:
        return RestingReading(succeeded_ms=decode_time(succeeded, None), error=error or "")
    except CorruptStateError as problem:
        return RestingReading(succeeded_ms=None, error=str(problem))
