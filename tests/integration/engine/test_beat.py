"""``celery -A p33_tasks beat``: every symbol, every period, in one publish, whatever the broker does."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from datetime import timedelta

import psutil
import pytest
from redis.connection import AbstractConnection

from p33_tasks.celery.config import make_app
from p33_tasks.celery.scheduler import MAX_TICKS_WAITING, RETRY_SEC, BatchScheduler
from p33_tasks.settings import load_settings
from tests.integration.engine.conftest import NO_EXCHANGE
from tests.support.local_process import LocalProcess
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until

QUEUE = "quantum:p33.snapshots"
SYMBOLS = tuple(f"S{n:03d}USDT" for n in range(600))


def _symbols(broker) -> Counter[str]:
    bodies = [json.loads(base64.b64decode(json.loads(raw)["body"])) for raw in broker.lrange(QUEUE, 0, -1)]
    return Counter(kwargs["symbol"] for _, kwargs, _ in bodies)


@pytest.fixture
def scheduler(redis_server):
    """Beat's scheduler for 600 symbols, ticked by hand."""
    settings = load_settings({**redis_server.environment, "P33_ALLOWLIST": ",".join(SYMBOLS), "P33_POLL_SEC": "5"})
    found = BatchScheduler(app=make_app(settings))
    yield found
    found.close()


def test_sends_one_refresh_per_symbol_at_once_and_again_every_period(redis_server, start):
    start("beat", P33_ALLOWLIST="BTCUSDT,ETHUSDT", P33_POLL_SEC="0.3")
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen(QUEUE) >= 10, "five ticks", timeout_sec=20)
        found = _symbols(broker)
    assert set(found) == {"BTCUSDT", "ETHUSDT"}
    assert abs(found["BTCUSDT"] - found["ETHUSDT"]) <= 1


def test_600_symbols_are_published_in_one_batch(redis_server, scheduler, monkeypatch):
    """One pipeline of 1200 commands (each task has its event), beside a few that look at the queues.

    Counted where it is sent: in how many pieces Redis reads it depends on how busy the machine is.
    """
    writes = []
    send = AbstractConnection.send_packed_command
    monkeypatch.setattr(
        AbstractConnection,
        "send_packed_command",
        lambda self, *args, **kwargs: (writes.append(1), send(self, *args, **kwargs))[1],
    )
    with redis_server.client() as client:
        scheduler.tick()  # connects and declares
        commands = client.info("commandstats")["cmdstat_lpush"]["calls"]
        for entry in scheduler.schedule.values():
            entry.last_run_at -= entry.schedule.run_every
        writes.clear()
        delay = scheduler.tick()
        written = len(writes)
        sent = client.info("commandstats")["cmdstat_lpush"]["calls"] - commands
    assert sent == 600
    assert 0 < written < 20, f"{written} writes for 600 messages"
    assert 0 < delay <= 5
    with redis_server.client(1) as broker:
        assert set(_symbols(broker).values()) == {2}


def test_while_no_worker_takes_them_a_few_ticks_wait_and_no_more(redis_server, scheduler):
    """A night without workers filled Redis with refreshes, and a full Redis permits nothing."""

    def tick_again():
        for entry in scheduler.schedule.values():
            entry.last_run_at -= entry.schedule.run_every
        return scheduler.tick()

    with redis_server.client(1) as broker:
        for _ in range(MAX_TICKS_WAITING + 3):
            assert 0 < tick_again() <= 5
        assert set(_symbols(broker).values()) == {MAX_TICKS_WAITING}
        broker.delete(QUEUE)
        tick_again()
        assert set(_symbols(broker).values()) == {1}, "taken, they are sent again"


def test_a_queue_that_no_worker_serves_stops_its_own_job_only(redis_server, scheduler):
    """A new job whose queue is in nobody's ``-Q`` must not make every snapshot stale."""
    entry = scheduler.Entry(
        name="p33.toy", task="p33.toy", schedule=5.0, kwargs={}, options={"queue": "p33.reconcile"}, app=scheduler.app
    )
    scheduler.schedule["p33.toy"] = entry
    with redis_server.client(1) as broker:
        broker.lpush("quantum:p33.reconcile", *["x"] * MAX_TICKS_WAITING)
        scheduler.tick()
        assert set(_symbols(broker).values()) == {1}
        assert broker.llen("quantum:p33.reconcile") == MAX_TICKS_WAITING


