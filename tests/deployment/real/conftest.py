"""These tests take minutes and a machine of their own: ``make deploycheck`` runs them, ``make test`` doesn't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--deploycheck"):
        return
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.skip(reason="real hosts: make deploycheck"))
