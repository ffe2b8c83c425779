"""A Debian with a real systemd: installed, started, stopped, misconfigured, upgraded, as a person would do it.

One machine for all of it, so the tests stand in the order in which a host lives.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.deployment.hosts import NAME
from tests.deployment.real.machine import Machine, booted
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(600)]

ENV = "/etc/quantum/position-state-brain.env"
CONF = "/etc/redis/position-state-brain.conf"
PROCESSES = ("worker@1", "worker@2", "snapshots", "beat", "exporter")
PYTHON = "/opt/quantum/position-state-brain/current/.venv/bin/python"
SIMULATOR = (
    f"systemd-run -q --unit=simulator {PYTHON} -m p33_tasks.demo.exchange"
    " --port 8088 --symbols BTCUSDT=0.04 --api-key demo --api-secret demo"
)
SETTINGS = (
    "P33_EXCHANGE_BASE_URL=http://127.0.0.1:8088\nBINANCE_API_KEY=demo\nBINANCE_API_SECRET=demo\nP33_POLL_SEC=1\n"
)
DEPLOY = "cd /src && deployment/deploy.sh"


@pytest.fixture(scope="module", params=[("bookworm", "3.11"), ("trixie", "3.13")], ids=lambda release: release[0])
def machine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    suite, python = request.param
    with booted(tmp_path_factory.mktemp("deploycheck"), suite, python) as debian:
        yield debian


def processes(machine: Machine) -> list[str]:
    """The gate's processes that run, by their command line."""
    lines = machine.says("ps -eo args").splitlines()
    return [line for line in lines if "position-state-brain/" in line and re.search(r"celery|p33 (exporter|in)", line)]


def unit(machine: Machine, name: str, field: str) -> str:
    return machine.says(f"systemctl show -p {field} --value {NAME}{name and '-' + name}")


def test_a_port_that_the_distributions_redis_holds_is_refused_and_nothing_is_changed(machine: Machine) -> None:
    assert machine.says("systemctl is-active redis-server") == "active"
    done = machine.run(f"{DEPLOY} --with-redis", exit_code=2)
    assert "nothing was changed. Port 6379" in done.stderr
    assert "redis-server.service, which runs" in done.stderr
    assert "systemctl disable --now redis-server" in done.stderr
    for place in ("/opt/quantum", "/etc/quantum", CONF, f"/etc/systemd/system/{NAME}.service"):
        assert not machine.path(place).exists(), place


def test_nor_is_one_accepted_that_would_start_at_the_next_boot(machine: Machine) -> None:
    machine.run("systemctl stop redis-server")
    done = machine.run(f"{DEPLOY} --with-redis", exit_code=2)
    assert "redis-server.service, which is started at boot" in done.stderr
    machine.run("systemctl disable redis-server")


def test_nor_a_port_that_another_program_holds(machine: Machine) -> None:
    listening = "import socket, time; s = socket.create_server(('127.0.0.1', 6379)); time.sleep(600)"
    machine.run(f'systemd-run -q --unit=other python3 -c "{listening}"')
    wait_until(
        lambda: machine.run("exec 3<> /dev/tcp/127.0.0.1/6379", exit_code=None).returncode == 0,
        "the other program listens",
        timeout_sec=20,
        every_sec=0.2,
    )
    assert "taken by another program" in machine.run(f"{DEPLOY} --with-redis", exit_code=2).stderr
    machine.run("systemctl stop other")


def test_a_first_installation_without_keys_says_what_to_write_and_ends_well(machine: Machine) -> None:
    done = machine.run(f"{DEPLOY} --with-redis", timeout_sec=400)
    assert "installed. Now write the keys of the exchange" in done.stdout
    assert unit(machine, "redis", "ActiveState") == "active"
    assert unit(machine, "", "ActiveState") == "inactive"
    assert processes(machine) == []


def test_with_keys_everything_starts_and_the_check_is_content(machine: Machine) -> None:
    machine.run(SIMULATOR)
    machine.append(ENV, SETTINGS)
    machine.run(f"systemctl restart {NAME} && p33 check --wait 60")
    for name in PROCESSES:
        assert unit(machine, name, "ActiveState") == "active", name
        assert unit(machine, name, "NRestarts") == "0", name


