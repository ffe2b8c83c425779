"""Flower and celery-exporter beside a real worker, under a role that can watch and do nothing else."""

from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from p33_tasks.cli.queue_metrics import celery_exporter_command
from p33_tasks.contract.keys import Keys
from tests.deployment.acl import AclRedis, running_acl_redis
from tests.deployment.cluster import ROOT, environment, program, running
from tests.factories import plan_entry
from tests.support.redis_server import free_port
from tests.support.waiting import wait_until

KEYS = Keys()
LOGIN = "operator:a-password-for-this-test"


@pytest.fixture(scope="module", params=["bundled", "old"])
def acl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AclRedis]:
    """A Redis with roles, a worker on it, and plans that were judged."""
    folder = tmp_path_factory.mktemp("watch")
    with running_acl_redis(request.param, folder) as server, ExitStack() as stack:
        env = environment(P33_REDIS_URL=server.url("p33-brain"))
        worker = [program("celery"), "-A", "p33_tasks", "worker", "-c", "2"]
        stack.enter_context(running(worker, env, folder / "worker.log"))
        yield server


def judge(acl: AclRedis, plan_id: str) -> None:
    """A plan goes in, its verdict comes out."""
    acl.client("p33-producer").xadd(KEYS.plans, plan_entry(plan_id=plan_id, api_secret="hunter2", note="x" * 5_000))
    reader = acl.client("p33-operator")
    wait_until(lambda: reader.exists(KEYS.decision(plan_id)), f"{plan_id} is judged", timeout_sec=30)


def get(url: str, login: str | None = None, *, post: bool = False) -> tuple[int, str]:
    request = urllib.request.Request(url, method="POST" if post else "GET")  # noqa: S310 - our own loopback
    if login:
        request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own loopback
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def succeeded(answer: str) -> list[dict[str, str]]:
    """The finished tasks of Flower's list."""
    return [row for row in json.loads(answer)["data"] if row["state"] == "SUCCESS"]