def test_all_symbols_stay_due_together(redis_server, scheduler):
    scheduler.tick()
    times = {entry.last_run_at for entry in scheduler.schedule.values()}
    assert len(times) == 1
    assert scheduler.tick() > 0
    with redis_server.client(1) as broker:
        assert set(_symbols(broker).values()) == {1}, "a second tick within the period sends nothing"


def test_a_host_clock_that_stepped_back_stops_no_refresh(redis_server, scheduler):
    """Set right by an hour, beat would have been silent for that hour, and every snapshot stale."""
    scheduler.tick()
    for entry in scheduler.schedule.values():
        entry.last_run_at += timedelta(hours=1)  # the clock went back, not the entry forward; it is the same
    scheduler.tick()
    assert 0 < scheduler.tick() <= 5
    with redis_server.client(1) as broker:
        assert set(_symbols(broker).values()) == {2}, "sent again at once, and then once per period"


def test_a_tick_of_1500_symbols_is_cheap(redis_server):
    symbols = ",".join(f"S{n:04d}USDT" for n in range(1500))
    settings = load_settings({**redis_server.environment, "P33_ALLOWLIST": symbols})
    scheduler = BatchScheduler(app=make_app(settings))
    scheduler.tick()
    for entry in scheduler.schedule.values():
        entry.last_run_at -= entry.schedule.run_every
    before = psutil.Process().cpu_times()
    scheduler.tick()
    after = psutil.Process().cpu_times()
    scheduler.close()
    spent_sec = after.user + after.system - before.user - before.system
    assert spent_sec < 1.5, f"{spent_sec} s of CPU per tick; stock Celery never catches up"


def test_a_failed_publish_leaves_the_tick_due(redis_server, scheduler):
    scheduler.tick()
    for entry in scheduler.schedule.values():
        entry.last_run_at -= entry.schedule.run_every
    redis_server.kill()
    assert scheduler.tick() == RETRY_SEC
    assert scheduler.tick() == RETRY_SEC
    redis_server.start()
    wait_until(lambda: scheduler.tick() > RETRY_SEC, "the tick is sent")
    with redis_server.client(1) as broker:
        assert set(_symbols(broker).values()) == {1}


def test_goes_on_ticking_after_redis_was_away(redis_server, start):
    beat = start("beat", P33_POLL_SEC="0.3")
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen(QUEUE) >= 2, "it ticks", timeout_sec=20)
    redis_server.kill()
    wait_until(lambda: "BROKER_AWAY" in beat.logs(), "it says so", timeout_sec=20)
    redis_server.start()
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen(QUEUE) >= 3, "it ticks again", timeout_sec=5)
    assert beat.status == "running"
    wait_until(lambda: "BROKER_BACK" in beat.logs(), "it says so")
    assert len(re.findall("BROKER_AWAY", beat.logs())) == 1


def test_starts_while_redis_is_away_and_ticks_when_it_comes():
    with running_redis() as server:
        server.kill()
        beat = LocalProcess(
            "beat", ["celery", "-A", "p33_tasks", "beat"], {**server.environment, **NO_EXCHANGE, "P33_POLL_SEC": "0.3"}
        )
        try:
            wait_until(lambda: "BROKER_AWAY" in beat.logs(), "it says so", timeout_sec=20)
            server.start()
            with server.client(1) as broker:
                wait_until(lambda: broker.llen(QUEUE) >= 2, "it ticks", timeout_sec=10)
        finally:
            beat.teardown()


def test_survives_a_redis_that_swallows_packets(redis_server, start):
    """A black hole, not a refusal: the answer never comes."""
    beat = start("beat", P33_POLL_SEC="0.3")
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen(QUEUE) >= 2, "it ticks", timeout_sec=20)
    process = psutil.Process(redis_server.pid)
    process.suspend()
    resume = threading.Timer(5, process.resume)
    resume.start()
    wait_until(lambda: "BROKER_AWAY" in beat.logs(), "it noticed within its socket timeout", timeout_sec=5)
    resume.join()
    with redis_server.client(1) as broker:
        broker.delete(QUEUE)
        wait_until(lambda: broker.llen(QUEUE) >= 3, "it ticks again", timeout_sec=10)


def test_beat_does_not_import_ccxt(redis_server, start):
    """It loads the task modules; 16 MB for nothing."""
    beat = start("beat")
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen(QUEUE) >= 1, "it ticks", timeout_sec=20)
    assert psutil.Process(beat.pid).memory_info().rss < 110 * 1024 * 1024