def test_the_hosts_command_sees_every_processes_sign_of_life(machine: Machine) -> None:
    for role in ("worker", "beat"):
        machine.run(f"p33 alive --max-age 30 --of {role}")
    shown = machine.says("p33 alive --max-age 30")
    assert shown.count("worker") >= 3, shown  # two of permits and ledger, one of snapshots


def test_a_restart_of_one_process_returns_when_it_takes_work(machine: Machine) -> None:
    machine.run(f"systemctl restart {NAME}-worker@1")
    assert unit(machine, "worker@1", "StatusText") == "takes tasks"
    machine.run(f"systemctl restart {NAME}-exporter")
    assert unit(machine, "exporter", "StatusText") == "serves metrics"


def test_stop_returns_when_nothing_runs_any_more(machine: Machine) -> None:
    assert processes(machine)
    machine.run(f"systemctl stop {NAME}")
    assert processes(machine) == [], "at this very moment"
    machine.run(f"systemctl start {NAME} && p33 check --wait 60")


def test_restart_returns_when_none_of_before_runs_any_more(machine: Machine) -> None:
    before = {machine.says(f"systemctl show -p MainPID --value {NAME}-{name}") for name in PROCESSES}
    machine.run(f"systemctl restart {NAME}")
    running = set(machine.says("ps -eo pid=").split())
    assert before & running == set()
    machine.run("p33 check --wait 60")


def test_with_the_target_restart_returns_when_every_process_takes_work(machine: Machine) -> None:
    before = {name: unit(machine, name, "MainPID") for name in PROCESSES}
    machine.run(f"systemctl restart {NAME}{{,.target}}")
    states = {name: unit(machine, name, "ActiveState") for name in PROCESSES}
    texts = {name: unit(machine, name, "StatusText") for name in ("worker@1", "worker@2", "snapshots", "exporter")}
    assert set(states.values()) == {"active"}, states
    assert texts == dict.fromkeys(("worker@1", "worker@2", "snapshots"), "takes tasks") | {"exporter": "serves metrics"}
    assert before.items().isdisjoint({name: unit(machine, name, "MainPID") for name in PROCESSES}.items())
    machine.run(f"systemctl stop {NAME} && systemctl start {NAME}{{,.target}}")
    assert unit(machine, "worker@1", "StatusText") == "takes tasks"


def test_the_workers_errors_are_found_by_priority(machine: Machine) -> None:
    machine.run(f"systemctl stop {NAME}-redis")
    wait_until(
        lambda: "ERROR" in machine.says(f"journalctl -p err -o cat -u {NAME}-worker@1 --since -1min"),
        "the worker's error is in the journal as one",
        timeout_sec=30,
        every_sec=0.5,
    )
    assert " INFO " not in machine.says(f"journalctl -p err -o cat -u {NAME}-worker@1")
    machine.run(f"systemctl start {NAME}-redis && p33 check --wait 60")


def test_a_wrong_setting_fails_at_once_with_2_and_one_text(machine: Machine) -> None:
    env = machine.path(ENV)
    right = env.read_text()
    machine.append(ENV, "P33_POLL_SEC=often\n")
    try:
        machine.run(f"systemctl restart {NAME}", exit_code=1)
        assert unit(machine, "", "ExecMainStatus") == "2"
        assert machine.run("p33 check", exit_code=2)
        time.sleep(5)  # more than RestartSec: would anything be tried again?
        assert processes(machine) == []
        assert unit(machine, "", "NRestarts") == "0"
        told = machine.says(f"journalctl -p err -o cat -u {NAME} --since -20s").splitlines()
        assert sum("P33_POLL_SEC='often'" in line for line in told) == 1
        assert "Traceback" not in "\n".join(told)
        done = machine.run(DEPLOY, exit_code=2)
        assert "this release can't use" in done.stderr
    finally:
        env.write_text(right)
    machine.run(f"systemctl restart {NAME} && p33 check --wait 60")


