"""Options of the test run."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "fault tests (tests/fault)")
    group.addoption(
        "--faults",
        choices=("quick", "long"),
        default="quick",
        help="quick: each fault a few times, within two minutes in all; long: hundreds of times",
    )
    group.addoption("--faults-json", metavar="PATH", help="write the table of faults as JSON")
