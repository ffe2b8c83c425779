"""These tests take minutes and a machine of their own: ``make deploycheck`` runs them, ``make test`` doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--deploycheck"):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="real hosts: make deploycheck"))
