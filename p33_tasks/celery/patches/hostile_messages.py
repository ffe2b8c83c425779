"""A message of the wrong form is removed from the broker and ends no worker.

Symptom: Celery trusts its messages. A time limit that is a text, an id that is a dict or a body that isn't JSON raise
    in the middle of the worker's loop, which ends it. The message is given back and ends the next worker too.
Versions: Celery 5.7.0, kombu 5.7.0.
Upstream: https://github.com/celery/celery/issues/7975, https://github.com/celery/kombu/issues/2421
Test: tests/unit/celery/test_patches.py::test_a_message_of_the_wrong_form_ends_celerys_own_loop
Delete when: Celery rejects such messages itself, and kombu's errors while reading one are connection errors.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import structlog
from celery.worker.consumer import Consumer

from p33_tasks.celery.refusal import problem_of
from p33_tasks.log_events import LogEvent

MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""kombu's errors for a text in the queue that is not a message. It is already removed from the queue then."""

log = structlog.get_logger("p33.worker")


class HostileMessages(Consumer):  # type: ignore[misc]  # Celery has no types
    """Checks each message before Celery processes it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A new connection costs half a second; an unknown error would end the worker.
        errors: tuple[type[BaseException], ...] = self.conninfo.connection_errors
        self.connection_errors = (*errors, *MALFORMED)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's handler, called only for valid messages."""
        handle = super().create_task_handler(*args, **kwargs)
        tasks = {name for name in self.app.tasks if not name.startswith("celery.")}  # Celery's would run any task

        def received(message: Any) -> None:
            problem = problem_of(
                message.headers,
                content_type=message.content_type,
                content_encoding=message.content_encoding,
                body=message.body,
                tasks=tasks,
            )
            if problem is not None:
                self._refuse(message, problem)
                return
            try:
                handle(message)
            except MALFORMED as error:
                self._refuse(message, f"{type(error).__name__}: {error!s:.200}")

        return received

    def _refuse(self, message: Any, problem: str) -> None:
        """Remove a message from the broker: if it were requeued, the next worker would receive it."""
        log.error(LogEvent.MESSAGE_REFUSED, problem=problem)
        if not message.acknowledged:
            message.reject_log_error(logging.getLogger(__name__), self.connection_errors)
