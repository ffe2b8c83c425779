"""Logging: one line per event, key=value or JSON, for our own loggers and every library's alike.

Foreign text can't forge a line: control characters are escaped, values are bounded, and the lines of a traceback are
indented. Secrets are removed from every line as the last step.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from decimal import Decimal
from typing import Any

import structlog

from p33_tasks.bootstrap.journal import JournalFormatter, writes_to_journal
from p33_tasks.settings import Settings

MAX_VALUE_CHARS = 500
MAX_TRACEBACK_CHARS = 8_000
MIN_SECRET_CHARS = 5  # a shorter one would remove ordinary words, e.g. the demo's plan ids

_BREAKS = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_PLAIN = re.compile(r"[\w.:/+@%,-]+", re.ASCII)
_IN_URL = re.compile(r"(?P<scheme>://)[^/@\s]*@")
_IN_QUERY = re.compile(
    r"(?P<name>\b(?:signature|api_?key|listenKey|secret|password)[\"']?\s*[=:]\s*)[^&\s\"',}]+", re.IGNORECASE
)

# At INFO these log several lines per task, 600 tasks per tick.
_CHATTY = ("celery.app.trace", "celery.worker.strategy", "celery.beat", "celery.bootsteps", "amqp", "kombu", "ccxt")


class Scrubber:
    """Removes the configured secrets, and text that looks like a secret, from a line."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({s for s in secrets if len(s) >= MIN_SECRET_CHARS}, key=len, reverse=True)

    def __call__(self, line: str) -> str:
        """The line without secrets."""
        for secret in self._secrets:
            line = line.replace(secret, "********")
        line = _IN_URL.sub(r"\g<scheme>********@", line)
        return _IN_QUERY.sub(r"\g<name>********", line)


def secrets_of(settings: Settings) -> list[str]:
    """Every secret value of the configuration, also the passwords inside its URLs."""
    values = [value.get_secret_value() for _, value in settings if hasattr(value, "get_secret_value")]
    passwords = [match.group(1) for value in values for match in re.finditer(r"://[^/@\s]*:([^/@\s]+)@", value)]
    return values + passwords


def configure_logging(settings: Settings, *, level: int | None = None, logfile: str | None = None) -> None:
    """Set up every logger of this process; may be called again.

    If standard error is the journal, each line begins with its priority (``<3>`` for an error), which the journal
    removes.

    Args:
        settings: Level (``P33_LOG_LEVEL``), format (``P33_LOG_FORMAT``) and the secrets to keep out.
        level: A more verbose level, e.g. from ``celery worker -l DEBUG``; a less verbose one has no effect.
        logfile: The file to write to; None: standard error.
    """
    chosen = min(logging.getLevelName(settings.log_level), level or logging.CRITICAL)
    handler: logging.Handler = (
        logging.handlers.WatchedFileHandler(logfile, encoding="utf-8", errors="backslashreplace")
        if logfile
        else logging.StreamHandler(sys.__stderr__)
    )
    formatter = _formatter(settings)
    if logfile is None and writes_to_journal(sys.__stderr__):
        formatter = JournalFormatter(formatter)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(chosen)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if chosen <= logging.DEBUG else logging.WARNING)
    for name in ("celery", "celery.task", "celery.redirected"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _formatter(settings: Settings) -> logging.Formatter:
    scrub = Scrubber(secrets_of(settings))
    render = as_json if settings.log_format == "json" else as_text

    def rendered(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        return scrub(render(event))

    shared: list[Any] = [structlog.stdlib.add_logger_name, structlog.stdlib.add_log_level]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            rendered,
        ],
    )


def as_text(event: Mapping[str, Any]) -> str:
    """``<time> <level> <event> key=value ...``; a traceback follows on indented lines."""
    rest = dict(event)
    time, level = rest.pop("timestamp", ""), str(rest.pop("level", "")).upper()
    event_text, trace, name = str(rest.pop("event", "")), rest.pop("exception", None), rest.pop("logger", None)
    if name and not str(name).startswith("p33"):
        rest["logger"] = name
        event_text = _BREAKS.sub(" ", event_text.strip())  # Celery's messages may have several lines
    what = _escaped(event_text, MAX_TRACEBACK_CHARS)
    pairs = [f"{_escaped(key)}={_quoted(value)}" for key, value in rest.items()]
    line = " ".join(part for part in (time, level, what, *pairs) if part)
    if trace:
        line += "".join(f"\n    {_escaped(row)}" for row in str(trace)[-MAX_TRACEBACK_CHARS:].split("\n"))
    return line


def as_json(event: Mapping[str, Any]) -> str:
    """One JSON object per line; quantities are strings, so that no reader rounds them."""
    return json.dumps({str(key): _json_value(key, value) for key, value in event.items()})


def _json_value(key: str, value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)):
        return value
    limit = MAX_TRACEBACK_CHARS if key in {"event", "exception"} else MAX_VALUE_CHARS
    return _bounded(_text(value), limit)


def _quoted(value: Any) -> str:
    text = _escaped(_text(value))
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '\\"') + '"'


def _text(value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) and value.is_finite() else str(value)


def _escaped(value: Any, limit: int = MAX_VALUE_CHARS) -> str:
    """Printable characters as they are, all others as escapes, on one line."""
    text = _bounded(str(value), limit)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}...({len(text)} characters)"
