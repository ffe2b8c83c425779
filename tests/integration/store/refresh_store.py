"""The snapshot store of a gate, with refresh times of a test's own."""

from __future__ import annotations

from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import OTHER, SYMBOL, Gate


def store_of(
    gate: Gate, *, poll_ms: int = 5_000, lease_ms: int = 10_000, symbols: tuple[str, ...] = (SYMBOL, OTHER)
) -> RedisSnapshotStore:
    times = RefreshTimes(poll_ms=poll_ms, cooldown_ms=15_000, lease_ms=lease_ms)
    return RedisSnapshotStore(gate.server.client(), gate.keys, allowlist=symbols, times=times)
