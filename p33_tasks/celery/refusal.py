"""The messages that a worker refuses: a program that can write to the broker must not be able to end a worker.

Celery doesn't check messages: a time limit that is a text, an id that is a dict or a body that isn't JSON raises an
exception in the worker's loop, which ends the worker; the message is redelivered and ends the next worker, too.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

MAX_BODY_CHARS = 1_000_000
"""A plan that a producer sends as a task has at most 65 536 characters, as an entry, each written with up to 12 (two
escapes); and room for its frame."""
MAX_HEADER_CHARS = 1_000
MAX_SHOWN_CHARS = 4_000
"""Of the arguments shown in Flower, which every listener of events receives; Celery writes about 1 000."""

_TEXTS = ("id", "root_id", "parent_id", "eta", "expires", "shadow", "origin", "lang")
_SHOWN = ("argsrepr", "kwargsrepr")
_PLAIN_JSON = "application/json"


def problem_of(  # noqa: PLR0911 - one sentence per thing that can be wrong
    headers: Any, *, content_type: Any, content_encoding: Any, body: Any, tasks: Collection[str]
) -> str | None:
    """The problem of a message, found without decoding its body; None if it can become a task.

    Args:
        headers: The decoded headers; any value.
        content_type: Only JSON is accepted.
        content_encoding: Only UTF-8 is accepted.
        body: Undecoded; a pool process decodes it, where an error affects that task only.
        tasks: The names of the tasks that may be requested.
    """
    if not isinstance(headers, Mapping):
        return "it has no headers"
    task = headers.get("task")
    if not isinstance(task, str) or task not in tasks:
        return f"unknown task {task!r:.60}"
    if content_type != _PLAIN_JSON or not isinstance(content_encoding, str) or content_encoding.lower() != "utf-8":
        return f"content {content_type!r:.60} in {content_encoding!r:.40}, only {_PLAIN_JSON} in utf-8 is read"
    if not isinstance(body, str | bytes) or len(body) > MAX_BODY_CHARS:
        return f"a body of {len(body) if isinstance(body, str | bytes) else type(body).__name__}"
    if not isinstance(headers.get("id"), str):
        return "it has no id"
    for name in (*_TEXTS, *_SHOWN):
        value, most = headers.get(name), MAX_SHOWN_CHARS if name in _SHOWN else MAX_HEADER_CHARS
        if value is not None and not (isinstance(value, str) and len(value) <= most):
            return f"header {name} is {value!r:.60}"
    if headers.get("compression"):
        return "it is compressed, which no producer needs"
    if not _is_time_limit(headers.get("timelimit")):
        return f"header timelimit is {headers['timelimit']!r:.60}"
    return None


def _is_time_limit(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_seconds, value))  # noqa: PLR2004 - hard, soft


def _is_seconds(value: Any) -> bool:
    if value is None:
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
