"""deploy.sh: into a folder of its own, twice, upgraded, rolled back; what it installed runs and passes p33 check."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from p33_tasks.demo.up.launch import settings_line
from tests.deployment.cluster import ROOT
from tests.deployment.hosts import IGNORED, NAME, Host
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


SYSTEMCTL = """#!/bin/sh
# Stands for a systemd on which Debian's own Redis is {state}.
[ "$1" = is-{state} ] && [ "$3" = redis-server ]
"""


@pytest.mark.parametrize(("state", "said"), [("active", "which runs"), ("enabled", "which is started at boot")])
def test_a_port_that_the_distributions_redis_holds_is_refused_with_the_ways_out(
    tmp_path: Path, state: str, said: str
) -> None:
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(state=state))
    (tmp_path / "systemctl").chmod(0o755)
    command = [str(ROOT / "deployment" / "deploy.sh"), "--dry-run", "--with-redis"]
    env = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "nothing was changed. Port 6379, which the Redis of --with-redis needs" in done.stderr
    assert f"redis-server.service, {said}" in done.stderr
    assert "systemctl disable --now redis-server" in done.stderr
    assert "would" not in done.stdout


class TestItsRedis:
    """A host with a Redis of its own: an upgrade renews it without being asked."""

    CONF = "etc/redis/position-state-brain.conf"
    ACL = "etc/redis/position-state-brain.acl"

    def test_an_upgrade_renews_configuration_roles_and_unit_and_says_what_changed(self, host: Host) -> None:
        host.deploy("--with-redis")
        conf, acl = host.root / self.CONF, host.root / self.ACL
        unit = host.root / "etc/systemd/system" / f"{NAME}-redis.service"
        wanted = {path: path.read_text() for path in (conf, acl, unit)}
        old = (ROOT / "config" / "redis.conf").read_text().replace("repl-backlog-ttl 0\n", "")
        (host.base / "releases" / "0.0.1-old" / "config").mkdir(parents=True)
        (host.base / "releases" / "0.0.1-old" / "config" / "redis.conf").write_text(old)
        conf.write_text(old)
        acl.write_text("".join(line for line in wanted[acl].splitlines(keepends=True) if "p33-watch" not in line))
        unit.write_text(wanted[unit].replace("LimitNOFILE=65536", "LimitNOFILE=1024"))
        said = host.deploy()
        assert {path: path.read_text() for path in wanted} == wanted
        for line in ("+repl-backlog-ttl 0", "+user p33-watch", "-LimitNOFILE=1024", "+LimitNOFILE=65536"):
            assert line in said, line
        assert "#" not in next(line for line in said.splitlines() if "+user p33-watch" in line), "no password's hash"
        assert "changed:" not in host.deploy()

    def test_a_configuration_edited_by_hand_is_kept_and_the_new_one_lies_beside_it(self, host: Host) -> None:
        host.deploy("--with-redis")
        conf = host.root / self.CONF
        shipped = conf.read_text()
        conf.write_text(shipped.replace("bind 127.0.0.1 -::1", "bind 127.0.0.1 10.0.0.5"))
        said = host.deploy()
        assert "edited by hand" in said
        assert "-bind 127.0.0.1 10.0.0.5" in said
        assert "10.0.0.5" in conf.read_text()
        assert conf.with_name(f"{conf.name}.new").read_text() == shipped

    def test_what_the_host_wants_otherwise_outlives_an_upgrade(self, host: Host) -> None:
        host.deploy("--with-redis")
        local = host.root / "etc/redis/position-state-brain.local.conf"
        local.write_text("bind 127.0.0.1 10.0.0.5\n")
        assert (host.root / self.CONF).read_text().endswith("include /etc/redis/position-state-brain.local.conf\n")
        assert "edited by hand" not in host.deploy()
        assert local.read_text() == "bind 127.0.0.1 10.0.0.5\n"

    def test_roles_keep_the_prefix_of_the_settings(self, host: Host) -> None:
        host.deploy("--with-redis", "--prefix", "desk-2")
        host.deploy()
        acl = (host.root / self.ACL).read_text()
        assert "desk-2:" in acl
        assert "quantum:" not in acl
        with pytest.raises(AssertionError, match=r"--prefix other, but .* says desk-2"):
            host.deploy("--prefix", "other")

    def test_what_a_person_added_to_a_roles_settings_stays(self, host: Host) -> None:
        host.deploy("--with-redis")
        watch = host.root / "etc/quantum/position-state-brain-watch.env"
        watch.write_text(watch.read_text() + "FLOWER_URL_PREFIX=flower\n")
        before = watch.read_text()
        host.deploy("--with-redis")
        assert watch.read_text() == before


class TestUpgrading:
    def test_settings_that_the_release_can_not_use_switch_nothing(self, host: Host, tmp_path: Path) -> None:
        host.deploy()
        before = host.release()
        copy_of_source(tmp_path)
        (tmp_path / "next" / "README.md").write_text("the next version\n")
        host.env_file.write_text(host.env_file.read_text() + "P33_POLL_SEC=often\n")
        with pytest.raises(AssertionError, match=r"(?s)P33_POLL_SEC='often'.*this release can't use"):
            Host(host.root, tmp_path / "next").deploy()
        assert host.release() == before

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


def test_the_proof_finds_the_settings_of_its_demo(tmp_path: Path) -> None:
    """It reads them out of what ``p33 up`` prints."""
    env_file = tmp_path / "p33-up-x" / "demo.env"
    finds = re.search(r"sed -n '(s/\S*settings.*)' ", (ROOT / "deployment" / "proof.sh").read_text("utf-8"))
    assert finds is not None
    printed = f"redis    separate\n{settings_line(env_file)}\nstatus   in another terminal\n"
    done = subprocess.run(["sed", "-n", finds[1]], input=printed, capture_output=True, text=True, check=True)
    assert done.stdout == f"{env_file}\n"
