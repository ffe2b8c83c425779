"""A RabbitMQ of a test's own on loopback, where the machine has one (Debian's package); skipped elsewhere."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.local_process import LocalProcess
from tests.support.redis_server import free_port
from tests.support.waiting import wait_until

# The package's /usr/sbin wrappers only start as the user rabbitmq, with the machine's own folders.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
START_SEC = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rabbit:
    """A running broker."""

    env: dict[str, str]
    port: int

    def url(self, login: str = "guest:guest") -> str:
        """``login`` is ``user:password``."""
        return f"amqp://{login}@127.0.0.1:{self.port}//"

    def ctl(self, *arguments: str) -> str:
        """Run rabbitmqctl; raises CalledProcessError where it fails."""
        command = [str(PROGRAMS / "rabbitmqctl"), "-q", "-n", self.env["RABBITMQ_NODENAME"], *arguments]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, check=True, timeout=START_SEC)
        return done.stdout

    def add_user(self, name: str, password: str, *, configure: str, write: str, read: str) -> None:
        """A user with three patterns of names: what it may declare, publish to, and read."""
        self.ctl("add_user", name, password)
        self.ctl("set_permissions", name, configure, write, read)


@contextmanager
def running_rabbit(folder: Path) -> Iterator[Rabbit]:
    if not (PROGRAMS / "rabbitmq-server").exists():
        pytest.skip("needs rabbitmq-server (Debian's package)")
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"p33-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(folder / "absent"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    rabbit = Rabbit(env=env, port=port)

    def is_up() -> bool:
        try:
            return bool(rabbit.ctl("list_users"))
        except subprocess.CalledProcessError:
            return False

    server = LocalProcess("rabbitmq", [str(PROGRAMS / "rabbitmq-server")], env)
    try:
        wait_until(is_up, "RabbitMQ has started", timeout_sec=START_SEC)
        yield rabbit
    finally:
        server.kill()
        # The port mapper leaves the node's process group; it ends when nobody is registered any more.
        subprocess.run(["epmd", "-port", env["ERL_EPMD_PORT"], "-kill"], env=env, capture_output=True, check=False)
