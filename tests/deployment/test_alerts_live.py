"""Each shipped alert fires in a real Prometheus when its fault is done to a real system, and ends when it is cured.

Redis, broker, exchange simulator, workers, beat, both exporters and Prometheus are processes; every fault is a real one
(``faults/``). The rules are the shipped ones in quick motion: each ``for:``, range and offset is divided by
``FACTOR``, so that a quarter of an hour lasts 45 s; expressions, limits, labels and texts are as shipped. One alert is
tried in every run, all of them with ``--faults=long``, some ten minutes. No alert is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.deployment.alert_world import World, running_world
from tests.deployment.cluster import ROOT
from tests.deployment.faults import FAULTS, Fault
from tests.deployment.monitoring import (
    RULES,
    Alert,
    Prometheus,
    in_quick_motion,
    running_prometheus,
    without_times,
    write_configuration,
)
from tests.support.promtool import require_tool
from tests.support.waiting import wait_until

FACTOR = 20
EVERY_SEC = 0.5
IN_EVERY_RUN = "P33DeadLetters"
FIRES_SEC = 90
"""The longest wait is that of P33HoldLasting: 15 min / FACTOR."""
ENDS_SEC = 90
"""The longest memory is that of ``increase(...[10m])``: 30 s. After Redis was away a refresh waits for 5 s, too."""

SHIPPED = {file.name: file.read_text() for file in sorted(RULES.glob("*.yml"))}
NAMES = {name for text in SHIPPED.values() for name in re.findall(r"- alert: (\w+)", text)}
HEADINGS = re.findall(r"^#+ (.*)$", (ROOT / "deployment" / "RUNBOOK.md").read_text(), re.MULTILINE)
ANCHORS = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADINGS}

Running = tuple[World, Prometheus]


class TestTheRules:
    def test_every_shipped_alert_has_a_fault_that_is_done_live(self) -> None:
        assert {fault.alert for fault in FAULTS} == NAMES
        assert len(NAMES) >= 23

    def test_in_quick_motion_only_times_differ(self) -> None:
        for name, text in SHIPPED.items():
            quick = in_quick_motion(text, FACTOR)
            assert quick != text, name
            assert without_times(quick) == without_times(text), name

    def test_in_quick_motion_every_time_is_shorter(self) -> None:
        """No ``for:``, range or offset was missed."""
        text = "".join(in_quick_motion(text, FACTOR) for text in SHIPPED.values())
        before = "".join(SHIPPED.values())
        expected = before.count(" for: ") + len(re.findall(r"\[\d|offset \d", before))
        times = re.findall(r"(?:for: |\[|offset )(\d+)ms", text)
        assert len(times) == expected > 30
        assert {int(milliseconds) for milliseconds in times} >= {750, 1_500, 3_000, 15_000, 30_000, 45_000}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The system and its Prometheus, before any fault."""
    require_tool("prometheus")
    folder = tmp_path_factory.mktemp("alerts")
    rules = folder / "rules"
    rules.mkdir()
    for name, text in SHIPPED.items():
        (rules / name).write_text(in_quick_motion(text, FACTOR))
    with ExitStack() as stack:
        world = stack.enter_context(running_world())
        write_configuration(folder, every_sec=EVERY_SEC, rules=rules, targets=world.targets)
        prometheus = stack.enter_context(running_prometheus(folder))
        assert prometheus.loaded() == NAMES
        wait_until(lambda: prometheus.value('up{job="p33"}') == 1, "the exporter is scraped", timeout_sec=20)
        yield world, prometheus


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        every = metafunc.config.getoption("--faults") == "long"
        chosen = [fault for fault in FAULTS if every or fault.alert == IN_EVERY_RUN]
        metafunc.parametrize("fault", chosen, ids=[fault.name for fault in chosen])


@pytest.mark.timeout(300)
def test_a_fault_makes_its_alert_fire_and_its_cure_ends_it(
    running: Running, fault: Fault, pytestconfig: pytest.Config, live_alerts: list[str]
) -> None:
    world, prometheus = running
    is_long = pytestconfig.getoption("--faults") == "long"
    await_silence(prometheus)
    began = time.monotonic()
    with fault.done(world) as again:

        def fires() -> list[Alert]:
            if again is not None:
                again()
            return prometheus.firing(fault.alert)

        fired = wait_until(fires, f"{fault.alert} fires: {fault.says}", timeout_sec=FIRES_SEC, every_sec=0.2)
        took_sec = time.monotonic() - began
        for name in fault.also:
            wait_until(lambda name=name: prometheus.firing(name), f"{name} fires, too", timeout_sec=FIRES_SEC)
        others = {alert.name for alert in prometheus.alerts() if alert.state == "firing"} - {fault.alert}
        told = read_aloud(fired, fault)
    line = f"{fault.alert:<24}{took_sec:6.1f} s  {fault.says} -> {told!r}"
    if is_long:
        ended_sec = await_end(prometheus, fault.alert)
        line += f"; ended {ended_sec:.1f} s after the remedy; beside it: {', '.join(sorted(others)) or 'none'}"
    live_alerts.append(line)


def await_silence(prometheus: Prometheus) -> None:
    """Nothing fires: what fires next is the fault's."""
    wait_until(lambda: not prometheus.alerts(), "no alert", timeout_sec=ENDS_SEC, every_sec=0.25)


def await_end(prometheus: Prometheus, name: str) -> float:
    """Seconds until the alert ended."""
    began = time.monotonic()
    wait_until(lambda: not prometheus.firing(name), f"{name} ends with its fault", timeout_sec=ENDS_SEC, every_sec=0.25)
    return time.monotonic() - began


def read_aloud(fired: list[Alert], fault: Fault) -> str:
    """What the person who is called reads: every blank filled in, and a link that leads to the alert's section."""
    for alert in fired:
        assert alert.labels["severity"] in {"critical", "warning"}
        assert not re.search(r"\{\{|\}\}|<|error expanding|NaN|%!|  |: $|\(\)", alert.summary), alert.summary
        path, _, anchor = alert.runbook_url.partition("#")
        assert (ROOT / path).samefile(ROOT / "deployment" / "RUNBOOK.md")
        assert anchor == fault.alert.lower()
        assert anchor in ANCHORS
    said = [alert.summary for alert in fired if fault.summary in alert.summary]
    assert said, f"{fault.summary!r} isn't said by {[alert.summary for alert in fired]}"
    return said[0]
