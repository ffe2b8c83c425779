"""What an engine test puts into Redis and looks up there."""

from __future__ import annotations

import json
import re
from typing import Any

import psutil
import redis

from tests.support.local_process import LocalProcess
from tests.support.waiting import wait_until

PLANS = "quantum:stream:apply.plan"
RESULTS = "quantum:stream:apply.result"
DEAD = "quantum:stream:p33.deadletter"
DECISIONS = "quantum:stream:p33.decision"
COUNTERS = "quantum:p33:counters"
GROUP = "p33"


def plan(plan_id: str, **changes: Any) -> dict[Any, Any]:
    return {"plan_id": plan_id, "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE", **changes}


def result(plan_id: str, **changes: Any) -> dict[Any, Any]:
    return {"plan_id": plan_id, "symbol": "BTCUSDT", "executed": "false", **changes}


def verdict(client: redis.Redis, plan_id: str, *, timeout_sec: float = 10) -> dict[str, Any]:
    raw = wait_until(
        lambda: client.get(f"quantum:p33:decision:{plan_id}"), f"a verdict on {plan_id}", timeout_sec=timeout_sec
    )
    found: dict[str, Any] = json.loads(raw)
    return found


def pending(client: redis.Redis, stream: str = PLANS) -> int:
    try:
        return int(client.xpending(stream, GROUP)["pending"])
    except redis.ResponseError:
        return -1  # no group yet


def await_settled(client: redis.Redis, stream: str = PLANS, *, timeout_sec: float = 15) -> None:
    """Everything that is in the stream was read and acknowledged."""

    def settled() -> bool:
        groups = {g["name"]: g for g in client.xinfo_groups(stream)} if client.exists(stream) else {}
        last = client.xinfo_stream(stream)["last-generated-id"] if groups else None
        return GROUP in groups and groups[GROUP]["pending"] == 0 and groups[GROUP]["last-delivered-id"] == last

    wait_until(settled, f"{stream} is settled", timeout_sec=timeout_sec)


def ingest_pid(worker: LocalProcess) -> int:
    """Of the newest ingest that the worker started."""
    found = re.findall(r"PROCESS_STARTED process=ingest pid=(\d+)", worker.logs())
    assert found, worker.logs()
    return int(found[-1])


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
