"""Seeds and everything that the fuzzer once found, through the same harnesses; without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from p33_tasks.settings import loading
from tests.fuzz.harnesses import HARNESSES, entry_of, fields_of
from tests.fuzz.seeds import seeds, words


@pytest.fixture(autouse=True)
def _no_default_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "DEFAULT_ENV_FILE", tmp_path / "absent.env")


@pytest.mark.parametrize("name", HARNESSES)
def test_no_seed_and_no_old_finding_upsets_a_parser(name: str) -> None:
    inputs = seeds(name)
    assert inputs
    assert words(name)
    for data in inputs:
        for cut in (data, data[: len(data) // 2], data + data, data[::-1], data.replace(b'"', b"")):
            HARNESSES[name](cut)


def test_an_entry_is_written_as_it_is_read() -> None:
    fields = {"plan_id": "p", "action": "", "details": '{"a": 1}'}
    assert fields_of(entry_of(fields)) == fields
