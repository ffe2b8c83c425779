"""The demo's producer, ``python -m p33_tasks.demo.up.producer URL``: starts when governor and executor read plans.

All processes of the demo start at once; the executor gives up a plan after 1.2 s if the governor isn't running yet.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.demo.loops import serve
from p33_tasks.demo.names import APPLY_GROUP, GOVERNOR_GROUP
from p33_tasks.demo.scenarios.producer import INTERVAL_SEC, run_producer
from p33_tasks.errors import StoreError
from p33_tasks.settings import Settings
from p33_tasks.store.connection import connect
from p33_tasks.store.scripts import translated_errors

LOOK_EVERY_SEC = 0.1
CALM_INTERVAL_SEC = 4.0
"""Pause between two cases while a model learns: it can't predict the cases, and some affect the whole account."""
READERS = frozenset({GROUP, GOVERNOR_GROUP, APPLY_GROUP})
"""A group exists as soon as its first process has read once."""


def run_when_ready(settings: Settings, stop: threading.Event, simulator: SimControl) -> None:
    """Wait for the readers of plans, then run the cases until ``stop`` is set."""
    if wait_for_readers(connect(settings.state_url), Keys(settings.key_prefix).plans, stop):
        interval_sec = CALM_INTERVAL_SEC if settings.forecast == "on" else INTERVAL_SEC
        run_producer(settings, stop, simulator, interval_sec=interval_sec)


def wait_for_readers(client: Any, plans: str, stop: threading.Event) -> bool:
    """Wait for the readers of plans. Returns False if ``stop`` was set."""
    while not _readers(client, plans) >= READERS:
        if stop.wait(LOOK_EVERY_SEC):
            return False
    return True


def _readers(client: Any, plans: str) -> set[str]:
    try:
        with translated_errors():
            return {str(group["name"]) for group in client.xinfo_groups(plans)}
    except StoreError:  # no stream yet, or Redis is still starting
        return set()


if __name__ == "__main__":
    sys.exit(serve(lambda settings, stop: run_when_ready(settings, stop, SimControl(sys.argv[1]))))
