"""The systemd units: accepted by systemd, hardened, started and stopped together."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployment.cluster import ROOT

FOLDER = ROOT / "deployment" / "systemd"
NAME = "quantum-position-state-brain"
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
APART = {f"{NAME}.service", f"{NAME}-redis.service"}
"""The whole itself, and Redis, which outlives it."""
PROCESSES = [name for name in SERVICES if name not in APART]
INSTALLED = "/opt/quantum/position-state-brain/current"
MAX_EXPOSURE = 1.5


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on this machine: apt-get install systemd")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as shipped, but for the place of the programs, which needn't be installed here."""
    folder = tmp_path_factory.mktemp("units")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("celery", "p33", "python", "redis-server"):
        (programs / name).symlink_to("/bin/true")
    for path in FOLDER.iterdir():
        (folder / path.name).write_text(
            path.read_text()
            .replace(f"{INSTALLED}/.venv/bin", str(programs))
            .replace("/usr/bin/redis-server", str(programs / "redis-server"))
        )
    return folder


@pytest.mark.parametrize("name", [*SERVICES, f"{NAME}.target"])
def test_systemd_finds_nothing_wrong(units: Path, name: str) -> None:
    done = systemd_analyze("verify", "--man=no", "--recursive-errors=no", str(units / name))
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_hardened(units: Path, name: str) -> None:
    done = systemd_analyze(
        "security", "--offline=true", "--no-pager", f"--threshold={MAX_EXPOSURE * 10:.0f}", str(units / name)
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MAX_EXPOSURE


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_belongs_to_the_whole(name: str) -> None:
    """Started with the target, stopped with it, restarted when it ends, and not when its configuration is unusable."""
    lines = (FOLDER / name).read_text().splitlines()
    for line in (
        f"PartOf={NAME}.target",
        f"WantedBy={NAME}.target",
        "EnvironmentFile=/etc/quantum/position-state-brain.env",
        "Restart=always",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "User=quantum",
    ):
        assert line in lines, line


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_stops_before_the_whole_has_stopped(name: str) -> None:
    """Stop and restart return only then; and nothing starts when the settings can't be used."""
    text = (FOLDER / name).read_text()
    assert f"\nRequires={NAME}.service\n" in text
    assert re.search(rf"^After=.*{NAME}\.service", text, re.MULTILINE)
    assert f"{NAME}-redis.service" in text, "and after the Redis of this host, where there is one"


def test_the_whole_reads_the_settings_as_each_process_does() -> None:
    assert "python -m p33_tasks.celery.validate" in (FOLDER / f"{NAME}.service").read_text()


@pytest.mark.parametrize("name", [f"{NAME}-{unit}.service" for unit in ("worker@", "snapshots", "beat", "exporter")])
def test_a_start_returns_when_the_process_works(name: str) -> None:
    lines = (FOLDER / name).read_text().splitlines()
    assert "Type=notify" in lines
    assert "TimeoutStartSec=60" in lines


@pytest.mark.parametrize("name", [f"{NAME}-{unit}.service" for unit in ("worker@", "snapshots", "beat", "forecaster")])
def test_the_signs_of_life_lie_where_the_hosts_command_looks(name: str) -> None:
    """Each process has a /tmp of its own; the folder of one that stops holds the others' signs."""
    lines = (FOLDER / name).read_text().splitlines()
    assert f"RuntimeDirectory={NAME}" in lines
    assert "RuntimeDirectoryPreserve=yes" in lines
    assert "RUNTIME_DIRECTORY:=/run/$NAME" in (FOLDER.parent / "deploy.sh").read_text()


@pytest.mark.parametrize("name", PROCESSES)
def test_memory_is_limited(name: str) -> None:
    text = (FOLDER / name).read_text()
    high, limit = (re.findall(rf"^{field}=(\d+)([MG])$", text, re.MULTILINE) for field in ("MemoryHigh", "MemoryMax"))
    mib = [int(number) * {"M": 1, "G": 1024}[unit] for number, unit in (*high, *limit)]
    assert 128 <= mib[0] < mib[1] <= 1024


def test_redis_is_never_ended_for_its_memory() -> None:
    """It refuses writes at its own ``maxmemory``; ended in an AOF rewrite, it would take every permit with it."""
    assert "MemoryMax" not in (FOLDER / f"{NAME}-redis.service").read_text()


def test_the_service_of_the_same_name_is_the_whole() -> None:
    service, target = (FOLDER / f"{NAME}.service").read_text(), (FOLDER / f"{NAME}.target").read_text()
    assert f"Wants={NAME}.target" in service
    assert f"PartOf={NAME}.service" in target
    assert {name.removeprefix(f"{NAME}-").removesuffix(".service") for name in PROCESSES} == {
        *("worker@", "snapshots", "beat", "exporter", "forecaster", "celery-exporter", "flower")
    }


def test_every_queue_has_a_worker() -> None:
    text = "".join((FOLDER / name).read_text() for name in PROCESSES)
    for queue in ("p33.permits", "p33.ledger", "p33.snapshots"):
        assert queue in text


def test_no_secret_stands_on_a_command_line() -> None:
    for name in SERVICES:
        text = (FOLDER / name).read_text()
        assert not re.search(r"(?i)(password|secret|basic_auth)=\S", re.sub(r"#.*", "", text)), name
