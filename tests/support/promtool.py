"""Finds Prometheus' own tools: on PATH, else from Debian's package, unpacked into a folder of ours without root."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / ".p33" / "tools"
DOWNLOAD_SEC = 60


@cache
def find_tool(name: str) -> str | None:
    """The path of ``promtool`` or ``prometheus``, None when it can't be had here."""
    if found := shutil.which(name):
        return found
    unpacked = TOOLS / "usr" / "bin" / name
    if not unpacked.exists():
        _unpack_debian_package()
    return str(unpacked) if _runs(unpacked) else None


def require_tool(name: str) -> str:
    """As ``find_tool``; skips the test, saying why, when there is none."""
    found = find_tool(name)
    if found is None:
        pytest.skip(f"no {name} on PATH, and Debian's package can't be had here: apt-get install prometheus")
    return found


def _unpack_debian_package() -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    TOOLS.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(
            ["apt-get", "download", "prometheus"], cwd=TOOLS, check=True, capture_output=True, timeout=DOWNLOAD_SEC
        )
        for package in TOOLS.glob("prometheus_*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(TOOLS)], check=True, capture_output=True)
            package.unlink()
    except (subprocess.SubprocessError, OSError):
        return


def _runs(binary: Path) -> bool:
    try:
        return subprocess.run([str(binary), "--version"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
