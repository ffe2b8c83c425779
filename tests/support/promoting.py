"""Forecasts, preparation and promotion over a test's ``Gate``."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.domain.models import Plan, Policy
from p33_tasks.ports import StreamEntry
from p33_tasks.services.prepare_permits import PreparationService
from p33_tasks.services.promote_prepared import PromotionService
from p33_tasks.store import scripts
from p33_tasks.store.prepared import RedisPreparedStore
from tests.support.gate import SOURCE, SYMBOL, Gate

TASK_ID = "7d1f0a52-prepared"


def forecast(gate: Gate, symbol: str = SYMBOL, action: str = "PARTIAL_75", **fields: str) -> None:
    """Somebody expects a plan."""
    entry = {"symbol": symbol, "action": action, "horizon_sec": "30", **fields}
    gate.redis.xadd(gate.keys.forecasts, dict[Any, Any](entry))


def prepare(gate: Gate, policy: Policy | None = None, most: int = 600) -> int:
    """What the task does; how many allows are ready."""
    store = RedisPreparedStore(gate.verdicts._client, gate.keys)
    service = PreparationService(store, gate.verdicts, policy or gate.policy, source=SOURCE, most=most)
    return service.prepare(task_id=TASK_ID)


def promote(gate: Gate, *plans: tuple[Plan, StreamEntry], policy: Policy | None = None) -> frozenset[str]:
    """What the ingest does; the entries that are done."""
    return PromotionService(gate.verdicts, policy or gate.policy, source=SOURCE).promote(plans)


_CLOCK = "tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)"
AHEAD_KEY = "test:ahead_ms"


def move_the_scripts_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the scripts of new clients add what ``AHEAD_KEY`` holds, ms, to Redis' TIME; nothing else."""
    original = scripts.source

    def ahead(name: str, room: str) -> str:
        text = original(name, room)
        assert text.count(_CLOCK) == 1
        return text.replace(_CLOCK, f"{_CLOCK} + tonumber(redis.call('GET', '{AHEAD_KEY}') or '0')")

    monkeypatch.setattr(scripts, "source", ahead)
