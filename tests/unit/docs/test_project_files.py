"""The files that a forge and an editor read say what the project does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PYTHONS = ["3.11", "3.12", "3.13"]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_ci_runs_the_pythons_that_the_package_names() -> None:
    matrix = re.search(r"python: \[(.*)\]", text(".github/workflows/test.yml"))
    assert matrix is not None
    assert re.findall(r"[\d.]+", matrix[1]) == PYTHONS
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert project["requires-python"] == f">={PYTHONS[0]}"
    assert [c.rpartition(" ")[2] for c in project["classifiers"] if "Python :: 3." in c] == PYTHONS


def test_what_ci_and_the_hooks_call_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for page in (".github/workflows/test.yml", "CONTRIBUTING.md"):
        called = set(re.findall(r"make ([a-z-]+)", text(page))) - {"a"}
        assert called <= targets, page
    assert {"test", "up", "lock", "unit", "layers"} <= targets


def test_the_version_has_its_section_and_its_support() -> None:
    version = re.search(r'__version__ = "(\d+\.\d+)\.\d+"', text("p33_tasks/__init__.py"))
    assert version is not None
    assert f"## {version[1]}.0" in text("CHANGELOG.md")
    assert f"| {version[1]} | yes |" in text("SECURITY.md")


def test_every_file_that_contributing_names_is_there() -> None:
    for name in re.findall(r"`([\w./-]+\.(?:md|py)|tests/[\w/]+)`", text("CONTRIBUTING.md")):
        assert (ROOT / name).exists(), name
