"""How hard the faults are tried, and the table of what was tried and what held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fault.record import Effort, Record

LONG_TIMEOUT_SEC = 7_200
_RECORD = pytest.StashKey[Record]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RECORD] = Record()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--faults") == "long":
        here = Path(__file__).parent
        for item in items:
            if here in item.path.parents:
                item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_SEC))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    record, path = config.stash[_RECORD], config.getoption("--faults-json")
    if record.rows and (path or config.getoption("--faults") == "long"):
        terminalreporter.section("faults")
        for line in record.lines():
            terminalreporter.write_line(line)
    if path:
        Path(path).write_text(json.dumps(record.as_json(), indent=2) + "\n")


@pytest.fixture(scope="session")
def effort(pytestconfig: pytest.Config) -> Effort:
    return Effort(is_long=pytestconfig.getoption("--faults") == "long")


@pytest.fixture(scope="session")
def record(pytestconfig: pytest.Config) -> Record:
    return pytestconfig.stash[_RECORD]
