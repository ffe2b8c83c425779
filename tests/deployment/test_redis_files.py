"""The shipped Redis configuration and ACL files, as they are installed."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.deployment.acl import ADMIN, FILES, ROLES, make_acl
from tests.deployment.cluster import ROOT, environment, running
from tests.support.redis_server import Version, free_port, server_binary
from tests.support.waiting import wait_until


def test_both_files_have_the_same_roles() -> None:
    def names(version: Version) -> list[str]:
        return [line.split()[1] for line in (ROOT / "config" / FILES[version]).read_text().splitlines()]

    assert names("system") == names("bundled") == ["default", *ROLES, ADMIN]


def test_as_shipped_nobody_can_log_in() -> None:
    """No password stands in the repository, and none means no entry."""
    for version in FILES:
        lines = (ROOT / "config" / FILES[version]).read_text().splitlines()
        assert all(" resetpass " in f"{line} " and "nopass" not in line and ">" not in line for line in lines)
        assert lines[0].split()[2] == "off"


def test_passwords_stay_when_made_again_and_are_kept_as_hashes(tmp_path: Path) -> None:
    first = make_acl(tmp_path / "s", "system")
    assert make_acl(tmp_path / "s", "system") == first
    for role in ROLES:
        file = tmp_path / "s" / role
        assert file.stat().st_mode & 0o077 == 0
        assert len(file.read_text()) == 64
        assert file.read_text() not in first


def test_another_account_has_other_keys(tmp_path: Path) -> None:
    made = make_acl(tmp_path / "s", "system", prefix="desk-2")
    assert "~desk-2:permit:p33:*" in made
    assert "quantum" not in made


def test_while_a_password_is_rotated_both_are_accepted(tmp_path: Path) -> None:
    make_acl(tmp_path / "s", "system")
    (tmp_path / "s" / "p33-apply").rename(tmp_path / "s" / "p33-apply.old")
    line = next(row for row in make_acl(tmp_path / "s", "system").splitlines() if " p33-apply " in row)
    assert line.count(" #") == 2


@pytest.mark.parametrize("version", ["system", "bundled", "old"])
def test_redis_starts_with_the_shipped_configuration(version: Version, tmp_path: Path) -> None:
    """The file as it is; only its places (port, folder, ACL file) are the test's."""
    (tmp_path / "users.acl").write_text(make_acl(tmp_path / "s", version))
    lines = (ROOT / "config" / "redis.conf").read_text().splitlines()
    moved = ("port ", "dir ", "aclfile ", "bind ")
    ours = [line for line in lines if not line.startswith(moved)]
    assert len(lines) - len(ours) == len(moved)
    (tmp_path / "redis.conf").write_text("\n".join([*ours, "appendonly yes"]) + "\n")
    binary = server_binary(version)
    if binary is None:
        pytest.skip(f"no {version} redis-server on this machine")
    assert_values(binary, tmp_path, version)


def assert_values(binary: str, folder: Path, version: Version) -> None:
    port = free_port()
    command = [binary, str(folder / "redis.conf"), "--port", str(port), "--dir", str(folder), "--bind", "127.0.0.1"]
    command += ["--aclfile", str(folder / "users.acl")]
    with running(command, environment(), folder / "redis.log"):
        url = f"redis://p33-exporter:{(folder / 's' / 'p33-exporter').read_text()}@127.0.0.1:{port}/0"
        client = connect_when_up(url, folder / "redis.log")
        info = client.info()
        assert info["aof_enabled"] == 1
        assert info["maxmemory_policy"] == "noeviction"
        assert info["maxmemory"] > 0
        admin = f"redis://p33-admin:{(folder / 's' / 'p33-admin').read_text()}@127.0.0.1:{port}/0"
        values = redis.Redis.from_url(admin, decode_responses=True).config_get("repl-backlog-ttl")
        assert values == {"repl-backlog-ttl": "0"}, "a backup's end must not change master_replid"
        stranger = redis.Redis(port=port)
        with pytest.raises(redis.exceptions.AuthenticationError):
            stranger.ping()


def connect_when_up(url: str, log: Path) -> redis.Redis:
    client = redis.Redis.from_url(url, decode_responses=True)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.exceptions.AuthenticationError:
            raise
        except redis.exceptions.ConnectionError:
            return False

    wait_until(answers, f"Redis answers; its log: {log}", timeout_sec=10)
    return client
