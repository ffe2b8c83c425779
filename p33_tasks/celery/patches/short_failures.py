"""A pool process's report of a failed task fits into one write to the pipe to its worker.

Symptom: billiard pickles an exception with a position per instruction of each frame, 50 KB where Redis is away, and
    writes the length of more than 16 KB apart from the rest. A worker whose broker connection breaks in between forgets
    that it has read the length, reads the rest as lengths, and never reads that process again. The task is killed after
    its time limit, and then the worker ends.
Versions: billiard 4.3.2, Celery 5.7.0.
Upstream: no issue found.
Test: tests/unit/celery/test_failures.py::test_billiard_needs_two_writes_for_a_failure
Delete when: billiard writes a message of any length at once, or keeps what it has read of one across a reconnect.
"""

from __future__ import annotations

import pickle
from typing import Any

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback

MAX_TRACEBACK_BYTES = 8_000
MAX_EXCEPTION_BYTES = 4_000


def shorten_failures() -> None:
    """Call this before the pool is forked. The failed process still logs the complete failure."""
    ExceptionInfo.__getstate__ = _short


def _short(failure: Any) -> dict[str, Any]:
    """The pickled part of a failure: all data that events, Flower and the worker's log show, without frames."""
    return {
        "type": failure.type,
        "exception": _small(failure.exception),
        "traceback": _end(failure.traceback, MAX_TRACEBACK_BYTES),
        "internal": failure.internal,
    }


def _small(exception: BaseException) -> BaseException:
    if isinstance(exception, ExceptionWithTraceback):  # the traceback already contains its text
        exception = exception.exc
    try:
        size = len(pickle.dumps(exception))
    except Exception as error:  # noqa: BLE001 - a library's exception can be made of anything
        return RuntimeError(f"{type(exception).__name__}, which can't be pickled: {_end(str(error), 200)}")
    if size > MAX_EXCEPTION_BYTES:
        return RuntimeError(f"{type(exception).__name__} of {size} bytes, too long to send: see the log")
    return exception


def _end(text: str, most: int) -> str:
    return text.encode("utf-8", "replace")[-most:].decode("utf-8", "ignore")
