"""``make up`` with a Python that can't do it: says what is needed and how to choose another, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("make", "sh", "echo", "test", "touch", "rm", "grep", "awk")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with what the Makefile needs, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
    return folder


def put_python(path: Path, name: str, version: str, *, venv: bool = True) -> None:
    """A program that answers as a Python of this version; making an environment is refused with a word of its own."""
    program = path / name
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"  *version_info*) echo {version} ;;\n"
        f"  *ensurepip*) exit {0 if venv else 1} ;;\n"
        '  "-m venv"*) echo "asked to make $3" >&2; exit 7 ;;\n'
        "  *) exit 9 ;;\n"
        "esac\n"
    )
    program.chmod(0o755)


def make(path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path / "make", "-C", ROOT, f"VENV={path.parent / 'venv'}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.fspath(path), **env},
    )


def assert_refused(done: subprocess.CompletedProcess[str], path: Path, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "This needs Python 3.11, 3.12 or 3.13" in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    assert not (path.parent / "venv").exists()
    assert "Installing" not in done.stderr


@pytest.mark.parametrize("version", ["2.7.18", "3.6.9", "3.10.12", "3.14.0"])
def test_a_python_of_another_version_is_named_with_what_is_needed(path: Path, version: str) -> None:
    put_python(path, "python3", version)
    assert_refused(make(path, "up"), path, f"python3 is {version}", "PYTHON=python3.12 make up")


def test_no_python_at_all_is_said(path: Path) -> None:
    assert_refused(make(path, "up"), path, "python3 isn't there", "PYTHON=python3.12 make up")
    assert_refused(make(path, "up", PYTHON="nonsense"), path, "nonsense isn't there")


def test_one_that_would_do_is_offered_by_its_name(path: Path) -> None:
    put_python(path, "python3", "3.10.12")
    put_python(path, "python3.11", "3.11.2")
    assert_refused(make(path, "test"), path, "PYTHON=python3.11 make test (found here: python3.11)")


def test_a_python_without_venv_is_told_from_one_that_is_too_old(path: Path) -> None:
    put_python(path, "python3", "3.11.2", venv=False)
    assert_refused(make(path, "up"), path, "has no venv", "apt install python3-venv")


@pytest.mark.parametrize("version", ["3.11.2", "3.12.0", "3.13.5"])
@pytest.mark.parametrize("how", ["environment", "argument"])
def test_the_chosen_python_makes_the_environment(path: Path, version: str, how: str) -> None:
    put_python(path, "python3", "3.10.12")
    put_python(path, "mine", version)
    done = make(path, "up", PYTHON="mine") if how == "environment" else make(path, "up", "PYTHON=mine")
    assert f"asked to make {path.parent / 'venv'}" in done.stderr, done.stdout + done.stderr


def test_an_environment_of_an_old_python_is_said_to_be_removed_first(path: Path) -> None:
    made = path.parent / "venv" / "bin"
    made.mkdir(parents=True)
    put_python(made, "python", "3.10.12")
    done = make(path, "up")
    assert done.returncode == 2
    assert "venv/bin/python is 3.10.12" in done.stderr
    assert "make clean && PYTHON=python3.12 make up" in done.stderr
