"""Nothing is lost and nothing is decided twice, whatever dies in the middle."""

from __future__ import annotations

import logging
import os
import signal
import threading
from types import SimpleNamespace

import psutil
import pytest
from celery.worker.consumer import Consumer
from kombu import Connection, Producer, Queue

from p33_tasks.celery.broker import redis_options
from p33_tasks.celery.consumer import PatientConsumer
from p33_tasks.contract.keys import GROUP, WAITING
from p33_tasks.ingest.options import Options
from tests.integration.engine.brain import DECISIONS, PLANS, await_settled, ingest_pid, plan, verdict
from tests.support.network import network_to
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until

PLANS_SENT = 300


@pytest.fixture
def redis_server(request):
    with running_redis(aof=True) as server:
        yield server


def _send(client, count: int, first: int = 0) -> None:
    pipeline = client.pipeline(transaction=False)
    for n in range(first, first + count):
        pipeline.xadd(PLANS, plan(f"p{n}"))
    pipeline.execute()


def _is_judged(client) -> bool:
    """Whether a plan sent now is judged by a worker, and not denied by the ingest because none answers."""
    plan_id = f"probe-{client.xlen(PLANS)}"
    client.xadd(PLANS, plan(plan_id))
    return bool(verdict(client, plan_id)["reason"] == "no_exchange_snapshot")


def _decided(client) -> list[str]:
    return [fields["plan_id"] for _, fields in client.xrange(DECISIONS)]


