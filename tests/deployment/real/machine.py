"""A Debian that was booted with systemd-nspawn: real systemd, real packages, no network, nothing of this machine.

What it needs is looked for first; where something is missing the tests are skipped with the reason.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.deployment.cluster import ROOT
from tests.deployment.hosts import IGNORED
from tests.support.waiting import wait_until

PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,redis-server,make,ca-certificates,procps"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "p33-deploycheck"
PLATFORMS = ("2_36", "2_31", "2_28", "2_27", "2_26", "2_24", "2_17", "2_12", "2_5")
LOCKS = ("requirements.lock", "requirements-demo.lock")
BOOT_SEC = 60
BUILD_SEC = 540


class Machine:
    """A booted Debian; its root is a folder of this machine."""

    def __init__(self, root: Path, init_pid: int) -> None:
        self.root = root
        self._init_pid = init_pid

    def run(
        self, command: str, *, exit_code: int | None = 0, timeout_sec: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of bash as root.

        Args:
            command: What a person would type.
            exit_code: What it has to end with; None: anything.
            timeout_sec: For the whole line.
        """
        inside = ["nsenter", "-t", str(self._init_pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i"]
        inside += ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"]
        done = subprocess.run(
            [*inside, "bash", "-c", command],
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_sec,
            stdin=subprocess.DEVNULL,
        )
        if exit_code is not None and done.returncode != exit_code:
            raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def says(self, command: str) -> str:
        """Its output, without the last line break."""
        return self.run(command, exit_code=None).stdout.rstrip("\n")

    def path(self, place: str) -> Path:
        """A file of the machine, from outside."""
        return self.root / place.lstrip("/")

    def append(self, place: str, text: str) -> None:
        """Write a few lines at the end of a file."""
        with self.path(place).open("a") as file:
            file.write(text)


def missing() -> str:
    """Why no Debian can be booted here; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "booting a Debian root needs Linux and root"
    programs = {"systemd-nspawn": "systemd-container", "nsenter": "util-linux", "mmdebstrap": "mmdebstrap"}
    lacks = [package for program, package in programs.items() if shutil.which(program) is None]
    return f"apt-get install {' '.join(lacks)}" if lacks else ""


def debian(suite: str) -> Path:
    """The packages of a Debian release as a tar file, made once and kept in the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    made = CACHE / f"{suite}-{sha256(PACKAGES.encode()).hexdigest()[:8]}.tar"
    if not made.exists():
        command = ["mmdebstrap", "--format=tar", "--variant=minbase", f"--include={PACKAGES}", suite, f"{made}.new"]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=BUILD_SEC)
        if done.returncode != 0:
            pytest.skip(f"no Debian {suite} could be made: {done.stderr[-300:]}")
        Path(f"{made}.new").rename(made)
    return made


def wheels(python: str) -> Path:
    """The pinned packages for a Python version, downloaded once: the machine has no network."""
    folder = CACHE / f"wheels-{python}"
    folder.mkdir(parents=True, exist_ok=True)
    platforms = [part for glibc in PLATFORMS for part in ("--platform", f"manylinux_{glibc}_x86_64")]
    platforms += ["--platform", "manylinux2014_x86_64", "--platform", "manylinux1_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--require-hashes"]
    for name in LOCKS:
        # pip asks the Python it runs on for its patch version, and Debian 12 has an older one.
        lock = re.sub(r" ; python_full_version < '3\.11\.\d+'", "", (ROOT / name).read_text("utf-8"))
        copy = folder / name
        copy.write_text(lock, "utf-8")
        command += ["-r", str(copy)]
    command += ["-d", str(folder), "--python-version", python, "--only-binary", ":all:", *platforms]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=BUILD_SEC)
    if done.returncode != 0:
        raise AssertionError(f"a pinned package has no wheel for Python {python}: {done.stderr[-500:]}")
    return folder


@contextmanager
def booted(folder: Path, suite: str, python: str) -> Iterator[Machine]:
    """A Debian of its own with this source tree in /src, booted; ended and removed afterwards."""
    if reason := missing():
        pytest.skip(reason)
    root = folder / "machine"
    root.mkdir()
    subprocess.run(["tar", "-xf", str(debian(suite)), "-C", str(root)], check=True, timeout=BUILD_SEC)
    (root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")  # the smallest Debian has none
    shutil.copytree(ROOT, root / "src", ignore=IGNORED)
    (root / "wheels").mkdir()
    command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot"]
    command += ["--tmpfs=/run/systemd", f"--bind-ro={wheels(python)}:/wheels", f"--directory={root}"]
    command += ["--machine=p33-deploycheck", "--console=pipe"]
    with (folder / "console.log").open("wb") as console:
        nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
    try:
        yield ready_machine(nspawn, root, folder / "console.log")
    finally:
        nspawn.terminate()  # it shuts the machine down
        try:
            nspawn.wait(30)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()
        shutil.rmtree(root, ignore_errors=True)


def ready_machine(nspawn: subprocess.Popen[bytes], root: Path, console: Path) -> Machine:
    """Wait until it has booted."""

    def init_pid() -> int | None:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def has_booted() -> bool:
        if nspawn.poll() is not None:
            pytest.skip(f"systemd-nspawn can't boot here: {console.read_text(errors='replace')[-400:]}")
        pid = init_pid()
        if pid is None:
            return False
        state = Machine(root, pid).says("systemctl is-system-running")
        return bool(re.fullmatch("running|degraded", state))

    wait_until(has_booted, f"the machine has booted; its console: {console}", timeout_sec=BOOT_SEC, every_sec=0.5)
    pid = init_pid()
    if pid is None:
        raise AssertionError("the machine ended")
    return Machine(root, pid)
