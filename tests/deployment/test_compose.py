"""Containers: as far as a machine without a Docker engine can tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from p33_tasks.settings import load_settings
from tests.deployment.cluster import ROOT, environment, running
from tests.support.redis_server import free_port, server_binary
from tests.support.waiting import wait_until

FOLDER = ROOT / "deployment" / "compose"
COMPOSE = (FOLDER / "compose.yml").read_text()
DOCKERFILE = (ROOT / "deployment" / "Dockerfile").read_text()
SERVICES = {"redis", "worker", "snapshots", "beat", "exporter", "celery-exporter", "flower", "prometheus", "grafana"}


def part(service: str) -> str:
    """A service's lines."""
    found = re.search(rf"\n  {service}:\n((?:    .*\n|\s*#.*\n|\n)*)", COMPOSE)
    assert found is not None, service
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The deployment folder with its secrets made, as a person would."""
    shutil.copytree(ROOT / "deployment", tmp_path / "deployment", ignore=shutil.ignore_patterns("secrets"))
    shutil.copytree(ROOT / "config", tmp_path / "config")
    subprocess.run([str(tmp_path / "deployment/compose/prepare.sh")], check=True, capture_output=True, timeout=30)
    return tmp_path / "deployment" / "compose"


class TestCompose:
    def test_compose_accepts_the_file(self, project: Path) -> None:
        done = compose_config(project)
        assert done.returncode == 0, done.stderr
        listed = done.stdout.partition("services:")[2].partition("\nvolumes:")[0]
        assert set(re.findall(r"^  ([a-z-]+):$", listed, re.MULTILINE)) >= SERVICES

    def test_every_file_it_mounts_is_there(self, project: Path) -> None:
        for path in re.findall(r"- (\.\.?/[^:\s]+):", COMPOSE):
            assert (project / path).exists(), path
        for path in re.findall(r"secrets/[a-z.]+", COMPOSE):
            assert (project / path).exists(), path

    def test_ports_are_published_on_loopback_only_and_redis_not_at_all(self) -> None:
        for ports in re.findall(r"ports: \[(.*)\]", COMPOSE):
            assert ports.startswith('"127.0.0.1:')
        assert "ports:" not in part("redis")
        assert "networks: [inside]" in part("redis")

    def test_every_service_is_hardened_and_its_image_pinned(self) -> None:
        for service in SERVICES:
            assert "<<: *hardened" in part(service) or "<<: *brain" in part(service), service
        for image in re.findall(r"image: (\S+)", COMPOSE):
            assert re.search(r":v?\d+\.\d+\.\d+[\w.-]*\}$", image) or image.startswith("position-state-brain"), image

    def test_every_service_has_a_health_check_that_needs_nothing_else(self) -> None:
        for service in SERVICES:
            assert "healthcheck:" in part(service), service
        for service, role in (("worker", "worker"), ("snapshots", "worker"), ("beat", "beat")):
            assert f'test: [CMD, p33, alive, --max-age, "30", --of, {role}]' in part(service)
        checks = re.findall(r"http://127\.0\.0\.1:(\d+)/", COMPOSE)
        assert sorted(checks) == ["3000", "5555", "8045", "9090", "9808"], "each asks itself"

    def test_an_image_of_others_can_be_pinned_by_digest_without_editing_the_file(self) -> None:
        images = [image for image in re.findall(r"image: (\S+)", COMPOSE) if not image.startswith("position-state")]
        assert len(images) == 3
        assert all(re.fullmatch(r"\$\{P33_[A-Z]+_IMAGE:-[^}]+\}", image) for image in images)

    def test_a_worker_can_be_scaled(self) -> None:
        """Nothing that only one container can have."""
        assert "container_name" not in part("worker")
        assert "ports:" not in part("worker")
        assert "--hostname" not in part("worker"), "each container's own name tells them apart"

    def test_prometheus_finds_the_targets(self) -> None:
        for name in ("p33", "celery", "flower"):
            address = re.findall(r'"([a-z-]+):(\d+)"', (FOLDER / "targets" / f"{name}.yml").read_text())[0]
            assert address[0] in SERVICES
            assert address[1] in part(address[0]) + DOCKERFILE

    def test_redis_starts_by_the_command_it_is_given(self, project: Path, tmp_path: Path) -> None:
        """The same shell line, with this machine's places."""
        binary = server_binary("system")
        if binary is None:
            pytest.skip("no redis-server 7 on this machine")
        line = re.findall(r"- (sed .*)\n", part("redis"))[0]
        conf = (ROOT / "config" / "redis.conf").read_text().replace("/etc/redis/position-state-brain.acl", "users.acl")
        (tmp_path / "in.conf").write_text(conf)
        shutil.copy(project / "secrets" / "users.acl", tmp_path / "users.acl")
        port = free_port()
        for old, new in (
            ("/etc/redis/position-state-brain.conf", f"{tmp_path}/in.conf"),
            ("/tmp/redis.conf", f"{tmp_path}/out.conf"),  # noqa: S108 - the container's own
            ("redis-server ", f"{binary} "),
            ("--dir /data", f"--dir {tmp_path} --port {port}"),
            ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - a container's inside
        ):
            assert old in line
            line = line.replace(old, new)
        log = tmp_path / "redis.log"
        with running(["sh", "-c", line], environment(), log, cwd=tmp_path):
            wait_until(lambda: "Ready to accept connections" in log.read_text(), f"Redis starts: {log}")


