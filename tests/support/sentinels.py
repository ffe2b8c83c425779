"""A Redis master, its replica, and three sentinels, all on loopback."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.sentinel import Sentinel

from tests.support.guard import watch
from tests.support.redis_server import RedisServer, Version, free_port, running_redis, server_binary
from tests.support.waiting import wait_until

MASTER = "p33"
QUORUM = 2
DOWN_AFTER_MS = 700


class SentinelGroup:
    """Two servers and their three watchers."""

    def __init__(self, servers: list[RedisServer], ports: list[int]) -> None:
        self.servers = servers
        self.ports = ports
        hosts = [("127.0.0.1", port) for port in ports]
        self._sentinel = Sentinel(hosts, sentinel_kwargs={"socket_timeout": 1})  # type: ignore[no-untyped-call]

    @property
    def environment(self) -> dict[str, str]:
        hosts = ";".join(f"127.0.0.1:{port}" for port in self.ports)
        return {"P33_REDIS_URL": f"sentinel://{hosts}/{MASTER}"}

    def client(self, db: int = 0, **options: Any) -> redis.Redis:
        """Follows the master."""
        client: redis.Redis = self._sentinel.master_for(  # type: ignore[no-untyped-call]
            MASTER, db=db, socket_timeout=3, **{"decode_responses": True, **options}
        )
        return client

    def master(self) -> RedisServer:
        """As the sentinels see it."""
        _, port = self._sentinel.discover_master(MASTER)  # type: ignore[no-untyped-call]
        return next(server for server in self.servers if server.port == port)

    def deafen_replica(self) -> None:
        """From now on the replica hears nothing of what the master writes; the sentinels may still promote it."""
        with self.servers[1].client() as replica:
            replica.config_set("masterauth", "refused: the master has no password")
            replica.client_kill_filter(_type="master")
            wait_until(
                lambda: replica.info("replication").get("master_link_status") == "down", "the replica is cut off"
            )

    def await_master(self, other_than: RedisServer) -> None:
        def is_another() -> bool:
            with contextlib.suppress(redis.RedisError):
                return self.master() is not other_than and bool(self.client().set("p33:test:writable", "1"))
            return False

        wait_until(is_another, "the replica is the master", timeout_sec=30)


@contextmanager
def running_sentinels(version: Version = "bundled") -> Iterator[SentinelGroup]:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_redis(version, options=("--repl-diskless-sync-delay", "0"))) for _ in "12"
        ]
        ports = [stack.enter_context(_running_sentinel(version, servers[0].port)) for _ in "123"]
        replica = servers[1].client()
        replica.replicaof("127.0.0.1", servers[0].port)
        wait_until(lambda: replica.info("replication").get("master_link_status") == "up", "the replica follows")
        group = SentinelGroup(servers, ports)
        wait_until(lambda: _knows_all(ports), "the sentinels know each other and the replica", timeout_sec=30)
        yield group


def _knows_all(ports: list[int]) -> bool:
    for port in ports:
        with redis.Redis(port=port, decode_responses=True) as sentinel:
            told = sentinel.sentinel_master(MASTER)
            if told["num-other-sentinels"] < QUORUM or told["num-slaves"] < 1:
                return False
    return True


@contextmanager
def _running_sentinel(version: Version, master_port: int) -> Iterator[int]:
    folder, port = Path(tempfile.mkdtemp(prefix="p33-sentinel-")), free_port()
    config = folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor {MASTER} 127.0.0.1 {master_port} {QUORUM}\n"
        f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER_MS}\n"
        f"sentinel failover-timeout {MASTER} 5000\n"
        f"sentinel parallel-syncs {MASTER} 1\n"
    )
    binary = server_binary(version)
    assert binary is not None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([binary, str(config), "--sentinel"], stdout=log, stderr=log)
    watch(process.pid)
    try:
        yield port
    finally:
        process.kill()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)
