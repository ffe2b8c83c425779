"""XADD-to-permit latency: from before the plan is sent until Redis tells that the permit was written."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis

from tests.support.redis_server import RedisServer

SETTLE_SEC = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What came of the plans of one measurement."""

    took_ms: Sequence[float]  # of those that count, the quickest first
    missing: int  # no permit came
    others: int = 0  # a permit came, and it isn't one of those that count

    @property
    def p50(self) -> float:
        """Milliseconds."""
        return self._cut(49)

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return self._cut(98)

    @property
    def worst(self) -> float:
        """Milliseconds."""
        return self.took_ms[-1] if self.took_ms else float("nan")

    def _cut(self, at: int) -> float:
        return statistics.quantiles(self.took_ms, n=100)[at] if len(self.took_ms) > 1 else float("nan")


def together(parts: Sequence[Latency]) -> Latency:
    """Several measurements of the same as one."""
    return Latency(
        took_ms=sorted(ms for part in parts for ms in part.took_ms),
        missing=sum(part.missing for part in parts),
        others=sum(part.others for part in parts),
    )


def measure(
    server: RedisServer,
    prefix: str,
    symbols: str | Sequence[str],
    *,
    per_sec: int,
    seconds: float,
    action: str = "CLOSE_PARTIAL_75",
    frees: bool = False,
    counts: str = "",
) -> Latency:
    """Send plans at an even rate and wait for their permits, told by keyspace events to this same process.

    Args:
        server: Where.
        prefix: Of the keys.
        symbols: In turn.
        per_sec: Plans.
        seconds: For so long.
        action: Of every plan.
        frees: Whether each position is given free as soon as its permit is there, so that the next plan can be allowed.
        counts: Only permits with this text in them count.
    """
    client = server.client()
    client.config_set("notify-keyspace-events", "K$")
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    total, done = int(per_sec * seconds), threading.Event()
    run, head = f"{time.time_ns()}", f"__keyspace@0__:{prefix}:permit:p33:"
    arrived: dict[str, float] = {}
    events = redis.Redis(port=server.port, decode_responses=True, socket_timeout=60).pubsub()
    events.psubscribe(f"{head}*")
    events.get_message(timeout=10)  # subscribed: no permit is missed
    free = [f"{prefix}:position:inflight:{name}" for name in names] if frees else []
    listener = threading.Thread(
        target=_listen, args=(events, head, arrived, total, done, server.client(), free), daemon=True
    )
    listener.start()
    sent: dict[str, float] = {}
    began = time.perf_counter()
    for number in range(total):
        _until(began + number / per_sec)
        plan_id = f"{run}-{number}"
        sent[plan_id] = time.perf_counter()
        fields = {"plan_id": plan_id, "symbol": names[number % len(names)], "action": action, "decision": "EXECUTE"}
        client.xadd(f"{prefix}:stream:apply.plan", dict(fields))
    done.wait(SETTLE_SEC)
    there = [plan_id for plan_id in sent if plan_id in arrived]
    mine = _counting(client, prefix, there, counts) if counts else there
    took = sorted((arrived[plan_id] - sent[plan_id]) * 1000 for plan_id in mine)
    return Latency(took_ms=took, missing=total - len(there), others=len(there) - len(mine))


def _counting(client: redis.Redis, prefix: str, plan_ids: Sequence[str], text: str) -> list[str]:
    permits = client.mget([f"{prefix}:permit:p33:{plan_id}" for plan_id in plan_ids]) if plan_ids else []
    return [plan_id for plan_id, permit in zip(plan_ids, permits, strict=True) if permit and text in permit]


def _listen(
    events: redis.client.PubSub,
    head: str,
    arrived: dict[str, float],
    total: int,
    done: threading.Event,
    client: redis.Redis,
    free: Sequence[str],
) -> None:
    with contextlib.suppress(redis.ConnectionError):  # Redis ends before the last one came: it is told as missing
        for message in events.listen():
            if message["type"] == "pmessage":
                plan_id = str(message["channel"]).removeprefix(head)
                arrived.setdefault(plan_id, time.perf_counter())
                if free:
                    client.delete(free[int(plan_id.rpartition("-")[2]) % len(free)])
                if len(arrived) >= total:
                    done.set()
                    return


def _until(moment: float) -> None:
    while (rest := moment - time.perf_counter()) > 0:
        threading.Event().wait(rest)
