"""rich is for tables in a terminal: 4 MB in each process of the service for nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "p33_tasks.celery",
        "p33_tasks.celery.ingest",
        "p33_tasks.celery.alive",
        "p33_tasks.tasks",
        "p33_tasks.exporter.server",
        "p33_tasks.forecaster.process",
    ],
)
def test_no_process_of_the_service_imports_rich(module: str) -> None:
    first = "p33_tasks.celery, " if module == "p33_tasks.tasks" else ""  # imported by the app, as its tasks
    run(
        f"import sys, {first}{module}\n"
        "assert 'structlog' in sys.modules\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'rich']"
    )


def test_rich_can_be_imported_afterwards() -> None:
    run("import p33_tasks.celery, rich.table; rich.table.Table().add_row()")


@pytest.mark.parametrize("first", ["rich.console", "structlog"])
def test_where_somebody_imported_one_of_them_before_both_are_as_they_were(first: str) -> None:
    run(
        f"import sys, {first}; before = sys.modules['rich']\n"
        "import p33_tasks.bootstrap.structlog_alone, structlog.dev\n"
        "assert sys.modules['rich'] is before is structlog.dev.rich"
    )
