"""Waiting for a condition, never for a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_NEVER = threading.Event()


def wait_until(condition: Callable[[], T], what: str, *, timeout_sec: float = 10, every_sec: float = 0.02) -> T:
    """Ask again and again until the answer is truthy, and return it.

    Raises:
        AssertionError: Naming ``what`` and the last answer, when it never was.
    """
    rounds = max(1, int(timeout_sec / every_sec))
    answer = condition()
    for _ in range(rounds):
        if answer:
            return answer
        _NEVER.wait(every_sec)
        answer = condition()
    if answer:
        return answer
    raise AssertionError(f"waited {timeout_sec} s in vain: {what} (last answer: {answer!r:.500})")
