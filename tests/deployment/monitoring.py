"""A real Prometheus with the shipped configuration, scraping often; its rules as shipped, or in quick motion."""

from __future__ import annotations

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deployment.cluster import ROOT, environment, running
from tests.support.guard import watch
from tests.support.promtool import require_tool
from tests.support.redis_server import free_port
from tests.support.waiting import wait_until

SHIPPED = ROOT / "deployment" / "prometheus"
RULES = SHIPPED / "rules"

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TIMES = re.compile(r"(?P<before>^ *for: |\[|\boffset )(?P<number>\d+)(?P<unit>[smh])(?![\w:])", re.MULTILINE)
"""Every duration that a rule can wait for or look back over: ``for: 2m``, ``[5m]``, ``offset 10m``."""


def in_quick_motion(rules: str, factor: int) -> str:
    """The rules with every ``for:``, range and offset divided by ``factor``, in milliseconds; nothing else changes."""

    def shorter(found: re.Match[str]) -> str:
        milliseconds = int(found["number"]) * _SECONDS[found["unit"]] * 1000 // factor
        return f"{found['before']}{milliseconds}ms"

    return _TIMES.sub(shorter, rules)


def without_times(rules: str) -> str:
    """The rules with every such duration masked: what has to be the same before and after."""
    return re.sub(r"(^ *for: |\[|\boffset )\d+(?:ms|[smh])(?![\w:])", r"\1TIME", rules, flags=re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as ``/api/v1/alerts`` tells it."""

    name: str
    state: str  # pending, firing
    labels: Mapping[str, str]
    summary: str
    runbook_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """One that runs."""

    url: str

    def get(self, path: str, **parameters: str) -> Any:
        """The ``data`` of an API answer."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own loopback
            return json.load(reply)["data"]

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The rows of an instant query."""
        rows: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return rows

    def value(self, expression: str) -> float | None:
        """The one number that a query answers; None: there is none."""
        rows = self.ask(expression)
        return float(rows[0]["value"][1]) if rows else None

    def alerts(self) -> list[Alert]:
        """What is pending or fires."""
        return [
            Alert(
                name=row["labels"]["alertname"],
                state=row["state"],
                labels=row["labels"],
                summary=row["annotations"]["summary"],
                runbook_url=row["annotations"]["runbook_url"],
            )
            for row in self.get("alerts")["alerts"]
        ]

    def firing(self, name: str) -> list[Alert]:
        """The alert's instances that fire."""
        return [alert for alert in self.alerts() if (alert.name, alert.state) == (name, "firing")]

    def loaded(self) -> set[str]:
        """The names of the alerts that it evaluates."""
        groups = self.get("rules", type="alert")["groups"]
        return {rule["name"] for group in groups for rule in group["rules"]}


def write_configuration(folder: Path, *, every_sec: float, rules: Path = RULES, targets: Mapping[str, str]) -> None:
    """The shipped configuration; only the targets are the test's, and the period is shorter.

    Args:
        folder: Where ``prometheus.yml`` and ``targets`` are written.
        every_sec: Scrape and evaluation interval, seconds. celery-exporter keeps its own, since each scrape of it
            asks every worker.
        rules: The folder of the rules.
        targets: An address per file in the shipped ``targets``.
    """
    text = (SHIPPED / "prometheus.yml").read_text()
    often = rf"  \1: {int(every_sec * 1000)}ms"
    text = re.sub(r"^  (scrape_interval|evaluation_interval|scrape_timeout): \w+", often, text, flags=re.MULTILINE)
    text = text.replace("rules/*.yml", f"{rules}/*.yml")
    (folder / "prometheus.yml").write_text(text)
    (folder / "targets").mkdir()
    for name, address in targets.items():
        text = (SHIPPED / "targets" / f"{name}.yml").read_text()
        (folder / "targets" / f"{name}.yml").write_text(re.sub(r"127\.0\.0\.1:\d+", address, text))


@contextmanager
def running_prometheus(folder: Path) -> Iterator[Prometheus]:
    """Prometheus on ``folder``'s configuration for as long as the block runs; skips where there is none."""
    port = free_port()
    arguments = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    arguments.append(f"--web.listen-address=127.0.0.1:{port}")
    command = [require_tool("prometheus"), *arguments]
    with running(command, environment(), folder / "prometheus.log") as process:
        watch(process.pid)
        prometheus = Prometheus(url=f"http://127.0.0.1:{port}")
        wait_until(lambda: _answers(prometheus), f"Prometheus answers: {folder}/prometheus.log", timeout_sec=30)
        yield prometheus


def _answers(prometheus: Prometheus) -> bool:
    try:
        return bool(prometheus.loaded())
    except OSError:
        return False
