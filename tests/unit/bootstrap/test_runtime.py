"""The services of one process, and of that process only."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from p33_tasks.bootstrap import runtime as bootstrap
from p33_tasks.settings import load_settings


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[bootstrap.Runtime]:
    """This process's runtime, made from no configuration of this machine's."""
    monkeypatch.setattr(bootstrap, "settings", lambda: load_settings({}))
    monkeypatch.setattr(bootstrap, "_runtimes", {})
    return bootstrap.runtime()


def test_a_process_has_one_runtime(own: bootstrap.Runtime) -> None:
    assert bootstrap.runtime() is own
    assert own.client is own.client


def test_a_child_never_uses_its_parents_connections(own: bootstrap.Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that was made before a fork is shared with every child: two of them read each other's answers."""
    parents = own.client
    monkeypatch.setattr(os, "getpid", lambda: -1)  # what a child sees: the parent's memory, another id
    child = bootstrap.runtime()
    assert child is not own
    assert child.client is not parents
