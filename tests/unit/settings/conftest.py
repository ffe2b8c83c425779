"""The tests of the settings don't read the machine's own env file."""

from __future__ import annotations

from pathlib import Path

import pytest

from p33_tasks.settings import loading


@pytest.fixture(autouse=True)
def _no_default_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "DEFAULT_ENV_FILE", tmp_path / "absent.env")
