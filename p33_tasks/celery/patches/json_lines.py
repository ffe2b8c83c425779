"""With ``P33_LOG_FORMAT=json`` everything that worker and beat print is JSON, one object a line.

Symptom: a worker printed its banner, a warning about its user before logging was set up, and "Warm shutdown" past the
    logging; beat printed two banners. A log pipeline that reads JSON failed at the first line of each process.
Versions: Celery 5.7.0.
Upstream: no issue found.
Test: tests/unit/celery/test_patches.py::test_celery_prints_past_the_logging
Delete when: Celery logs what it prints, or prints nothing where the signal ``setup_logging`` has a receiver.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from celery.signals import celeryd_init

from p33_tasks.bootstrap.logs import configure_logging
from p33_tasks.settings import Settings


def print_json_alone(app: Any, settings: Settings) -> None:
    """Call this while the app is created; it has no effect in a process that is neither worker nor beat."""

    def on_worker(instance: Any, **_: Any) -> None:
        _set_up(settings)
        instance.quiet = True
        sys.modules["celery.apps.worker"].safe_say = say  # type: ignore[attr-defined]

    def beat(**options: Any) -> Any:
        _set_up(settings)
        return app.subclass_with_self("celery.apps.beat:Beat")(**{**options, "quiet": True})

    celeryd_init.connect(on_worker, weak=False, dispatch_uid="p33.json_lines")
    app.Beat = beat


def say(message: str, stream: Any = None) -> None:
    """Print Celery's text at a signal. It runs in the signal handler, where logging could deadlock on its own lock."""
    line = {
        "event": message,
        "level": "info",
        "logger": "celery.apps.worker",
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
    out = stream or sys.__stderr__
    if out is not None:
        with contextlib.suppress(OSError, ValueError):  # as in Celery: an error here must not delay a shutdown
            os.write(out.fileno(), f"{json.dumps(line)}\n".encode())


def _set_up(settings: Settings) -> None:
    """Set up logging with the command line's level and file, before Celery does and warns about the user."""
    configure_logging(settings)
    logging.captureWarnings(capture=True)
