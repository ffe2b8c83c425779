"""The exporter as a real process, against a real Redis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Exporter:
    """A running exporter process."""

    process: subprocess.Popen[bytes]
    logfile: Path
    url: str = field(default="")

    def get(self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        request = urllib.request.Request(self.url.rstrip("/") + path, method=method, headers=headers or {})  # noqa: S310 - our own URL
        try:
            with urllib.request.urlopen(request, timeout=15) as reply:  # noqa: S310 - our own URL
                return Answer(reply.status, reply.read().decode(), dict(reply.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), dict(error.headers))

    @property
    def log(self) -> str:
        return self.logfile.read_text()

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rpartition(":")[2])


def start_exporter(folder: Path, environment: dict[str, str]) -> Exporter:
    logfile = folder / f"exporter-{len(list(folder.iterdir()))}.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("P33_", "REDIS_", "BINANCE_"))}
    settings = {"P33_METRICS_PORT": "0", **environment}
    with logfile.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "p33_tasks.exporter"], env={**clean, **settings}, stdout=log, stderr=log
        )
    return Exporter(process=process, logfile=logfile)


def _listening(exporter: Exporter) -> str:
    assert exporter.process.poll() is None, f"the exporter ended: {exporter.log}"
    found = re.search(r"EXPORTER_LISTENING url=(\S+)", exporter.log)
    return found.group(1).strip('"') if found else ""


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def exporters() -> Iterator[Callable[..., Exporter]]:
    """Start exporters with their settings; all end with the module."""
    started: list[Exporter] = []
    with tempfile.TemporaryDirectory(prefix="p33-exporter-") as folder:

        def start(**environment: str) -> Exporter:
            exporter = start_exporter(Path(folder), environment)
            started.append(exporter)
            exporter.url = wait_until(lambda: _listening(exporter), "the exporter listens", timeout_sec=30)
            return exporter

        try:
            yield start
        finally:
            for exporter in started:
                exporter.process.kill()
                exporter.process.wait(10)
