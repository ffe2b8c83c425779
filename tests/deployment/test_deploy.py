"""deploy.sh: into a folder of its own, twice, upgraded, rolled back; what it installed runs and passes p33 check."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.deployment.cluster import ROOT
from tests.deployment.hosts import IGNORED, Host
from tests.support.redis_server import server_binary


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file outside the releases, which are compared by their name."""
    files = [path for path in root.rglob("*") if path.is_file() and "releases" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in files if "current" not in path.parts}


def copy_of_source(folder: Path) -> Path:
    """A source tree that nobody else changes."""
    return Path(shutil.copytree(ROOT, folder / "next", ignore=IGNORED))


class TestInstalling:
    def test_twice_is_as_good_as_once(self, host: Host, tmp_path: Path) -> None:
        host.source = copy_of_source(tmp_path)
        host.deploy("--with-redis")
        before = snapshot(host.root)
        host.env_file.write_text(host.env_file.read_text() + "P33_POLL_SEC=2\n")
        assert "is there already" in host.deploy("--with-redis")
        after = snapshot(host.root)
        assert after.keys() == before.keys()
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"etc/quantum/position-state-brain.env"}, "only what a person wrote"
        assert "P33_POLL_SEC=2" in host.env_file.read_text()

    def test_secrets_are_for_the_service_alone(self, host: Host) -> None:
        host.deploy("--with-redis")
        for path in (host.root / "etc" / "quantum").rglob("*"):
            allowed = 0o077 if path.parent.name == "secrets" else 0o027
            assert path.is_dir() or path.stat().st_mode & allowed == 0, path
        password = (host.root / "etc" / "quantum" / "secrets" / "p33-brain").read_text()
        assert password in host.env_file.read_text()
        for path in (host.root / "etc" / "systemd").rglob("*"):
            assert path.is_dir() or password not in path.read_text()
        assert password not in (host.root / "etc" / "redis" / "position-state-brain.acl").read_text()

    def test_roles_are_written_for_the_server_that_the_unit_starts(
        self, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another one may be first on PATH: a virtual environment's, for one, which is a 6.2."""
        if server_binary("system") != "/usr/bin/redis-server":
            pytest.skip("no redis-server 7 in /usr/bin on this machine")
        other = tmp_path / "redis-server"
        other.write_text("#!/bin/sh\necho 'Redis server v=6.2.9 sha=00000000:0'\n")
        other.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        host.deploy("--with-redis")
        assert "%R~" in (host.root / "etc" / "redis" / "position-state-brain.acl").read_text(), "as Redis 7 knows roles"

    def test_a_dry_run_touches_nothing(self, host: Host) -> None:
        told = host.deploy("--with-redis", "--dry-run")
        assert not host.root.exists()
        assert "would write" in told

    def test_a_wrong_word_is_refused(self, host: Host) -> None:
        with pytest.raises(AssertionError, match="unknown argument '--prefx'"):
            host.deploy("--prefx", "x")
        with pytest.raises(AssertionError, match="letters, digits"):
            host.deploy("--prefix", "a:b")


class TestUpgrading:
    def test_upgrade_and_rollback_switch_the_link_and_keep_the_settings(self, host: Host, tmp_path: Path) -> None:
        copy_of_source(tmp_path)
        (tmp_path / "next" / "README.md").write_text("the next version\n")
        host.deploy()
        first = host.release()
        upgraded = Host(host.root, tmp_path / "next")
        upgraded.deploy()
        second = host.release()
        assert second != first
        assert host.release("previous") == first
        host.deploy("rollback")
        assert (host.release(), host.release("previous")) == (first, second)
        host.deploy("rollback")
        assert host.release() == second, "a rollback can be taken back"

    def test_without_a_release_before_there_is_no_rollback(self, host: Host) -> None:
        host.deploy()
        with pytest.raises(AssertionError, match="no release to go back to"):
            host.deploy("rollback")

    def test_old_releases_go_but_never_the_two_in_use(self, host: Host, tmp_path: Path) -> None:
        copy_of_source(tmp_path)
        upgraded = Host(host.root, tmp_path / "next")
        for number in range(4):
            (tmp_path / "next" / "README.md").write_text(f"version {number}\n")
            upgraded.deploy("--keep", "1")
        left = {path.name for path in (host.base / "releases").iterdir()}
        assert left == {Path(host.release(link)).name for link in ("current", "previous")}
