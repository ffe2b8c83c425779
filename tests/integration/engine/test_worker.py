"""``celery -A p33_tasks worker``: what it starts, what it reads, and what it leaves behind."""

from __future__ import annotations

import base64
import json
import os
import re
import signal

import pytest

from tests.integration.engine.brain import (
    DEAD,
    PLANS,
    RESULTS,
    await_settled,
    ingest_pid,
    is_alive,
    pending,
    plan,
    result,
    verdict,
)
from tests.support.waiting import wait_until


@pytest.mark.parametrize("redis_server", ["bundled", "system"], indirect=True)
def test_a_worker_alone_reads_both_streams_also_what_was_written_before_it(redis_server, start):
    with redis_server.client() as client:
        client.xadd(PLANS, plan("early"))
        start("worker", "-c", "2")
        assert verdict(client, "early")["allow"] is False
        client.xadd(PLANS, plan("one"))
        client.xadd(RESULTS, result("never-judged"))
        assert verdict(client, "one")["reason"] == "no_exchange_snapshot"
        assert verdict(client, "never-judged")["reason"] == "plan_abandoned"
        await_settled(client)
        await_settled(client, RESULTS)


def test_boots_quietly_in_the_expected_order(redis_server, start):
    """Pins the steps: gossip and mingle make a worker wait for every other one, and the ingest needs the pool."""
    worker = start("worker", "-c", "1", "-l", "DEBUG")
    orders = re.findall(r"New boot order: \{([^}]*)\}", worker.logs())
    assert len(orders) == 2, worker.logs()[-2000:]
    started = set(re.findall(r"\| (?:Worker|Consumer): Starting (\w+)", worker.logs()))
    assert {"Connection", "Events", "Heart", "Tasks", "Control"} <= started
    assert not {"Mingle", "Gossip"} & started
    steps = re.findall(r"\| Worker: Starting (\w+)", worker.logs())
    assert steps.index("Pool") < steps.index("Ingest") < steps.index("Consumer")


def test_a_worker_of_permits_reads_only_plans(redis_server, start):
    start("worker", "-c", "1", "-Q", "p33.permits")
    with redis_server.client() as client:
        client.xadd(RESULTS, result("not-mine"))
        client.xadd(PLANS, plan("mine"))
        verdict(client, "mine")
        assert pending(client, RESULTS) == -1, "nobody reads the results: no group"


def test_a_worker_of_snapshots_reads_nothing(redis_server, start):
    worker = start("worker", "-c", "1", "-Q", "p33.snapshots")
    assert "INGEST" not in worker.logs()


def test_a_killed_worker_takes_its_ingest_with_it(redis_server, start):
    worker = start("worker", "-c", "1")
    pid = ingest_pid(worker)
    assert is_alive(pid)
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(pid), "the ingest is gone", timeout_sec=10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_stopped_worker_leaves_nothing_behind(redis_server, start, number):
    worker = start("worker", "-c", "2")
    pids = [process.pid for process in worker.tree()]
    assert ingest_pid(worker) in pids
    worker.kill(number)
    wait_until(lambda: worker.status == "exited", "the worker has ended", timeout_sec=20)
    wait_until(lambda: not any(map(is_alive, pids)), "all of its processes are gone")
    with redis_server.client() as client:
        assert not client.keys("quantum:p33:consumer:*"), "the name was given back"


def test_a_killed_ingest_is_started_again(redis_server, start):
    worker = start("worker", "-c", "1")
    pid = ingest_pid(worker)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ingest_pid(worker) != pid, "a new ingest")
    with redis_server.client() as client:
        client.xadd(PLANS, plan("after"))
        verdict(client, "after")


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_works_under_other_pools(redis_server, start, pool):
    worker = start("worker", "-c", "2", "-P", pool)
    pid = ingest_pid(worker)
    with redis_server.client() as client:
        client.xadd(PLANS, plan("one"))
        verdict(client, "one")
    worker.kill("SIGTERM")
    wait_until(lambda: worker.status == "exited" and not is_alive(pid), "both have ended", timeout_sec=20)