class TestPreparing:
    def test_again_changes_nothing_that_a_person_wrote(self, project: Path) -> None:
        settings = project / "secrets" / "brain.env"
        settings.write_text(settings.read_text() + "P33_ALLOWLIST=ETHUSDT\n")
        before = {path: path.read_bytes() for path in (project / "secrets").rglob("*") if path.is_file()}
        subprocess.run([str(project / "prepare.sh")], check=True, capture_output=True, timeout=30)
        assert before == {path: path.read_bytes() for path in (project / "secrets").rglob("*") if path.is_file()}

    def test_the_settings_are_usable(self, project: Path) -> None:
        settings = load_settings({"P33_ENV_FILE": str(project / "secrets" / "brain.env")})
        assert settings.state_url.startswith("redis://p33-brain:")
        assert settings.state_url.endswith("@redis:6379/0")

    def test_secrets_are_kept_out_of_git_and_of_the_image(self) -> None:
        assert "deployment/compose/secrets/" in (ROOT / ".gitignore").read_text()
        assert "deployment/compose/secrets" in (ROOT / ".dockerignore").read_text()


class TestDockerfile:
    def test_its_base_is_pinned_and_it_runs_as_nobody_in_particular(self) -> None:
        assert re.search(r"ARG BASE=python:3\.11\.\d+-slim-\w+\n", DOCKERFILE)
        assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}", "brain"}
        assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)

    def test_every_package_comes_with_its_hash(self) -> None:
        installs = re.findall(r"pip install .*", DOCKERFILE)
        assert installs
        assert all("--require-hashes" in line or "--no-deps --no-build-isolation ." in line for line in installs)

    def test_what_it_copies_is_there_and_not_ignored(self) -> None:
        ignored = (ROOT / ".dockerignore").read_text().splitlines()
        for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE):
            for source in sources.split():
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored, source

    def test_each_command_is_one_of_ours(self) -> None:
        commands = [json.loads(line) for line in re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
        assert {command[0] for command in commands} == {"celery", "python"}


def compose_config(project: Path) -> subprocess.CompletedProcess[str]:
    """By the plugin, or by the older program, which doesn't know the project's name in the file."""
    file = project / "compose.yml"
    plugin = (
        subprocess.run(["docker", "compose", "version"], check=False, capture_output=True)
        if shutil.which("docker")
        else None
    )
    if plugin is not None and plugin.returncode == 0:
        command = ["docker", "compose"]
    elif shutil.which("docker-compose"):
        command = ["docker-compose"]
        file.write_text(re.sub(r"^name: .*\n", "", COMPOSE, flags=re.MULTILINE))
    else:
        pytest.skip("neither `docker compose` nor docker-compose here: apt-get install docker-compose")
    return subprocess.run(
        [*command, "-f", str(file), "config"], check=False, capture_output=True, text=True, timeout=60, cwd=project
    )
