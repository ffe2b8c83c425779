"""A pytest plugin for the runs in the copy: writes down what each test did, and sees to it that the copy is tested.

A worker or a command that a test starts finds the copy by the same ``PYTHONPATH`` as this process does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import p33_tasks

COPY, REPORT = "P33_GUARDS_COPY", "P33_GUARDS_REPORT"
MAX_CHARS = 4_000

_found: list[dict[str, str]] = []


def pytest_configure() -> None:
    where = Path(p33_tasks.__file__).resolve()
    if not where.is_relative_to(Path(os.environ[COPY]).resolve()):
        raise pytest.UsageError(f"the tests would run with {where}, which is not the copy")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _add(report, "collect")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed:
        _add(report, str(report.when))


def pytest_sessionfinish() -> None:
    Path(os.environ[REPORT]).write_text(json.dumps(_found), "utf-8")


def _add(report: Any, when: str) -> None:
    # Of a failure, the lines that tell the exception: the others are our own source.
    lines = [line for line in report.longreprtext.splitlines() if line.startswith("E  ")]
    _found.append(
        {
            "node_id": report.nodeid,
            "when": when,
            "outcome": report.outcome,
            "error": "\n".join(lines)[:MAX_CHARS] or report.longreprtext[-MAX_CHARS:],
        }
    )