def test_the_ingests_log_goes_where_the_workers_goes(redis_server, start, tmp_path):
    logfile = tmp_path / "worker-%n.log"
    start("worker", "-n", "w7@%h", "-c", "1", f"--logfile={logfile}", wait=False)
    written = tmp_path / "worker-w7.log"
    wait_until(lambda: written.exists() and "INGEST_NAMED" in written.read_text(), "the ingest's line", timeout_sec=30)
    with redis_server.client() as client:
        client.xadd(PLANS, plan("logged"))
        wait_until(lambda: re.search(r"DENY .*plan_id=logged", written.read_text()), "the verdict's line")


FOREIGN = (
    ("application/x-python-serialize", "binary", b"cos\nsystem\n(S'touch %s'\ntR."),
    ("application/x-yaml", "utf-8", b"!!python/object/apply:os.system ['touch %s']"),
)


def test_a_message_of_a_foreign_content_type_does_nothing(redis_server, start, tmp_path):
    """Neither runs code nor stops the worker."""
    worker = start("worker", "-c", "1")
    touched = tmp_path / "touched"
    for number, (content_type, encoding, body) in enumerate(FOREIGN, 1):
        message = {
            "body": base64.b64encode(body % str(touched).encode()).decode(),
            "content-type": content_type,
            "content-encoding": encoding,
            "headers": {"task": "p33.evaluate_permit", "id": "x", "lang": "py"},
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": f"t{number}",
                "delivery_info": {"exchange": "p33.permits", "routing_key": "p33.permits"},
                "correlation_id": "x",
            },
        }
        with redis_server.client(1) as broker:
            broker.lpush("quantum:p33.permits", json.dumps(message))
        wait_until(lambda n=number: worker.logs().count("MESSAGE_REFUSED") == n, "the refusal is logged")
        with redis_server.client() as client:
            client.xadd(PLANS, plan(f"behind-{number}"))
            verdict(client, f"behind-{number}")
        assert not touched.exists()


def test_a_bad_configuration_names_every_problem_and_ends_with_2(redis_server, start):
    worker = start("worker", wait=False, P33_POLL_SEC="0", P33_QTY_TOLERANCE_PCT="fifty")
    wait_until(lambda: worker.status == "exited", "it has ended", timeout_sec=20)
    assert worker.exit_code == 2
    assert "P33_POLL_SEC" in worker.logs()
    assert "P33_QTY_TOLERANCE_PCT" in worker.logs()
    assert "Traceback" not in worker.logs()


def test_an_unreadable_plan_is_a_dead_letter_and_those_behind_it_go_on(redis_server, start):
    start("worker", "-c", "1")
    with redis_server.client() as client:
        client.xadd(PLANS, {"plan_id": b"\xff\xfe", "symbol": "BTCUSDT", "decision": "EXECUTE"})
        client.xadd(PLANS, plan("behind"))
        verdict(client, "behind")
        ((_, letter),) = client.xrange(DEAD)
        assert letter["source_stream"] == PLANS
        assert "\\\\xff\\\\xfe" in letter["entry"]


def test_a_task_of_another_prefix_is_refused_also_without_an_ingest(redis_server, start):
    worker = start("worker", "-c", "1", P33_INGEST="off")
    assert "INGEST" not in worker.logs()
    sender = start(
        "call", "p33.evaluate_permit", "--kwargs",
        '{"plan": {"plan_id": "theirs", "symbol": "BTCUSDT", "action": "CLOSE_FULL", "decision": "EXECUTE", '
        '"issued_ms": 1}, "prefix": "other"}',
        wait=False,
    )  # fmt: skip
    wait_until(lambda: sender.status == "exited", "sent", timeout_sec=20)
    assert sender.exit_code == 0, sender.logs()
    wait_until(lambda: "REFUSED" in worker.logs(), "the refusal is logged")
    with redis_server.client() as client:
        assert not client.exists("quantum:p33:decision:theirs")
    assert "INGEST" not in worker.logs()
