"""The runbook: every alert and every deny reason has its section, every link leads somewhere, every command runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p33_tasks.domain.reasons import Reason
from tests.deployment.cluster import ROOT
from tests.deployment.hosts import NAME, VENV, Host
from tests.factories import plan_entry
from tests.support.waiting import wait_until

TEXT = (ROOT / "deployment" / "RUNBOOK.md").read_text()
HEADINGS = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL), re.MULTILINE)
ANCHORS = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADINGS}
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LOOKING = re.compile(r"p33 (check|status|watch|ledger show)|systemctl|journalctl")
ALERTS = re.findall(r"- alert: (\w+)", (ROOT / "deployment" / "prometheus" / "rules" / "alerts.yml").read_text())


@pytest.mark.parametrize("reason", [str(reason) for reason in Reason])
def test_every_deny_reason_has_its_section(reason: str) -> None:
    assert f"### {reason}\n" in TEXT


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_leads_to_its_section(alert: str) -> None:
    rules = (ROOT / "deployment" / "prometheus" / "rules" / "alerts.yml").read_text()
    links = re.findall(r"runbook_url: deployment/RUNBOOK.md#(\S+)", rules)
    assert alert.lower() in links
    assert set(links) <= ANCHORS


def test_every_link_leads_somewhere() -> None:
    links = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert links - ANCHORS == set()
    assert len(links) > 20


def test_what_has_to_be_in_it_is_in_it() -> None:
    wanted = ("starting", "checking", "upgrading", "redis lost", "exchange down", "adding a symbol", "sentinel")
    wanted += ("adding a worker host", "rabbitmq as broker", "rotating keys")
    for topic in wanted:
        assert any(topic in heading.lower() for heading in HEADINGS), topic


SYSTEMCTL = """#!/bin/sh
# Stands for systemctl and journalctl: says no to a unit that isn't installed.
for word in "$@"; do
  case $word in
    {name}*'*')
      set -- "{units}"/$word
      [ -e "$1" ] || {{ echo "no unit $word" >&2; exit 5; }}
      ;;
    {name}*)
      unit=$(echo "$word" | sed 's/@[0-9]*/@/')
      case $unit in *.target | *.service) ;; *) unit=$unit.service ;; esac
      [ -e "{units}/$unit" ] || {{ echo "no unit $unit" >&2; exit 5; }}
  esac
done
"""


def test_what_was_installed_passes_p33_check(started: Host, tmp_path: Path) -> None:
    """Every process under its own Redis role, by the very lines that systemd would run."""
    env = environment_of(started, tmp_path)
    try:
        wait_until(lambda: said(["p33", "check"], env), "p33 check is content", timeout_sec=60, every_sec=0.5)
    except AssertionError as error:
        done = subprocess.run(["p33", "check"], env=env, check=False, capture_output=True, text=True, timeout=60)
        logs = "\n".join(f"{p.name}: {p.read_text()[-800:]}" for p in started.root.parent.glob("*.log"))
        raise AssertionError(f"{done.stdout}\n{logs}") from error


@pytest.mark.timeout(300)
def test_every_command_runs_as_written(started: Host, tmp_path: Path) -> None:
    """One after the other, on a host that deploy.sh set up, with its Redis roles; only systemd is a stand-in."""
    env = environment_of(started, tmp_path)
    command = ["p33-redis", "--admin", "XADD", "quantum:stream:apply.plan", "*"]
    fields = [part for pair in plan_entry().items() for part in pair]
    subprocess.run([*command, *fields], env=env, check=True, capture_output=True)
    wait_until(
        lambda: said(["p33", "explain", "abc5f1f59a4df545"], env), "the example's plan is judged", timeout_sec=30
    )
    for block in without_repetitions(BLOCKS):
        script = f"set -eu\n{here(block, started)}"
        done = subprocess.run(
            ["bash", "-c", script],
            env=env,
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            input="y\n",
            timeout=60,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"


def environment_of(host: Host, folder: Path) -> dict[str, str]:
    programs = folder / "bin"
    programs.mkdir()
    for name in ("systemctl", "journalctl"):
        (programs / name).write_text(SYSTEMCTL.format(name=NAME, units=host.root / "etc/systemd/system"))
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}:{host.root}/usr/local/bin:{os.environ['PATH']}"}


def said(command: list[str], env: dict[str, str]) -> bool:
    """Whether it says yes."""
    return subprocess.run(command, env=env, check=False, capture_output=True, timeout=60).returncode == 0


def without_repetitions(blocks: list[str]) -> Iterator[str]:
    """Looking once is enough: a command that only looks isn't run again where it stands again.

    An emergency close needs a key that this host hasn't, and a position: tests/acceptance has it.
    """
    seen: set[str] = set()
    for block in blocks:
        lines = [line for line in block.splitlines() if line not in seen and "p33 emergency-close" not in line]
        seen.update(
            line for line in lines if re.match(r"p33 (check|status|watch|ledger show)|systemctl|journalctl", line)
        )
        if lines:
            yield "\n".join(lines)


def here(block: str, host: Host) -> str:
    """The same commands with this host's places."""
    port = host.variable("P33_METRICS_PORT")
    block = re.sub(r"(?<![\w/.])/(opt|etc)/quantum", rf"{host.root}/\1/quantum", block)
    block = block.replace("deployment/deploy.sh", f"deployment/deploy.sh --root {host.root} --venv {shlex.quote(VENV)}")
    return block.replace("127.0.0.1:8045", f"127.0.0.1:{port}")
