"""A Redis that runs with the shipped ACL file, passwords made by the shipped script."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from p33_tasks.store.connection import connect
from tests.deployment.cluster import ROOT
from tests.support.redis_server import RedisServer, Version, running_redis

FILES: dict[Version, str] = {"system": "users.acl", "bundled": "users.acl", "old": "users-6.2.acl"}
ROLES = (
    "p33-brain",
    "p33-apply",
    "p33-governor",
    "p33-producer",
    "p33-forecaster",
    "p33-model",
    "p33-exporter",
    "p33-operator",
    "p33-watch",
)
ADMIN = "p33-admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class AclRedis:
    """The server, and how each role logs in."""

    server: RedisServer
    secrets: Path

    def url(self, role: str, db: int = 0) -> str:
        """With user and password."""
        password = (self.secrets / role).read_text().strip()
        return f"redis://{role}:{password}@127.0.0.1:{self.server.port}/{db}"

    def client(self, role: str, db: int = 0) -> redis.Redis:
        """A client as every process of ours makes it."""
        return connect(self.url(role, db))

    @property
    def is_old(self) -> bool:
        """Redis 6.2: no right to read only, no selectors."""
        with self.server.client() as admin:
            return str(admin.info("server")["redis_version"]).startswith("6.")

    def refusals(self, role: str | None = None) -> list[str]:
        """What Redis refused so far (of one role), for a test's message."""
        with self.server.client() as admin:
            log: list[dict[str, Any]] = admin.acl_log()
        return [
            f"{e['username']}: {e['reason']} {e['object']} ({e['context']})"
            for e in log
            # redis-py tells newer servers its name and version, and doesn't mind a no.
            if (role is None or e["username"] == role) and e["object"] != "client|setinfo"
        ]


def make_acl(secrets: Path, version: Version, prefix: str = "quantum") -> str:
    """The ACL file as the deployment makes it."""
    command = [str(ROOT / "deployment" / "make-acl.sh"), str(secrets), prefix, str(ROOT / "config" / FILES[version])]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def running_acl_redis(version: Version, folder: Path) -> Iterator[AclRedis]:
    """A Redis with every role; the default user, off in the shipped file, stays on for the test's own eyes."""
    secrets = folder / "secrets"
    lines = make_acl(secrets, version).splitlines()
    lines[0] = "user default on nopass ~* &* +@all"
    (folder / "users.acl").write_text("\n".join(lines) + "\n")
    with running_redis(version, options=("--aclfile", str(folder / "users.acl"))) as server:
        yield AclRedis(server=server, secrets=secrets)
