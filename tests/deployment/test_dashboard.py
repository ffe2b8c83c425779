"""Every query of the Grafana dashboard, asked of a real Prometheus that scrapes a real `p33 up`, has an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from p33_tasks.cli.queue_metrics import celery_exporter_command
from tests.deployment.cluster import ROOT, environment, program, running
from tests.deployment.monitoring import Prometheus, running_prometheus, write_configuration
from tests.support.promtool import require_tool
from tests.support.redis_server import free_port
from tests.support.waiting import wait_until

DASHBOARD = json.loads((ROOT / "deployment" / "grafana" / "dashboards" / "position-state-brain.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
WANTED = ("Exchange and ledger", "Snapshot age", "Verdicts", "Denials", "Permit latency", "Celery queues")

EMPTY_IS_WELL = {
    # No task of a healthy demo fails, and celery-exporter shows a series once there is something to show.
    'sum by (name) (rate(celery_task_failed_total{account=~"$account"}[1m]))',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """A demo, and the Prometheus that watches it."""

    prometheus: Prometheus
    has_queue_metrics: bool

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """What Grafana would get, with its variables filled in."""
        for name, value in (("$__rate_interval", "15s"), ("$__range", "1m"), ("$account", ".*"), ("$symbol", ".*")):
            expression = expression.replace(name, value)
        return self.prometheus.ask(expression)


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitored]:
    require_tool("prometheus")
    folder = tmp_path_factory.mktemp("dashboard")
    up_log = folder / "up.log"
    with ExitStack() as stack:
        stack.enter_context(running([program("p33"), "up", "--for", "115"], environment(), up_log))
        wait_until(lambda: re.search(r"look .*demo\.env", up_log.read_text()), "p33 up is up", timeout_sec=30)
        metrics = re.search(r"metrics +http://(\S+?)/", up_log.read_text())
        env_file = re.search(r"\. (\S+demo\.env)", up_log.read_text())
        assert metrics is not None
        assert env_file is not None
        queue_port = free_port()
        command = celery_exporter_command(port=queue_port)
        if command is not None:
            env = {**environment(), "P33_ENV_FILE": env_file[1]}
            stack.enter_context(running(command, env, folder / "queues.log"))
        write_configuration(folder, every_sec=1, targets={"p33": metrics[1], "celery": f"127.0.0.1:{queue_port}"})
        prometheus = stack.enter_context(running_prometheus(folder))
        yield Monitored(prometheus=prometheus, has_queue_metrics=command is not None)


@pytest.mark.parametrize(("title", "expression"), QUERIES, ids=[f"{t[:24]}-{n}" for n, (t, _) in enumerate(QUERIES)])
def test_a_query_has_an_answer(monitored: Monitored, title: str, expression: str) -> None:
    if "celery_" in expression and not monitored.has_queue_metrics:
        pytest.skip("no celery-exporter here: make it with `make celery-exporter`")
    if expression in EMPTY_IS_WELL:
        assert isinstance(monitored.ask(expression), list)
        return
    answered = wait_until(lambda: asked(monitored, expression), f"{title}: {expression} has an answer", timeout_sec=60)
    assert all(row["value"][1] != "NaN" for row in answered) or "histogram_quantile" in expression


def asked(monitored: Monitored, expression: str) -> list[dict[str, Any]]:
    """The rows that say something."""
    try:
        rows = monitored.ask(expression)
    except OSError:  # Prometheus is still starting
        return []
    return [row for row in rows if row["value"][1] != "NaN"]


def test_a_healthy_demo_raises_no_alarm(monitored: Monitored) -> None:
    """After all of the queries above: the demo's alerts are those its producer provokes."""
    provoked = {
        "P33DenyRatioHigh",
        "P33DeadLetters",
        "P33HoldLasting",
        "P33LedgerCrossedZero",
        "P33DriftLasting",
        "P33LedgerMissing",
    }
    firing = {row["metric"]["alertname"] for row in monitored.ask('ALERTS{alertstate="firing"}')}
    assert firing - provoked == set()


def test_it_shows_what_was_asked_for() -> None:
    titles = " ".join(panel["title"] for panel in PANELS)
    assert all(wanted in titles for wanted in WANTED)
    assert any(panel["type"] == "heatmap" for panel in PANELS)


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
