"""``p33 ingest`` and ``p33 exporter`` as processes: they work, and end in good order."""

from __future__ import annotations

import re
import urllib.request

import pytest

from p33_tasks.contract.keys import Keys
from tests.support.local_process import LocalProcess
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until


@pytest.mark.parametrize("stream", ["plans", "results"])
def test_ingest_reads_the_streams_that_it_is_told_and_ends_on_sigterm(stream: str) -> None:
    with running_redis() as server, server.client() as client:
        client.xadd(Keys().plans, {"symbol": "no plan_id"})
        client.xadd(Keys().results, {"symbol": "no plan_id"})
        process = LocalProcess("ingest", ["p33", "ingest", "--stream", stream], server.environment)
        try:
            letters = wait_until(
                lambda: client.xrange(Keys().dead_letters), f"{process.logs()} reads", timeout_sec=30, every_sec=0.05
            )
            assert [fields["source_stream"] for _, fields in letters] == [getattr(Keys(), stream)]
            process.kill("SIGTERM")
            wait_until(lambda: process.status == "exited", "it ends", timeout_sec=15)
            assert process.exit_code == 0, process.logs()
        finally:
            process.teardown()


def test_exporter_serves_metrics_and_ends_on_sigterm() -> None:
    with running_redis() as server:
        process = LocalProcess("exporter", ["p33", "exporter"], {**server.environment, "P33_METRICS_PORT": "0"})
        try:
            found = wait_until(lambda: re.search(r"http://[^/\s]+/", process.logs()), "it listens", timeout_sec=30)
            with urllib.request.urlopen(f"{found.group()}metrics", timeout=10) as answer:  # noqa: S310 - its own http address
                assert b"p33_stream_lag" in answer.read()
            process.kill("SIGTERM")
            wait_until(lambda: process.status == "exited", "it ends", timeout_sec=15)
            assert process.exit_code == 0, process.logs()
        finally:
            process.teardown()


@pytest.mark.parametrize("command", ["ingest", "exporter"])
def test_a_configuration_that_cannot_be_used_ends_it_with_2(command: str) -> None:
    process = LocalProcess(command, ["p33", command], {"P33_STALE_THRESHOLD_SEC": "300"})
    try:
        wait_until(lambda: process.status == "exited", "it ends", timeout_sec=30)
        assert process.exit_code == 2
        assert "P33_STALE_THRESHOLD_SEC" in process.logs()
        assert "Traceback" not in process.logs()
    finally:
        process.teardown()