@pytest.fixture(scope="module")
def flower(acl: AclRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    env = environment(P33_REDIS_URL=acl.url("p33-watch"), FLOWER_PORT=str(port), FLOWER_BASIC_AUTH=LOGIN)
    command = [program("celery"), "-A", "p33_tasks", "flower", "--conf=flower.conf"]
    log = tmp_path_factory.mktemp("flower") / "flower.log"
    with running(command, env, log):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{url}/healthcheck")[0] == 200, f"Flower answers: {log}", timeout_sec=30)
        wait_until(lambda: "Connected to" in log.read_text(), "Flower listens to events", timeout_sec=30)
        yield url


class TestFlower:
    def test_a_plan_is_found_by_its_plan_id_and_shown_short_without_secrets(self, acl: AclRedis, flower: str) -> None:
        judge(acl, "flower-plan-1")
        judge(acl, "flower-plan-2")
        query = {"draw": 1, "start": 0, "length": 10, "search[value]": "flower-plan-2", "order[0][column]": 0}
        query |= {"order[0][dir]": "asc", "columns[0][data]": "name"}
        url = f"{flower}/tasks/datatable?{urllib.parse.urlencode(query)}"
        rows = wait_until(lambda: succeeded(get(url, LOGIN)[1]), "the task is in Flower's list", timeout_sec=15)
        [row] = rows
        assert "flower-plan-2" in row["uuid"]
        assert row["name"] == "p33.evaluate_permit"
        assert row["result"] == "deny"
        assert row["kwargs"].startswith("symbol=BTCUSDT action=FULL_CLOSE_PROPOSED")
        assert len(row["kwargs"]) <= 120
        assert "hunter2" not in json.dumps(row)

    def test_without_login_only_metrics_and_health_answer(self, flower: str) -> None:
        """What README and runbook say of it, so that nobody opens the port to the world."""
        for path in ("/", "/tasks", "/workers", "/broker", "/api/workers"):
            assert get(flower + path)[0] in {401, 403}, path
        for path in ("/metrics", "/healthcheck"):
            assert get(flower + path)[0] == 200, path
        assert get(f"{flower}/workers", LOGIN)[0] == 200

    def test_nobody_acts_through_it(self, flower: str) -> None:
        for path in ("/api/worker/shutdown/celery@x", "/api/task/send-task/p33.evaluate_permit", "/api/task/revoke/x"):
            assert get(flower + path, LOGIN, post=True)[0] == 403, path

    def test_it_may_only_watch(self, acl: AclRedis, flower: str) -> None:
        """Redis refuses it nothing that it needs."""
        assert get(f"{flower}/broker", LOGIN)[0] == 200
        assert acl.refusals("p33-watch") == []

    def test_off_loopback_it_wants_a_login(self, acl: AclRedis) -> None:
        anywhere = {"FLOWER_ADDRESS": "0.0.0.0", "FLOWER_PORT": str(free_port())}  # noqa: S104 - refused, that's the point
        env = environment(P33_REDIS_URL=acl.url("p33-watch"), **anywhere)
        command = [program("celery"), "-A", "p33_tasks", "flower", "--conf=flower.conf"]
        done = subprocess.run(command, env=env, cwd=ROOT, check=False, capture_output=True, text=True, timeout=30)
        assert done.returncode != 0
        assert "set FLOWER_BASIC_AUTH" in done.stderr

    def test_a_port_that_is_taken_or_too_high_is_a_sentence(self, acl: AclRedis) -> None:
        command = [program("celery"), "-A", "p33_tasks", "flower", "--conf=flower.conf"]
        with socket.create_server(("127.0.0.1", 0)) as taken:
            for port in (str(taken.getsockname()[1]), "70000"):
                env = environment(P33_REDIS_URL=acl.url("p33-watch"), FLOWER_PORT=port)
                done = subprocess.run(
                    command, env=env, cwd=ROOT, check=False, capture_output=True, text=True, timeout=30
                )
                assert done.returncode != 0
                assert port in done.stderr
                assert "FLOWER_PORT" in done.stderr
                assert "Traceback" not in done.stderr


class TestFormatting:
    def test_a_strangers_arguments_stay_short_and_harmless(self) -> None:
        config: dict[str, object] = {}
        exec(compile((ROOT / "flower.conf").read_text(), "flower.conf", "exec"), config)  # noqa: S102 - as Flower does
        task = type("Task", (), {})()
        for kwargs in ("{'plan': {'symbol': 'password=hunter2 '}}", "{broken", "[]", None, "{'plan': 7}", "{" * 9_999):
            task.args, task.kwargs, task.result = "('hunter2',)", kwargs, "token: hunter2 " * 99
            shown = config["format_task"](task)  # type: ignore[operator]  # the file's own function
            text = f"{shown.args}{shown.kwargs}{shown.result}"
            assert "hunter2" not in text
            assert len(text) <= 240

    @pytest.mark.parametrize(
        ("result", "state"), [("'done'", "NOTHING DUE"), ("'refreshed'", "SUCCESS"), (None, "STARTED")]
    )
    def test_a_refresh_that_found_nothing_to_do_is_named(self, result: str | None, state: str) -> None:
        config: dict[str, object] = {}
        exec(compile((ROOT / "flower.conf").read_text(), "flower.conf", "exec"), config)  # noqa: S102 - as Flower does
        task = type("Task", (), {"name": "p33.refresh_snapshot", "kwargs": "{}", "args": "()"})()
        task.result, task.state = result, "STARTED" if result is None else "SUCCESS"
        assert config["format_task"](task).state == state  # type: ignore[operator]  # the file's own function


class TestCeleryExporter:
    def test_it_counts_the_tasks_of_a_real_worker(self, acl: AclRedis, tmp_path: Path) -> None:
        port = free_port()
        command = celery_exporter_command(port=port)
        if command is None:
            pytest.skip(f"no {sys.prefix}-celery-exporter: make it with `make celery-exporter`")
        assert acl.url("p33-watch").split(":")[2][:20] not in " ".join(command), "the password is no argument"
        env = environment(P33_REDIS_URL=acl.url("p33-watch"))
        url = f"http://127.0.0.1:{port}/metrics"
        with running(command, env, tmp_path / "celery-exporter.log"):
            wait_until(lambda: get(url)[0] == 200, f"celery-exporter answers: {tmp_path}", timeout_sec=30)
            wait_until(lambda: "celery_worker_up{" in get(url)[1], "it hears the worker", timeout_sec=30)
            judge(acl, "exporter-plan-1")
            wait_until(lambda: counted(get(url)[1]) >= 1, "the task is counted", timeout_sec=15)
            text = get(url)[1]
        for queue in ("p33.permits", "p33.ledger", "p33.snapshots"):
            assert f'celery_queue_length{{queue_name="{queue}"}} 0.0' in text
            assert f'celery_active_worker_count{{queue_name="{queue}"}} 1.0' in text
        assert acl.refusals("p33-watch") == []


def counted(text: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith("celery_task_succeeded_total{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines if "p33.evaluate_permit" in line)
