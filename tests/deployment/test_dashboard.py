"""Every query of the Grafana dashboard, asked of a real Prometheus that scrapes a real `p33 up`, has an answer."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
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
AHEAD = ("Prepared verdicts per second", "Forecasts beside the base rate", "Plans that would be denied")

EMPTY_IS_WELL = {
    # No task of a healthy demo fails, and celery-exporter shows a series once there is something to show.
    'sum by (name) (rate(celery_task_failed_total{account=~"$account"}[1m]))',
    # Nothing is prepared and nothing forecast by default: a world with forecasts is below.
    *(target["expr"] for panel in PANELS if panel["title"] in AHEAD for target in panel["targets"]),
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
        wait_until(lambda: re.search(r"status .* status", up_log.read_text()), "p33 up is up", timeout_sec=30)
        metrics = re.search(r"metrics +http://(\S+?)/", up_log.read_text())
        env_file = re.search(r"settings (\S+demo\.env)", up_log.read_text())
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
    assert all(row["value"][1] != "NaN" for row in answered)


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


# --- worlds that a demo doesn't show, evaluated by Prometheus' own engine ------------------------------------------


def filled(expression: str) -> str:
    for name, value in (("$__rate_interval", "1m"), ("$__range", "5m"), ("$account", ".*"), ("$symbol", ".*")):
        expression = expression.replace(name, value)
    return expression


def evaluated(folder: Path, series: dict[str, str], expected: dict[str, list[tuple[str, float]]]) -> str:
    """What promtool has against it: five minutes of these series, then these answers. Empty: nothing."""
    test = {
        "evaluation_interval": "5s",
        "rule_files": [str(ROOT / "deployment/prometheus/rules/recording.yml")],
        "tests": [
            {
                "interval": "5s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": filled(expression),
                        "eval_time": "5m",
                        "exp_samples": [{"labels": labels, "value": value} for labels, value in samples],
                    }
                    for expression, samples in expected.items()
                ],
            }
        ],
    }
    (folder / "test.yml").write_text(json.dumps(test))  # JSON is YAML
    done = subprocess.run(
        [require_tool("promtool"), "test", "rules", str(folder / "test.yml")],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout + done.stderr


def queries(title: str) -> list[str]:
    return [target["expr"] for panel in PANELS if panel["title"].startswith(title) for target in panel["targets"]]


def test_a_fresh_and_idle_service_shows_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    """No NaN, and not 1.8e9 seconds since a refresh that never was."""
    series = {
        'p33_refresh_last_success_ts{account="q",instance="a"}': "0x80",
        'p33_permit_total{account="q",instance="a",symbol="B",decision="allow"}': "0x80",
        'p33_permit_total{account="q",instance="a",symbol="B",decision="deny"}': "0x80",
        'p33_permit_latency_seconds_bucket{account="q",instance="a",le="+Inf"}': "0x80",
        'p33_evaluation_duration_seconds_bucket{account="q",instance="a",le="+Inf"}': "0x80",
        'celery_task_runtime_bucket{account="q",instance="a",name="x",le="+Inf"}': "0x80",
    }
    titles = ("Allowed", "Permit, 99", "Permit latency and", "Task runtime")
    empty = [expression for title in titles for expression in queries(title)] + queries("Refreshes")[1:]
    assert len(empty) == 7
    assert evaluated(tmp_path, series, {expression: [] for expression in empty}) == ""


def test_two_exporters_of_one_account_are_not_added_up(tmp_path: Path) -> None:
    series = {
        f'{name}{{account="q",instance="{instance}",{labels}}}': values
        for instance in "ab"
        for name, labels, values in (
            ("p33_permit_total", 'symbol="B",decision="allow"', "0+5x80"),
            ("p33_snapshot_total", 'symbol="B",status="ok"', "0+5x80"),
            ("p33_denial_total", 'symbol="B",reason="r"', "0+5x80"),
            ("p33_position_amt", 'symbol="B"', "-2x80"),
            ("p33_unpermitted_execution_total", 'symbol="B"', "0+5x80"),
        )
    }
    expected = {
        queries("Verdicts per second")[0]: [("{}", 1.0)],
        queries("Refreshes")[0]: [('{status="ok"}', 1.0)],
        queries("Denials per second")[0]: [('{reason="r"}', 1.0)],
        queries("Every symbol now")[0]: [('{account="q",symbol="B"}', -2.0)],
        queries("Exchange and ledger")[0]: [('{account="q",symbol="B"}', -2.0)],
        queries("What must not happen")[0]: [("{}", 300.0)],
    }
    assert evaluated(tmp_path, series, expected) == ""


def test_what_comes_ahead_of_the_plan_is_shown(tmp_path: Path) -> None:
    series = {
        f'{name}{{account="q",instance="{instance}"{labels}}}': values
        for instance in "ab"
        for name, labels, values in (
            ("p33_prepared_total", ',outcome="hit"', "0+5x80"),
            ("p33_prepared_total", ',outcome="none"', "0+10x80"),
            ("p33_forecast_brier_score", ',by="model"', "0.1x80"),
            ("p33_forecast_brier_score", ',by="base_rate"', "0.2x80"),
            ("p33_forecast_hit_rate", "", "0.6x80"),
            ("p33_forecast_warning", ',symbol="B",reason="r"', "1x80"),
        )
    }
    prepared, beside, warnings = (queries(title) for title in AHEAD)
    expected = {
        prepared[0]: [('{outcome="hit"}', 1.0), ('{outcome="none"}', 2.0)],
        beside[0]: [('{account="q",by="model"}', 0.1), ('{account="q",by="base_rate"}', 0.2)],
        beside[1]: [('{account="q"}', 0.6)],
        warnings[0]: [('{symbol="B",reason="r"}', 1.0)],
    }
    assert evaluated(tmp_path, series, expected) == ""


def test_each_symbol_has_a_panel_and_an_axis_of_its_own() -> None:
    """With a value for "all", Grafana doesn't repeat the panel: 0.04 BTC and 4000 XRP were one axis."""
    [panel] = [panel for panel in PANELS if panel["title"].startswith("Exchange and ledger")]
    assert panel["repeat"] == "symbol"
    [variable] = [variable for variable in DASHBOARD["templating"]["list"] if variable["name"] == "symbol"]
    assert "allValue" not in variable


def test_the_table_of_symbols_shows_by_colour_what_stops_a_plan() -> None:
    [table] = [panel for panel in PANELS if panel["title"] == "Every symbol now"]
    coloured = {
        override["matcher"]["options"]
        for override in table["fieldConfig"]["overrides"]
        for found in override["properties"]
        if found["id"] == "custom.cellOptions" and found["value"]["type"] == "color-background"
    }
    assert coloured == {"Usable", "Ledger known", "Over the limit", "Hold", "Promised", "Cooldown s"}
    [organize] = [step for step in table["transformations"] if step["id"] == "organize"]
    assert coloured <= set(organize["options"]["renameByName"].values())
