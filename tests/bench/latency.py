"""XADD-to-permit latency: from before the plan is sent until Redis tells that the permit was written."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from dataclasses import dataclass

import redis

from tests.support.redis_server import RedisServer

SETTLE_SEC = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float
    worst: float
    missing: int


def measure(server: RedisServer, prefix: str, symbol: str, *, per_sec: int, seconds: float) -> Latency:
    """Send plans at an even rate and wait for their permits, told by keyspace events to this same process."""
    client = server.client()
    client.config_set("notify-keyspace-events", "K$")
    arrived: dict[str, float] = {}
    total, done = int(per_sec * seconds), threading.Event()
    head = f"__keyspace@0__:{prefix}:permit:p33:"
    events = redis.Redis(port=server.port, decode_responses=True, socket_timeout=60).pubsub()
    events.psubscribe(f"{head}*")
    events.get_message(timeout=10)  # subscribed: no permit is missed
    listener = threading.Thread(target=_listen, args=(events, head, arrived, total, done), daemon=True)
    listener.start()
    run, sent = f"{time.time_ns()}", {}
    began = time.perf_counter()
    for number in range(total):
        _until(began + number / per_sec)
        plan_id = f"{run}-{number}"
        sent[plan_id] = time.perf_counter()
        fields = {"plan_id": plan_id, "symbol": symbol, "action": "CLOSE_PARTIAL_75", "decision": "EXECUTE"}
        client.xadd(f"{prefix}:stream:apply.plan", dict(fields))
    done.wait(SETTLE_SEC)
    took = sorted((arrived[plan_id] - at) * 1000 for plan_id, at in sent.items() if plan_id in arrived)
    cuts = statistics.quantiles(took, n=100)
    return Latency(p50=cuts[49], p99=cuts[98], worst=took[-1], missing=total - len(took))


def _listen(
    events: redis.client.PubSub, head: str, arrived: dict[str, float], total: int, done: threading.Event
) -> None:
    with contextlib.suppress(redis.ConnectionError):  # Redis ends before the last one came: it is told as missing
        for message in events.listen():
            if message["type"] == "pmessage":
                arrived.setdefault(str(message["channel"]).removeprefix(head), time.perf_counter())
                if len(arrived) >= total:
                    done.set()
                    return


def _until(moment: float) -> None:
    while (rest := moment - time.perf_counter()) > 0:
        threading.Event().wait(rest)
