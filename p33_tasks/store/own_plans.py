"""The plans of this account that were allowed and consumed, whose orders are ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p33_tasks.contract.keys import Keys
from p33_tasks.store.scripts import translated_errors

if TYPE_CHECKING:
    import redis

MOST_DECISIONS = 5_000
"""Entries of the decision stream searched for our plans. Orders of older plans count as external, and are held."""
PAGE = 500


def consumed_plans(client: redis.Redis, keys: Keys, symbol: str, since_ms: int) -> list[str]:
    """The ids of a symbol's plans allowed since ``since_ms`` and consumed, the latest first."""
    allowed = _allowed_since(client, keys, symbol, since_ms)
    with translated_errors():
        pipeline = client.pipeline(transaction=False)
        for plan_id in allowed:
            pipeline.exists(keys.consumed(plan_id))
        consumed = pipeline.execute() if allowed else []
    return [plan_id for plan_id, is_there in zip(allowed, consumed, strict=True) if is_there]


def _allowed_since(client: redis.Redis, keys: Keys, symbol: str, since_ms: int) -> list[str]:
    found, last, seen = [], "+", 0
    while seen < MOST_DECISIONS:
        with translated_errors():
            page: Any = client.xrevrange(keys.decisions, max=last, min=str(max(since_ms, 0)), count=PAGE)
        found += [
            fields["plan_id"]
            for _, fields in page
            if fields.get("symbol") == symbol and fields.get("allow") == "true" and "plan_id" in fields
        ]
        seen += len(page)
        if len(page) < PAGE:
            break
        last = f"({page[-1][0]}"
    return list(dict.fromkeys(found))
