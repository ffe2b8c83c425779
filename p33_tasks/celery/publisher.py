"""Sends the ingest's tasks: one batch at a time, one attempt each; what fails is still pending in its stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import EncodeError, KombuError
from kombu.transport.virtual.base import Channel as VirtualChannel
from redis.exceptions import RedisError

from p33_tasks.streams.consumer import TaskMessage
from p33_tasks.streams.ingest import PublishError

log = structlog.get_logger("p33.ingest")

MAX_BATCH = 1_000
MAX_SHOWN = 1_024
"""Characters of a task's arguments in Flower, as Celery's own limit. Its careful writer takes a tenth of a publish."""

_BROKER_ERRORS = (KombuError, RedisError, OSError)


class TaskPublisher:
    """Implements ``streams.ingest.Publisher`` over one broker connection of this process."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Any = None
        self._producer: Any = None

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        """See ``Publisher.publish``."""
        with self._translated_errors():
            producer = self._connected()
            with producer.batch(max_size=MAX_BATCH):
                for message in messages:
                    self._send(producer, message)

    def waiting(self, task: str) -> int:
        """See ``Publisher.waiting``. RabbitMQ isn't asked: it hands messages on as soon as workers have room."""
        with self._translated_errors():
            channel = self._connected().channel
            if not isinstance(channel, VirtualChannel):
                return 0
            queue = self._app.amqp.router.route({}, task)["queue"]
            return int(channel._size(queue.name))  # type: ignore[no-untyped-call]  # noqa: SLF001 - kombu's, of each transport

    def close(self) -> None:
        """Drop the connection; the next publish makes another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            try:
                connection.release()
            except _BROKER_ERRORS as error:
                log.debug("BROKER_CLOSE_FAILED", error=str(error))

    def _send(self, producer: Any, message: TaskMessage) -> None:
        try:
            self._app.send_task(
                message.name,
                kwargs=(kwargs := dict(message.kwargs)),
                argsrepr="()",
                kwargsrepr=repr(kwargs)[:MAX_SHOWN],
                task_id=message.task_id,
                producer=producer,
                retry=False,
                ignore_result=True,
            )
        except EncodeError:  # this one can't travel; the others can
            log.exception("NOT_SENT", task_id=message.task_id)

    def _connected(self) -> Any:
        if self._producer is None:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            self._producer = self._app.amqp.Producer(self._connection, auto_declare=False)
        return self._producer

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except self._broker_errors() as error:
            self.close()
            raise PublishError(f"the broker can't be reached: {type(error).__name__}: {error}") from error

    def _broker_errors(self) -> tuple[type[Exception], ...]:
        if self._connection is None:
            return _BROKER_ERRORS
        return (*_BROKER_ERRORS, *self._connection.connection_errors, *self._connection.channel_errors)
