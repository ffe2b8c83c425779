"""The image, built by buildah on a base of Debian's packages: no registry of images is asked.

It is entered with ``chroot``: what a container engine adds (a read-only root, no capabilities) is not seen here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deployment.cluster import ROOT
from tests.deployment.hosts import IGNORED
from tests.deployment.real.machine import BUILD_SEC, debian, wheels

pytestmark = [pytest.mark.timeout(600)]

BASE, IMAGE = "localhost/p33-deploycheck-base", "localhost/p33-deploycheck-brain"
Inside = Callable[[str], subprocess.CompletedProcess[str]]


def missing() -> str:
    """Why no image can be built here; empty when it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "building an image of Debian's packages needs Linux and root"
    lacks = [program for program in ("buildah", "mmdebstrap") if shutil.which(program) is None]
    return f"apt-get install {' '.join(lacks)}" if lacks else ""


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Run a line of sh in the image, as its user."""
    if reason := missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("image")
    storage = ["--root", str(folder / "storage"), "--runroot", str(folder / "run"), "--storage-driver", "vfs"]
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}

    def buildah(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["buildah", *storage, *arguments]
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=BUILD_SEC)
        assert not check or done.returncode == 0, f"{command}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done

    base = buildah("from", "scratch").stdout.strip()
    root = Path(buildah("mount", base).stdout.strip())
    unpack = ["tar", "-xf", str(debian("bookworm")), "--exclude=./dev/*", "-C", str(root)]
    subprocess.run(unpack, check=True, timeout=BUILD_SEC)
    (root / "usr" / "bin" / "python").symlink_to("python3")  # as in the official images of Python
    (root / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    buildah("umount", base)
    buildah("commit", "-q", base, BASE)
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=IGNORED)
    try:
        build = ["--build-arg", f"BASE={BASE}", "--volume", f"{wheels('3.11')}:/wheels:ro", "--target", "brain"]
        buildah("bud", *build, "-f", str(source / "deployment" / "Dockerfile"), "-t", IMAGE, str(source))
        brain = buildah("from", IMAGE).stdout.strip()
        yield lambda line: buildah("run", brain, "--", "sh", "-c", line, check=False)
    finally:
        buildah("rm", "--all", check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_it_runs_as_a_user_with_a_number_who_may_write_nothing_but_tmp(inside: Inside) -> None:
    assert inside("id -u; id -g").stdout.split() == ["10001", "10001"]
    done = inside("for place in /opt/p33 /opt/p33/.venv/bin /etc /usr/bin; do test -w $place && echo $place; done")
    assert done.stdout == ""
    assert inside("touch /tmp/p33 && echo yes").stdout == "yes\n"


def test_every_program_of_the_service_starts(inside: Inside) -> None:
    for line in (
        "p33 --help",
        "celery -A p33_tasks report",
        "celery -A p33_tasks flower --help",
        "p33 exporter --help",
    ):
        done = inside(line)
        assert done.returncode == 0, f"{line}: {done.stderr}"


def test_settings_that_can_not_be_used_end_it_with_2_and_one_text(inside: Inside) -> None:
    done = inside("P33_POLL_SEC=often celery -A p33_tasks worker")
    assert done.returncode == 2, done.stderr
    assert "P33_POLL_SEC='often'" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_only_for_building_is_not_in_it(inside: Inside) -> None:
    assert inside("ls /opt/p33/.venv/bin").stdout
    assert inside("ls /opt/p33/.venv/bin/pip /src /opt/p33/deployment").stdout == ""
