"""Sends the ingest's tasks: one batch at a time, one attempt each; after a failure the entries are still pending.

Events for Flower and the queue metrics are sent at most twice a second: a single event costs half as much as its task.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import EncodeError, KombuError
from kombu.transport.virtual.base import Channel as VirtualChannel
from redis.exceptions import NoPermissionError, RedisError

from p33_tasks.celery.queue_rights import acl_line
from p33_tasks.ingest.handlers import TaskMessage
from p33_tasks.ingest.publisher import PublishError
from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.ingest")

MAX_BATCH = 1_000
MAX_SHOWN = 1_024
"""Characters of a task's arguments in Flower, as Celery's own limit. Its careful writer takes a tenth of a publish."""
EVENTS_SEC = 0.5
MAX_EVENTS = 10_000
"""Events kept while none can be sent; the oldest are dropped, since nothing depends on them."""

_BROKER_ERRORS = (KombuError, RedisError, OSError)


class _Events:
    """Replaces Celery's event dispatcher, which publishes one event per task: collects them."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def publish(self, _type: str, fields: dict[str, Any], _producer: Any, **_: Any) -> None:
        """As ``celery.events.EventDispatcher.publish``; for ``task-sent`` only, the one event of a producer."""
        self.kept.append({**fields, "timestamp": time.time()})  # of the host's clock, as listeners expect


class TaskPublisher:
    """Implements ``streams.publisher.Publisher`` over one broker connection of this process."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._prefix = str(app.conf.broker_transport_options.get("global_keyprefix", "")).removesuffix(":")
        self._connection: Any = None
        self._producer: Any = None
        self._dispatcher: Any = None
        self._untold: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS)
        self._tell_at = 0.0  # monotonic

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        """See ``Publisher.publish``."""
        events = _Events()
        with self._translated_errors():
            producer = self._connected()
            with producer.batch(max_size=MAX_BATCH):
                for message in messages:
                    self._send(producer, message, events)
        self._untold.extend(events.kept)  # only now it is certain that they were sent

    def waiting(self, task: str) -> int:
        """See ``Publisher.waiting``. RabbitMQ isn't queried: it delivers messages as soon as workers have room."""
        with self._translated_errors():
            channel = self._connected().channel
            if not isinstance(channel, VirtualChannel):
                return 0
            queue = self._app.amqp.router.route({}, task)["queue"]
            return int(channel._size(queue.name))  # type: ignore[no-untyped-call]  # noqa: SLF001 - kombu's, of each transport

    def tell(self) -> None:
        """See ``Publisher.tell``. Opens no connection: the next tasks do."""
        now = time.monotonic()
        if not self._untold or self._dispatcher is None or now < self._tell_at:
            return
        self._tell_at = now + EVENTS_SEC
        with self._translated_errors():
            for fields in self._untold:
                self._dispatcher.send("task-sent", **fields)
            self._dispatcher.flush(errors=False)
        self._untold.clear()

    def end(self) -> None:
        """See ``Publisher.end``."""
        self._tell_at = 0.0
        try:
            self.tell()
        except PublishError as error:
            log.debug(LogEvent.EVENTS_NOT_SENT, error=str(error))
        self.close()

    def close(self) -> None:
        """Close the connection; the next publish opens another."""
        connection, self._connection, self._producer, self._dispatcher = self._connection, None, None, None
        if connection is not None:
            try:
                connection.release()
            except _BROKER_ERRORS as error:
                log.debug(LogEvent.BROKER_CLOSE_FAILED, error=str(error))

    def _send(self, producer: Any, message: TaskMessage, events: _Events) -> None:
        try:
            self._app.send_task(
                message.name,
                args=message.args,
                kwargs=dict(message.kwargs),
                argsrepr=repr(message.args),  # uncut (Celery's default: 1 024): a plan is found by its id
                kwargsrepr=repr(dict(message.shown))[:MAX_SHOWN],
                task_id=message.task_id,
                producer=producer,
                declare=[],  # done once per connection; the check alone takes a tenth of a publish
                event_dispatcher=events,
                retry=False,
                ignore_result=True,
            )
        except EncodeError:  # this task can't be encoded; the others are sent
            log.exception(LogEvent.NOT_SENT, task_id=message.task_id)

    def _connected(self) -> Any:
        if self._producer is None:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            producer = self._app.amqp.Producer(self._connection, auto_declare=False)
            for queue in self._app.amqp.queues.values():
                self._declare(queue, producer)
            self._dispatcher = self._app.events.Dispatcher(
                self._connection, buffer_while_offline=False, buffer_group={"task"}, buffer_limit=MAX_EVENTS + 1
            )
            self._producer = producer
        return self._producer

    def _declare(self, queue: Any, producer: Any) -> None:
        try:
            queue(producer.channel).declare()
        except NoPermissionError as error:  # the tasks of the other queues can be sent
            line = acl_line(self._prefix, queue.name)
            log.error(  # noqa: TRY400 - it says all
                LogEvent.QUEUE_NOT_PERMITTED, queue=queue.name, acl_line=line, problem=str(error)
            )

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
