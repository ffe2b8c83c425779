"""The main loop of executor and governor: it stops promptly and survives an outage of Redis."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import structlog

from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.bootstrap.stopping import stop_on_signals
from p33_tasks.errors import ConfigurationError, StoreError
from p33_tasks.log_events import LogEvent
from p33_tasks.settings import Settings, load_settings

FIRST_PAUSE_SEC, LONGEST_PAUSE_SEC = 0.1, 2.0

log = structlog.get_logger("p33.demo")


def repeat(turn: Callable[[], None], stop: threading.Event, *, who: str) -> None:
    """Call ``turn`` until ``stop`` is set; during an outage of Redis pauses increase, and one line is logged."""
    pause_sec = 0.0
    while not stop.is_set():
        try:
            turn()
        except StoreError as error:
            if not pause_sec:
                log.warning(LogEvent.REDIS_AWAY, who=who, error=str(error), note="trying again until it is back")
            pause_sec = min(LONGEST_PAUSE_SEC, pause_sec * 2 or FIRST_PAUSE_SEC)
            stop.wait(pause_sec)
        else:
            if pause_sec:
                log.info(LogEvent.REDIS_BACK, who=who)
            pause_sec = 0.0


def serve(run: Callable[[Settings, threading.Event], None]) -> int:
    """Run as a separate process. Returns the exit code: 0 after a signal, 2 for an unusable configuration."""
    try:
        settings = load_settings()
        configure_logging(settings)
        run(settings, stop_on_signals())
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
