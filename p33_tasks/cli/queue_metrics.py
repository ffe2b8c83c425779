"""The queue metrics: celery-exporter, with the workers' broker settings.

It has a separate virtual environment (``make celery-exporter``), since its pinned versions would keep all other
packages old. This module reads our settings and replaces its process by it:
``python -m p33_tasks.cli.queue_metrics``. The broker's URL, which may contain a password, is passed in the
environment, where ``ps`` doesn't show it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from p33_tasks.bootstrap.journal import write_error
from p33_tasks.errors import ConfigurationError
from p33_tasks.settings import Settings, load_settings

if TYPE_CHECKING:
    from p33_tasks.celery.broker import Broker

DEFAULT_PORT = 9808
BUCKETS_SEC = "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10"
WORKER_TIMEOUT_SEC = 30
"""Workers send a heartbeat every 2 s."""
PURGE_SEC = 600

_ENTRY = "from src.cli import cli; cli(auto_envvar_prefix='CE')"
"""The package installs no command; its image runs this."""


def celery_exporter_python() -> Path | None:
    """The interpreter of celery-exporter's environment; None if that doesn't exist."""
    python = Path(f"{sys.prefix}-celery-exporter") / "bin" / "python"
    return python if python.exists() else None


def celery_exporter_command(*, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> list[str] | None:
    """The command that starts the queue metrics, with our settings in its environment.

    Returns:
        A command line without secrets; None if celery-exporter's environment doesn't exist.
    """
    if celery_exporter_python() is None:
        return None
    return [sys.executable, "-m", "p33_tasks.cli.queue_metrics", "--host", host, "--port", str(port)]


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: RET503 - execve doesn't return
    """Replace this process by celery-exporter.

    Returns:
        2 if the configuration can't be used, or celery-exporter isn't installed; else it doesn't return.
    """
    parser = argparse.ArgumentParser(prog="python -m p33_tasks.cli.queue_metrics", description="celery-exporter")
    parser.add_argument("--host", default="127.0.0.1", help="there is no login: keep it on a private address")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    chosen = parser.parse_args(arguments)
    from p33_tasks.celery.broker import broker_of  # imports Celery, only in the process that needs it

    python = celery_exporter_python()
    if python is None:
        write_error(f"no {sys.prefix}-celery-exporter: make it with `make celery-exporter`")
        return 2
    try:
        settings = load_settings()
        broker = broker_of(settings)
    except ConfigurationError as error:
        write_error(str(error))
        return 2
    command = [str(python), "-I", "-c", _ENTRY, *_options(settings, broker, chosen.host, chosen.port)]
    os.execve(command[0], command, {**os.environ, "CE_BROKER_URL": broker.url})  # noqa: S606 - no shell is the point


def _options(settings: Settings, broker: Broker, host: str, port: int) -> Iterator[str]:
    from p33_tasks.tasks.job import queues  # Celery

    yield from ("--host", host, "--port", str(port), "--accept-content", "json", "--retry-interval", "2")
    yield from ("--queues", ",".join(queues(settings)), "--buckets", BUCKETS_SEC)
    yield from ("--worker-timeout", str(WORKER_TIMEOUT_SEC), "--purge-offline-worker-metrics", str(PURGE_SEC))
    yield "--generic-hostname-task-sent-metric"
    # The workers' prefix, else it would watch queues that don't exist.
    for name, value in broker.transport_options.items():
        text = value if isinstance(value, str) else json.dumps(value)
        yield from ("--broker-transport-option", f"{name}={text}")
    for name, value in (broker.use_ssl or {}).items():
        # It reads digits as a number, and the libraries read 1 as true and 2 as CERT_REQUIRED.
        text = value if isinstance(value, str) else str(int(value))
        yield from ("--broker-ssl-option", f"{name}={text}")


if __name__ == "__main__":
    sys.exit(main())
