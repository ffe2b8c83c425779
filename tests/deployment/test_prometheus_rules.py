"""The Prometheus configuration: valid, tested, and its tests notice when a rule is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from p33_tasks.store.verdict_calls import LATENCY_BUCKETS_MS
from tests.deployment.cluster import ROOT
from tests.support.promtool import require_tool

FOLDER = ROOT / "deployment" / "prometheus"
ALERTS = (FOLDER / "rules" / "alerts.yml").read_text()
TESTS = (FOLDER / "tests" / "alerts_test.yml").read_text()
NAMES = re.findall(r"- alert: (\w+)", ALERTS)

WANTED = {
    "snapshots stale": "P33SnapshotStale",
    "no verdicts while plans arrive": "P33NoVerdicts",
    "deny ratio by reason": "P33DenyRatioHigh",
    "drift that lasts": "P33DriftLasting",
    "stream lag": "P33StreamLag",
    "dead letters": "P33DeadLetters",
    "worker missing": "P33WorkersMissing",
    "beat missing": "P33BeatMissing",
    "exchange errors": "P33ExchangeErrors",
    "request weight near the limit": "P33RequestWeightHigh",
    "exporter down": "P33ExporterDown",
}


def promtool(*arguments: str, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require_tool("promtool"), *arguments], cwd=cwd, check=False, capture_output=True, text=True, timeout=100
    )


def rule_of(alert: str) -> str:
    """The alert's part of the file."""
    return next(part for part in re.split(r"\n(?=      - alert: )", ALERTS) if f"- alert: {alert}\n" in part)


def expression_of(alert: str) -> str:
    found = re.search(r"        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)", rule_of(alert))
    assert found is not None
    return found[1] or found[2]


class TestAsShipped:
    def test_prometheus_accepts_the_configuration(self) -> None:
        done = promtool("check", "config", "prometheus.yml")
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("name", ["alerts_test.yml", "recording_test.yml"])
    def test_every_rule_does_what_its_tests_say(self, name: str) -> None:
        done = promtool("test", "rules", name, cwd=FOLDER / "tests")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_what_has_to_be_watched_is_watched(self) -> None:
        assert set(WANTED.values()) <= set(NAMES)

    @pytest.mark.parametrize("alert", NAMES)
    def test_each_alert_is_tested_and_says_how_bad_it_is_and_what_to_do(self, alert: str) -> None:
        rule = rule_of(alert)
        assert f"alertname: {alert}" in TESTS
        assert re.search(r"labels: \{severity: (critical|warning)\}", rule)
        assert f"runbook_url: deployment/RUNBOOK.md#{alert.lower()}\n" in rule + "\n"

    def test_every_metric_in_a_rule_is_one_of_the_exporter(self) -> None:
        documented = (ROOT / "p33_tasks" / "exporter" / "metrics.py").read_text()
        rules = ALERTS + (FOLDER / "rules" / "recording.yml").read_text()
        used = set(re.findall(r"(?<![:\w])p33_\w+", rules))
        assert {name for name in used if name.removesuffix("_bucket") not in documented} == set()

    def test_every_bucket_in_a_rule_is_one_of_the_exporter(self) -> None:
        """A bound that isn't there selects nothing, and its alert would never fire again."""
        rules = ALERTS + (FOLDER / "rules" / "recording.yml").read_text()
        used = set(re.findall(r'_latency_seconds_bucket\{le="([^"]+)"\}', rules))
        assert used == {"1.2", "+Inf"}
        assert used <= {*(f"{bound / 1_000:g}" for bound in LATENCY_BUCKETS_MS), "+Inf"}


def never(rule: str) -> str:
    """An alert that can't fire."""
    return re.sub(r"        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)", "        expr: vector(0) > 1\n", rule)


def at_once(rule: str) -> str:
    """An alert that doesn't wait."""
    return re.sub(r"        for: .*\n", "", rule)


def turned(rule: str) -> str:
    """Every comparison of the expression the other way round."""
    swap = {" > ": " < ", " >= ": " < ", " == ": " != ", " != ": " == "}
    return re.sub(r" (?:>=?|==|!=) ", lambda found: swap[found[0]], rule)


def looser(rule: str) -> str:
    """Every limit a little higher."""
    return re.sub(r"(?<=[>=] )\d[\d.]*", lambda found: str(float(found[0]) * 3 + 1), rule)


def tighter(rule: str) -> str:
    """Every upper limit a little lower."""
    return re.sub(r"(?<= > )\d[\d.]*", lambda found: f"{float(found[0]) * 0.85:g}", rule)


MUTATIONS: list[Callable[[str], str]] = [never, at_once, turned, looser, tighter]


def changes(mutate: Callable[[str], str], alert: str) -> bool:
    """Whether there is anything of the kind to break; a limit of 0 can't be lowered."""
    before, after = rule_of(alert), mutate(rule_of(alert))
    return after != before


CASES = [(alert, mutate) for alert in NAMES for mutate in MUTATIONS if changes(mutate, alert)]


class TestTheTests:
    """An alert that is broken on purpose must make its tests fail; else they prove nothing."""

    @pytest.mark.parametrize("mutate", MUTATIONS)
    def test_a_broken_alert_is_still_a_valid_one(self, mutate: Callable[[str], str], tmp_path: Path) -> None:
        """Else the tests would fail for its syntax."""
        (tmp_path / "alerts.yml").write_text(mutate(ALERTS))
        done = promtool("check", "rules", "alerts.yml", cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_tests_of_an_alert_need_no_other_alert(self, tmp_path: Path) -> None:
        """Else they would fail for another reason than the broken one."""
        files = [write(tmp_path / alert, cases_of(alert), rules_for(cases_of(alert))) for alert in NAMES]
        done = promtool("test", "rules", *map(str, files))
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize(("alert", "mutate"), CASES, ids=[f"{a}-{m.__name__}" for a, m in CASES])
    def test_a_broken_alert_is_noticed(self, alert: str, mutate: Callable[[str], str], tmp_path: Path) -> None:
        tests, rule = cases_of(alert), rule_of(alert)
        broken = rules_for(tests).replace(rule, mutate(rule))
        assert promtool("test", "rules", str(write(tmp_path, tests, broken))).returncode != 0


def cases_of(alert: str) -> str:
    """The cases that ask about an alert, as a file of tests."""
    head, *cases = re.split(r"\n(?=  - name: )", TESTS)
    return "\n".join([head, *(case for case in cases if f"alertname: {alert}" in case)])


def rules_for(tests: str) -> str:
    """The alerts that these tests ask about, and no others: each costs time in every case."""
    kept, asked_for = ALERTS, set(re.findall(r"alertname: (\w+)", tests))
    for alert in NAMES:
        if alert not in asked_for:
            kept = kept.replace(rule_of(alert), "")
    return kept


def write(folder: Path, tests: str, alerts: str) -> Path:
    """Rules and tests as they lie beside each other; the file of the tests."""
    shutil.copytree(FOLDER / "rules", folder / "rules")
    (folder / "rules" / "alerts.yml").write_text(alerts)
    (folder / "tests").mkdir()
    file = folder / "tests" / "t.yml"
    file.write_text(tests)
    return file
