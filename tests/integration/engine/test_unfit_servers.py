"""A Redis server that can't do what this service needs is refused before any work is taken from it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.deployment.cluster import ROOT, environment, program
from tests.support.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisServer]:
    with running_redis(options=("--cluster-enabled", "yes")) as server:
        yield server


@pytest.fixture(scope="module")
def without_info() -> Iterator[RedisServer]:
    with running_redis(options=("--rename-command", "INFO", "NOTHING")) as server:
        yield server


@pytest.fixture(scope="module")
def plain() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


def run(command: list[str], **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment(**env), cwd=ROOT, check=False, capture_output=True, text=True, timeout=40
    )


WORKER = [program("celery"), "-A", "p33_tasks", "worker", "-c", "1"]


@pytest.mark.parametrize("command", [WORKER, [program("p33"), "ingest"]], ids=["worker", "ingest"])
@pytest.mark.parametrize(
    ("server", "word"), [("cluster", "a Redis Cluster"), ("without_info", "This login needs INFO")]
)
def test_it_ends_with_2_and_says_why(
    request: pytest.FixtureRequest, command: list[str], server: str, word: str
) -> None:
    done = run(command, P33_REDIS_URL=request.getfixturevalue(server).url())
    assert done.returncode == 2, done.stderr[-2000:]
    assert word in done.stderr
    assert "Redis 6.2 to 8.x, or Valkey 8 or 9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_is_no_broker_either(plain: RedisServer, cluster: RedisServer) -> None:
    done = run(WORKER, P33_REDIS_URL=plain.url(), P33_BROKER_URL=cluster.url())
    assert done.returncode == 2
    assert "the broker can't be used: it is a Redis Cluster" in done.stderr


def test_check_says_it_and_asks_nothing_more(plain: RedisServer, cluster: RedisServer) -> None:
    check = [program("p33"), "check", "--json", "--no-exchange"]
    done = run(check, P33_REDIS_URL=cluster.url())
    found = {f"{row['area']}: {row['what']}": row for row in json.loads(done.stdout)["findings"]}
    assert done.returncode == 1
    assert "a Redis Cluster" in found["redis: kind of server"]["found"]
    assert "Valkey" in found["redis: kind of server"]["fix"]
    done = run(check, P33_REDIS_URL=plain.url(), P33_BROKER_URL=cluster.url())
    found = {f"{row['area']}: {row['what']}": row for row in json.loads(done.stdout)["findings"]}
    assert "a Redis Cluster" in found["broker: kind of server"]["found"]
