"""The journal: each line with its priority (sd-daemon(3)), so that ``journalctl -p err`` finds the errors."""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import IO, Any

_SYSLOG_LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_LEVEL = 7


def writes_to_journal(stream: IO[Any] | None) -> bool:
    """Whether the stream is systemd's connection to the journal (``JOURNAL_STREAM`` is ``device:inode``).

    The variable alone isn't enough: a child whose output goes to a file inherits it, too.
    """
    if stream is None:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):  # ValueError: closed, or no file at all
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_priority(text: str, level: int) -> str:
    """Each line with its syslog level in front, e.g. ``<3>`` for an error, so that ``journalctl -p err`` finds it.

    The journal stores every line as a separate entry, also those of a traceback.
    """
    syslog_level = next((number for least, number in _SYSLOG_LEVELS if level >= least), _DEBUG_LEVEL)
    return "\n".join(f"<{syslog_level}>{line}" for line in text.split("\n"))


def write_error(text: str) -> None:
    """Write an error to standard error before logging is set up: in the journal as an error, for a pipeline as JSON.

    The settings can't be used here: they may be the error.
    """
    text = text.rstrip("\n")
    if os.environ.get("P33_LOG_FORMAT", "").strip().lower() == "json":
        text = json.dumps({"event": text, "level": "error"})
    sys.stderr.write(f"{with_priority(text, logging.ERROR) if writes_to_journal(sys.stderr) else text}\n")


class JournalFormatter(logging.Formatter):
    """Adds the priority to another formatter's lines."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The inner formatter's text, each line with the priority of the record's level."""
        return with_priority(self._inner.format(record), record.levelno)
