"""Flower and the queue metrics beside the service: started where they are installed, on their usual ports if free."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import p33_tasks
from p33_tasks.cli.queue_metrics import DEFAULT_PORT, celery_exporter_command
from p33_tasks.demo.up.ports import claim_port, elsewhere
from p33_tasks.demo.up.processes import Child

FLOWER_PORT = 5555
FLOWER_CONF = Path(p33_tasks.__file__).resolve().parent.parent / "flower.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """A monitoring program, and the line that shows its address."""

    child: Child | None  # None: it isn't installed; the line shows how to install it
    place: str


def watchers() -> Iterator[Watcher]:
    """The monitoring programs that can be started here."""
    if FLOWER_CONF.exists():
        port = claim_port(FLOWER_PORT)
        command = (
            *(sys.executable, "-m", "celery", "-A", "p33_tasks", "flower"),
            *(f"--conf={FLOWER_CONF}", f"--port={port}"),
        )
        place = f"flower   http://127.0.0.1:{port}/tasks{elsewhere(port, FLOWER_PORT)}"
        yield Watcher(child=Child(name="flower", command=command), place=place)
    port = claim_port(DEFAULT_PORT)
    exporter = celery_exporter_command(port=port)
    if exporter is None:
        place = "queues   no metrics of the queues: make celery-exporter installs what they need"
        yield Watcher(child=None, place=place)
        return
    child = Child(name="queues", command=tuple(exporter))
    yield Watcher(child=child, place=f"queues   http://127.0.0.1:{port}/metrics{elsewhere(port, DEFAULT_PORT)}")
