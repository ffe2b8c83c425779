"""Throughput, round trips, exchange requests, snapshot age and memory."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

import psutil
import redis

from tests.bench.floor import app as floor_app
from tests.bench.programs import Brain
from tests.support.local_process import LocalProcess
from tests.support.waiting import wait_until

PLANS = 4_000


def verdicts_per_sec(brain: Brain, symbol: str) -> float:
    """One worker drains a backlog of plans."""
    client = brain.server.client()
    run = str(time.time_ns())
    pipeline = client.pipeline(transaction=False)
    before = client.xlen("quantum:stream:p33.decision")
    for number in range(PLANS):
        fields = {"plan_id": f"{run}-{number}", "symbol": symbol, "action": "CLOSE_FULL", "decision": "EXECUTE"}
        pipeline.xadd("quantum:stream:apply.plan", dict(fields))
    pipeline.execute()
    return _rate(lambda: int(client.xlen("quantum:stream:p33.decision")) - before, PLANS)


def floor_per_sec(client: redis.Redis) -> float:
    """The floor's worker drains a backlog of the same size from its stream."""
    client.config_set("notify-keyspace-events", "")
    run = str(time.time_ns())
    pipeline = client.pipeline(transaction=False)
    for number in range(PLANS):
        pipeline.xadd("floor:stream:apply.plan", {"plan_id": f"{run}-{number}"})
    pipeline.execute()

    def done() -> int:
        (group,) = client.xinfo_groups("floor:stream:apply.plan")
        unread = client.xrange("floor:stream:apply.plan", f"({group['last-delivered-id']}", "+")
        return PLANS - len(unread) - int(group["pending"])

    return _rate(done, PLANS)


def noops_per_sec(broker: redis.Redis, worker: LocalProcess) -> float:
    """The floor's worker drains tasks that do nothing from the broker's own queue."""
    main = psutil.Process(worker.pid)
    main.suspend()  # it takes them faster than they are sent
    try:
        with floor_app.producer_or_acquire() as producer:
            for _ in range(PLANS):
                floor_app.send_task("floor.noop", producer=producer, retry=False)
    finally:
        main.resume()
    return _rate(lambda: PLANS - int(broker.llen("floor:floor")), PLANS)


def _rate(done: object, total: int) -> float:
    """Per second between a tenth and nine tenths of the work, so that neither start nor end counts."""
    first, last = total // 10, total * 9 // 10
    assert callable(done)
    wait_until(lambda: done() >= first, "a tenth is done", timeout_sec=60, every_sec=0.005)
    began, from_ = time.perf_counter(), done()
    wait_until(lambda: done() >= last, "nine tenths are done", timeout_sec=120, every_sec=0.005)
    rate = (done() - from_) / (time.perf_counter() - began)
    wait_until(lambda: done() >= total, "all is done", timeout_sec=120)
    return float(rate)


def round_trips_per_verdict(brain: Brain, symbol: str, plans: int = 50) -> float:
    """Commands that pool processes send to the state store for one verdict, as MONITOR sees them."""
    client = brain.server.client()
    seen: list[str] = []
    monitor = redis.Redis(port=brain.server.port, decode_responses=True)
    with monitor.monitor() as commands:
        for number in range(plans):
            plan_id = f"trip-{time.time_ns()}-{number}"
            fields = {"plan_id": plan_id, "symbol": symbol, "action": "CLOSE_FULL", "decision": "EXECUTE"}
            client.xadd("quantum:stream:apply.plan", dict(fields))
            key = f"quantum:permit:p33:{plan_id}"
            wait_until(lambda key=key: client.exists(key), "a verdict", every_sec=0.01)
        client.set("bench:end", "1")
        for command in commands.listen():
            if command["command"].startswith("SET bench:end"):
                break
            if command["client_type"] != "lua" and "quantum:p33:decision:trip-" in command["command"]:
                seen.append(command["command"])
    return len(seen) / plans


def exchange_load(brain: Brain, seconds: float) -> tuple[float, float]:
    """Requests and weight per minute, by the exchange's own count."""
    brain.exchange.forget_requests()
    began = time.perf_counter()
    threading.Event().wait(seconds)
    counts = brain.exchange.requests()
    minutes = (time.perf_counter() - began) / 60
    endpoints = counts.endpoints.values()
    return sum(e.count for e in endpoints) / minutes, sum(e.weight for e in endpoints) / minutes


def oldest_snapshot_sec(brain: Brain, symbols: list[str], seconds: float) -> Decimal:
    """The greatest age that any symbol's snapshot reached, looked at ten times a second."""
    client = brain.server.client()
    worst, ends = 0, time.perf_counter() + seconds
    while time.perf_counter() < ends:
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for symbol in symbols:
            pipeline.hget(f"quantum:position:snapshot:{symbol}", "ts_ms")
        (sec, micros), *fetched = pipeline.execute()
        now_ms = sec * 1000 + micros // 1000
        worst = max(worst, now_ms - min(int(ts_ms) for ts_ms in fetched))
        threading.Event().wait(0.1)
    return Decimal(worst) / 1000


def memory_mb(brain: Brain) -> dict[str, float]:
    """Proportional set size (PSS) of the worker's processes: shared pages are counted once."""
    found: dict[str, float] = {}
    for process in brain.worker.tree():
        kind = "main" if process.pid == brain.worker.pid else "child"
        if "p33_tasks.celery.ingest" in " ".join(process.cmdline()):
            kind = "ingest"
        found[kind] = found.get(kind, 0.0) + psutil.Process(process.pid).memory_full_info().pss / 2**20
    return found
