"""Options of the test run."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# Hypothesis on a busy machine: no deadline for one example, the failing one printed.
settings.register_profile("p33", deadline=None, print_blob=True)
settings.load_profile("p33")

# Where nothing configured the logs, structlog draws each traceback with all its variables: a quarter of a second each.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# A shell that runs us in the background leaves SIGINT ignored, and every program started here would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collecting makes millions of objects that all stay: looking for garbage among them was half of its time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


# Real processes on a machine that may be busy with others: one more try, told in the summary (-rR). Everything else,
# the rules and the arithmetic above all, has to pass at once.
REAL_PROCESSES = ("acceptance", "contract", "deployment", "fault", "integration")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--faults") == "long":
        return  # there the number of times that a promise held is what is counted
    for item in items:
        if _folder(item.path) in REAL_PROCESSES:
            item.add_marker(pytest.mark.flaky(reruns=1))


@cache
def _folder(path: Path) -> str:
    """In which folder of the tests a file is; asked for each of its tests."""
    return path.relative_to(Path(__file__).parent).parts[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults", "fault tests (tests/fault, and the live alerts of tests/deployment)")
    group.addoption(
        "--faults",
        choices=("quick", "long"),
        default="quick",
        help="quick: each fault a few times, within two minutes in all, and one live alert; "
        "long: hundreds of times, and every live alert",
    )
    group.addoption("--faults-json", metavar="PATH", help="write the table of faults as JSON")
    parser.getgroup("venues").addoption(
        "--venues",
        default="some",
        help="some: the default venue and one beside it; all; or exchange ids, e.g. okx,gate",
    )
    parser.getgroup("reconciliation").addoption(
        "--reconcile-mode",
        choices=("off", "observe", "repair"),
        default="off",
        help="P33_RECONCILE_MODE of the acceptance tests' system (tests/acceptance); off is the service's default",
    )
    group.addoption("--deploycheck", action="store_true", help="also boot real hosts (tests/deployment/real)")
