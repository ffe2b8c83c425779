"""A host of a test's own, empty or with everything running; the table of the alerts that fired."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deployment.cluster import environment, running
from tests.deployment.hosts import NAME, Host, run_unit
from tests.support.redis_server import free_port, server_binary
from tests.support.simulator import running_simulator

_FIRED = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    fired = config.stash.get(_FIRED, [])
    if fired and config.getoption("--faults") == "long":
        terminalreporter.section("alerts, seconds until they fired")
        for line in fired:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def live_alerts(pytestconfig: pytest.Config) -> list[str]:
    """One line per alert that fired, shown at the end of a long run."""
    return pytestconfig.stash.setdefault(_FIRED, [])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "root")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Everything that was installed, started by the units' own command lines."""
    binary = server_binary("system")
    if binary is None:
        pytest.skip("no redis-server 7 on this machine")
    folder = tmp_path_factory.mktemp("host")
    host = Host(folder / "root")
    host.deploy("--with-redis")
    port = free_port()
    with running_simulator(symbols={"BTCUSDT": "0.04"}) as sim, ExitStack() as stack:
        ours = {"REDIS_PORT": port, "P33_METRICS_PORT": free_port(), "P33_POLL_SEC": 1}
        ours |= {"P33_EXCHANGE_BASE_URL": sim.base_url, "BINANCE_API_KEY": "demo", "BINANCE_API_SECRET": "demo"}
        with host.env_file.open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in ours.items())
        (host.root / "redis.conf").write_text(host.installed("etc/redis/position-state-brain.conf"))
        redis = [binary, str(host.root / "redis.conf"), "--port", str(port), "--dir", str(folder)]
        stack.enter_context(running(redis, environment(), folder / "redis.log"))
        for unit in ("worker@", "snapshots", "beat", "exporter"):
            stack.enter_context(run_unit(host, f"{NAME}-{unit}.service", folder / f"{unit}.log"))
        yield host
