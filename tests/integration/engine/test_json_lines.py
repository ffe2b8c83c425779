"""``P33_LOG_FORMAT=json``: each line of each process is a JSON object, from the first to the last."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.engine.brain import PLANS, plan, verdict
from tests.integration.engine.conftest import Start
from tests.support.local_process import LocalProcess
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import wait_until

JSON = {"P33_LOG_FORMAT": "json"}


def lines(process: LocalProcess) -> list[dict[str, Any]]:
    found = []
    for line in process.logs().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            pytest.fail(f"not JSON: {line!r}")
        assert isinstance(event, dict), line
        assert {"event", "level"} <= set(event), line
        found.append(event)
    return found


def events(process: LocalProcess) -> set[str]:
    return {str(line["event"]).split()[0] for line in lines(process)}


def test_a_worker(redis_server: RedisServer, start: Start) -> None:
    worker = start("worker", "-c", "2", **JSON)
    with redis_server.client() as client:
        client.xadd(PLANS, plan("p1"))
        verdict(client, "p1")
        client.xadd(PLANS, {"plan_id": "no symbol"})
    wait_until(lambda: "DEAD_LETTER" in worker.logs() or "EXCHANGE" in worker.logs(), "it has logged", timeout_sec=20)
    worker.stop()
    found = lines(worker)
    assert "Warm shutdown" in worker.logs()
    assert {"INGEST_NAMED", "INGEST_STOPPED"} <= events(worker)
    assert all(line["timestamp"] for line in found)


def test_a_worker_for_snapshots_and_one_for_everything_at_debug(start: Start) -> None:
    snapshots = start("worker", "-Q", "p33.snapshots", "-c", "1", "-n", "snapshots@%h", **JSON)
    verbose = start("worker", "-l", "DEBUG", "-c", "1", "-n", "verbose@%h", **JSON)
    for process in (snapshots, verbose):
        process.stop()
        assert lines(process)


def test_beat(redis_server: RedisServer, start: Start) -> None:
    beat = start("beat", "-l", "DEBUG", **JSON)
    with redis_server.client(1) as broker:
        wait_until(lambda: broker.llen("quantum:p33.snapshots") > 0, "a tick", timeout_sec=20)
    beat.stop()
    assert lines(beat)


def test_the_exporter(redis_server: RedisServer) -> None:
    env = {**redis_server.environment, "P33_METRICS_PORT": str(free_port()), **JSON}
    exporter = LocalProcess("exporter", ["p33", "exporter"], env, is_ready=lambda log: "EXPORTER_LISTENING" in log)
    try:
        exporter.ready()
        exporter.stop()
        assert events(exporter) >= {"EXPORTER_LISTENING", "EXPORTER_STOPPED"}
    finally:
        exporter.teardown()


@pytest.mark.parametrize("command", [("celery", "-A", "p33_tasks", "worker"), ("celery", "-A", "p33_tasks", "beat")])
def test_settings_that_cannot_be_used_are_told_in_json_too(command: tuple[str, ...]) -> None:
    process = LocalProcess("refused", command, {"P33_STALE_THRESHOLD_SEC": "300", **JSON})
    try:
        wait_until(lambda: process.status == "exited", "it ends", timeout_sec=30)
        (line,) = lines(process)
        assert process.exit_code == 2
        assert "P33_STALE_THRESHOLD_SEC" in line["event"]
    finally:
        process.teardown()


def test_as_text_celery_says_what_it_always_says(start: Start) -> None:
    worker = start("worker", "-c", "2")
    assert "[queues]" in worker.logs()
