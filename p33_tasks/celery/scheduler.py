"""Beat's scheduler: in memory, one publish per tick; it survives an outage of the broker.

Celery's scheduler compares all entries with all others at every task it sends (24 % of a core at 600 entries, never
finished at 1 500), publishes them one by one, and ends when a batch can't be published. Two beats, or a late tick, do
no harm: a refresh that finds its tick done returns at once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import structlog
from celery.beat import Scheduler
from kombu.exceptions import KombuError
from kombu.transport.virtual.base import Channel as VirtualChannel
from redis.exceptions import RedisError

from p33_tasks.bootstrap.alive import MAIN, Sign, runtime_dir
from p33_tasks.bootstrap.runtime import settings
from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.beat")

RETRY_SEC = 0.5
MAX_TICKS_WAITING = 10
MAX_BATCH = 10_000  # commands in one pipeline; a tick has far fewer

_BROKER_ERRORS = (KombuError, RedisError, OSError)


class BatchScheduler(Scheduler):  # type: ignore[misc]  # Celery has no types
    """A ``celery.beat:Scheduler`` that sends all due tasks in one batch."""

    _away = False
    _sign: Sign | None = None
    _full: frozenset[str] = frozenset()

    def setup_schedule(self) -> None:
        """As Celery's, but the first refresh is due at once instead of after one period."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at -= entry.schedule.run_every

    def tick(self, *_: Any, **__: Any) -> float:
        """Send all due tasks.

        Returns:
            Seconds until the next entry is due; a failed tick is due again soon.
        """
        self._show_life()
        now = self.app.now()
        # A last run in the future: this host's clock stepped back. Celery would wait until that time.
        states = [
            (entry, *((True, 0.0) if entry.last_run_at > now else entry.is_due())) for entry in self.schedule.values()
        ]
        due = [entry for entry, is_due, _ in states if is_due]
        if due and not self._sent(due):
            return RETRY_SEC
        return float(min([next_sec for _, _, next_sec in states] + [self.max_interval]))

    def close(self) -> None:
        """End, and close the connection."""
        if self._sign is not None:
            self._sign.end()
        super().close()

    def _show_life(self) -> None:
        if self._sign is None:
            self._sign = Sign(folder=runtime_dir(settings().runtime_dir), role="beat")
            self._sign.begin()
        self._sign.show(MAIN)

    def _sent(self, due: list[Any]) -> bool:
        began = self.app.now()
        try:
            self._full = self._full_queues()
            sent = [entry for entry in due if _queue_of(entry) not in self._full]
            self._publish(sent)
        except _BROKER_ERRORS as error:
            self._drop_connection(error)
            return False
        for entry in due:  # one time for all of them, so that they stay due together
            self.schedule[entry.name] = entry._next_instance(last_run_at=began)  # noqa: SLF001 - Celery's own way
        if self._away:
            self._away = False
            log.info(LogEvent.BROKER_BACK)
        log.debug(LogEvent.TICK, due=len(due), sent=len(sent))
        return True

    def _publish(self, due: list[Any]) -> None:
        with self.producer.batch(max_size=MAX_BATCH):
            for entry in due:
                # Not task.apply_async: it would log a traceback of every error, and retry inside the batch.
                self.app.send_task(
                    entry.task, entry.args, entry.kwargs, producer=self.producer, retry=False, **entry.options
                )

    def _full_queues(self) -> frozenset[str]:
        """Queues that already contain several ticks, because no worker serves them (600 symbols add 430 MB an hour).

        Checked per queue: a job whose queue no worker serves must not stop the refreshes. RabbitMQ isn't queried: a
        policy limits its queue.
        """
        channel = self.producer.channel
        if not isinstance(channel, VirtualChannel):
            return frozenset()
        entries = Counter(_queue_of(entry) for entry in self.schedule.values())
        waiting = {queue: channel._size(queue) for queue in entries}  # type: ignore[no-untyped-call]  # noqa: SLF001 - kombu's, of each transport
        full = frozenset(queue for queue, count in entries.items() if waiting[queue] >= MAX_TICKS_WAITING * count)
        for queue in full - self._full:
            log.warning(
                LogEvent.REFRESHES_WAIT,
                queue=queue,
                waiting=waiting[queue],
                note="none is sent until a worker takes them",
            )
        return full

    def _ensure_connected(self) -> Any:
        """Connect, in one attempt per tick. Celery's method would wait up to 30 s between attempts."""
        return self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)

    def _drop_connection(self, error: BaseException) -> None:
        if not self._away:
            self._away = True
            log.warning(
                LogEvent.BROKER_AWAY, error=f"{type(error).__name__}: {error}", note="trying again until it is back"
            )
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            connection.release()


def _queue_of(entry: Any) -> str:
    return str(entry.options.get("queue"))