def test_every_plan_gets_one_verdict_although_a_worker_is_killed(redis_server, start):
    """The whole worker, main process, pool and ingest, under load; the other one takes its entries over."""
    first = start("worker", "-c", "2", "-n", "w1@%h", name="w1")
    start("worker", "-c", "2", "-n", "w2@%h", name="w2")
    with redis_server.client() as client:
        _send(client, PLANS_SENT)
        wait_until(lambda: client.xlen(DECISIONS) > PLANS_SENT // 4, "it is under way", timeout_sec=20)
        first.kill()
        await_settled(client, timeout_sec=30)
        assert sorted(_decided(client)) == sorted(f"p{n}" for n in range(PLANS_SENT))
        assert {verdict(client, f"p{n}")["reason"] for n in range(PLANS_SENT)} == {"no_exchange_snapshot"}


def test_a_killed_pool_process_costs_no_verdict(redis_server, start):
    worker = start("worker", "-c", "2")
    ingest = ingest_pid(worker)
    children = [p.pid for p in worker.tree()[1:] if p.pid != ingest]
    with redis_server.client() as client:
        _send(client, PLANS_SENT)
        wait_until(lambda: client.xlen(DECISIONS) > PLANS_SENT // 4, "it is under way", timeout_sec=20)
        os.kill(children[0], signal.SIGKILL)
        await_settled(client, timeout_sec=30)
        assert len(_decided(client)) == len(set(_decided(client))) == PLANS_SENT
        assert {verdict(client, f"p{n}")["reason"] for n in range(PLANS_SENT)} == {"no_exchange_snapshot"}


def test_a_message_whose_acknowledgement_never_arrived_is_not_counted_as_work_for_ever(redis_server, monkeypatch):
    """Two of them, in hiccups of Redis too short to connect again, and a worker took no message any more."""
    consumer = object.__new__(PatientConsumer)
    consumer.app = SimpleNamespace(tasks={"p33.evaluate_permit": None})
    consumer.connection_errors = ()
    redis_process = psutil.Process(redis_server.pid)
    options = redis_options("quantum") | {"socket_timeout": 0.2}

    def acknowledge(message):
        redis_process.suspend()
        try:
            message.ack_log_error(logging.getLogger("test"), connection.connection_errors)
        finally:
            redis_process.resume()

    monkeypatch.setattr(Consumer, "create_task_handler", lambda _self: acknowledge)
    with Connection(redis_server.url(1), transport_options=options) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_size=0, prefetch_count=1, apply_global=False)
        queue = Queue("q", channel=channel)
        queue.declare()
        for number in range(3):
            headers = {"task": "p33.evaluate_permit", "id": f"permit-{number}"}
            Producer(channel).publish([[], {}, {}], routing_key="q", headers=headers, serializer="json")
            message = queue.get()
            assert not channel.qos.can_consume(), "the message counts while it is worked on"
            consumer.create_task_handler()(message)
            assert channel.qos.can_consume()


def test_a_pool_process_that_stands_still_costs_no_verdict(redis_server, start):
    worker = start("worker", "-c", "2")
    ingest = ingest_pid(worker)
    children = [p for p in worker.tree()[1:] if p.pid != ingest]
    children[0].suspend()
    with redis_server.client() as client:
        _send(client, 50)
        await_settled(client, timeout_sec=10)
        assert {verdict(client, f"p{n}")["reason"] for n in range(50)} == {"no_exchange_snapshot"}


def test_a_redis_that_comes_back_is_served_within_seconds(redis_server, start):
    """Celery's own steps of 2, 4, 6 ... 30 s outlast a plan."""
    worker = start("worker", "-c", "2")
    with redis_server.client() as client:
        client.xadd(PLANS, plan("before"))
        verdict(client, "before")
    redis_server.kill()
    wait_until(lambda: worker.logs().count("Cannot connect") >= 6, "it keeps trying", timeout_sec=12)
    redis_server.start()
    with redis_server.client() as client:
        client.xadd(PLANS, plan("after"))
        assert verdict(client, "after", timeout_sec=4)["reason"] == "no_exchange_snapshot"


def test_a_network_that_swallowed_packets_is_survived(redis_server, start):
    """With default settings every worker stays deaf for a minute, or for good."""
    with network_to(redis_server.port) as network, redis_server.client() as client:
        worker = start("worker", "-c", "2", REDIS_PORT=str(network.port))
        client.xadd(PLANS, plan("before"))
        verdict(client, "before")
        network.swallow()
        client.xadd(PLANS, plan("meanwhile"))
        wait_until(lambda: "STORE_ERROR" in worker.logs(), "the ingest noticed", timeout_sec=10)
        network.recover()
        client.xadd(PLANS, plan("after"))
        # Plans of the first seconds may be denied by the ingest, as long as no worker answers.
        assert verdict(client, "after", timeout_sec=15)["allow"] is False
        assert verdict(client, "meanwhile", timeout_sec=15)["allow"] is False
        wait_until(lambda: _is_judged(client), "a worker judges again", timeout_sec=15)
        await_settled(client)
        assert worker.status == "running"


@pytest.mark.parametrize("attempt", range(4))
def test_a_warm_shutdown_under_load_is_quick_and_leaves_nothing_half_done(redis_server, start, attempt):
    """What the worker took is finished, what it only read is finished by the next one.

    Several attempts: with billiard's own patience, one in four lasts 30 s.
    """
    worker = start("worker", "-c", "2")
    with redis_server.client() as client:
        _send(client, PLANS_SENT)
        wait_until(lambda: client.xlen(DECISIONS) > 20, "it is under way", timeout_sec=20)
        worker.stop(8)
        assert worker.exit_code == 0
        held = client.xpending(PLANS, GROUP)["consumers"]
        assert sum(one["pending"] for one in held if one["name"] != WAITING) <= Options(concurrency=2).widest_window
        start("worker", "-c", "2")
        await_settled(client, timeout_sec=30)
        assert len(_decided(client)) == len(set(_decided(client))) == PLANS_SENT


def test_running_a_task_twice_changes_nothing(redis_server, start):
    """The broker may deliver it again, and the ingest may have sent it again."""
    start("worker", "-c", "2")
    with redis_server.client() as client, redis_server.client(1) as broker:
        with_copies = threading.Event()

        def copy_messages() -> None:
            with redis_server.client(1) as spy:
                while not with_copies.is_set():
                    found = spy.lrange("quantum:p33.permits", 0, 0)
                    if found:
                        spy.lpush("quantum:p33.permits", found[0], found[0])
                        with_copies.set()

        thread = threading.Thread(target=copy_messages)
        thread.start()
        n = 0
        while not with_copies.is_set():
            client.xadd(PLANS, plan(f"p{n}"))
            n += 1
        thread.join()
        await_settled(client)
        wait_until(lambda: broker.llen("quantum:p33.permits") == 0, "the copies ran as well")
        assert len(_decided(client)) == len(set(_decided(client))) == n
        assert sum(int(v) for k, v in client.hgetall("quantum:p33:counters").items() if "permit_total" in k) == n