def test_fewer_workers_are_fewer_workers(machine: Machine) -> None:
    machine.run(f"{DEPLOY} --no-start --workers 1")
    assert machine.says(f"systemctl is-enabled {NAME}-worker@2") == "disabled"
    assert unit(machine, "worker@2", "ActiveState") == "inactive"
    machine.run(f"systemctl enable --now {NAME}-worker@3")
    machine.run(f"{DEPLOY} --no-start")
    assert machine.says(f"systemctl is-enabled {NAME}-worker@3") == "enabled", "nobody said how many"
    machine.run(f"{DEPLOY} --no-start --workers 2")
    assert machine.says(f"systemctl is-enabled {NAME}-worker@3") == "disabled"
    machine.run(f"systemctl start {NAME}-worker@2")


def test_an_upgrade_renews_what_its_redis_reads_and_says_so(machine: Machine) -> None:
    """As version 0.1 installed it: without the new value, a role and a line of the unit."""
    conf, acl = machine.path(CONF), machine.path("/etc/redis/position-state-brain.acl")
    redis_unit = machine.path(f"/etc/systemd/system/{NAME}-redis.service")
    old = re.sub(r"(?m)^repl-backlog-ttl.*\n", "", machine.path("/src/config/redis.conf").read_text())
    release = machine.path("/opt/quantum/position-state-brain/releases/0.0.1-old/config")
    release.mkdir(parents=True)
    (release / "redis.conf").write_text(old)
    conf.write_text(old)
    acl.write_text(re.sub(r"(?m)^user p33-watch.*\n", "", acl.read_text()))
    redis_unit.write_text(redis_unit.read_text().replace("LimitNOFILE=65536", "LimitNOFILE=1024"))
    done = machine.run(DEPLOY, timeout_sec=300)
    for line in ("+repl-backlog-ttl 0", "+user p33-watch", "+LimitNOFILE=65536"):
        assert line in done.stdout, line
    assert machine.says("p33-redis --admin CONFIG GET repl-backlog-ttl").split() == ["repl-backlog-ttl", "0"]
    assert "p33-watch" in machine.says("p33-redis --admin ACL USERS")
    assert "proven" in done.stdout


def test_a_second_upgrade_restarts_no_redis(machine: Machine) -> None:
    before = unit(machine, "redis", "MainPID")
    done = machine.run(DEPLOY, timeout_sec=300)
    assert "changed:" not in done.stdout
    assert unit(machine, "redis", "MainPID") == before


def test_a_configuration_edited_by_hand_is_kept(machine: Machine) -> None:
    machine.append(CONF, "maxmemory 700mb\n")
    done = machine.run(f"{DEPLOY} --no-start")
    assert "edited by hand" in done.stdout
    assert machine.path(CONF).read_text().endswith("maxmemory 700mb\n")
    machine.run(f"mv {CONF}.new {CONF}")
    assert "edited by hand" not in machine.run(f"{DEPLOY} --no-start").stdout


def test_what_redis_can_not_use_is_taken_back(machine: Machine) -> None:
    """No restart loop: the gate's Redis runs as before, or stands still."""
    local = machine.path("/etc/redis/position-state-brain.local.conf")
    right = local.read_text()
    local.write_text("maxmemory a-lot\n")
    machine.path(CONF).write_text(machine.path("/src/config/redis.conf").read_text())
    done = machine.run(DEPLOY, exit_code=2, timeout_sec=300)
    assert "maxmemory a-lot" in done.stderr
    assert "Redis did not start" in done.stderr
    local.write_text(right)
    machine.run(f"{DEPLOY} --with-redis", timeout_sec=300)
    assert unit(machine, "redis", "ActiveState") == "active"


def test_after_a_boot_one_redis_and_the_gate_run(machine: Machine) -> None:
    wanted = machine.says("systemctl list-dependencies --plain multi-user.target")
    assert f"{NAME}-redis.service" in wanted
    assert f"{NAME}.service" in wanted
    assert "redis-server.service" not in wanted.replace(f"{NAME}-redis", "")
