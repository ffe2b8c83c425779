"""What a verdict is compared with: a Celery task that does one SET, fed from a stream by the very same ingest.

``python -m celery -A tests.bench.floor worker`` is the floor's worker, ``python -m tests.bench.floor`` its ingest.
The task's acknowledgement travels with its SET, one round trip in all. ``floor.noop`` does nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import cache

import redis
from celery import Celery

from p33_tasks.bootstrap.stopping import stop_on_signals
from p33_tasks.celery.broker import redis_options
from p33_tasks.celery.config import _engine
from p33_tasks.celery.publisher import TaskPublisher
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.ingest.consumer_name import ConsumerName
from p33_tasks.ingest.handlers import Handler, TaskMessage
from p33_tasks.ingest.loop import Ingest
from p33_tasks.ingest.source import Source
from p33_tasks.settings import load_settings
from p33_tasks.store.batches import Entry, Window
from p33_tasks.store.connection import connect
from p33_tasks.store.entries import RedisEntries

PREFIX = "floor"
URL = f"redis://127.0.0.1:{os.environ.get('REDIS_PORT', '6379')}"

STOCK = bool(os.environ.get("FLOOR_STOCK"))
"""Celery's own consumer, and kombu's copies of messages until they are acknowledged: the defaults."""

app = Celery("floor")
app.conf.update(
    _engine(load_settings({})),
    broker_url=f"{URL}/1",
    broker_transport_options=redis_options(PREFIX) | {"ack_emulation": STOCK},
    task_routes={},
    task_queues=None,
)
if STOCK:
    app.conf.worker_consumer = "celery.worker.consumer:Consumer"
app.conf.update(task_default_queue="floor", task_default_exchange="floor", task_default_routing_key="floor")


@cache
def _client(_pid: int) -> redis.Redis:
    return connect(f"{URL}/0")


@app.task(name="floor.set")
def set_one(plan_id: str, entry_id: str) -> None:
    client = _client(os.getpid())  # made after the fork
    pipeline = client.pipeline(transaction=False)
    pipeline.set(f"{PREFIX}:permit:p33:{plan_id}", "1", px=60_000)
    pipeline.xack(Keys(PREFIX).plans, GROUP, entry_id)
    pipeline.execute()


@app.task(name="floor.noop")
def noop() -> None:
    """The worker's own ceiling."""


class _Feed(Handler):
    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:  # noqa: ARG002 - every entry is a task
        return frozenset()

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage:  # noqa: ARG002 - the ingest's signature
        plan_id = entry.fields["plan_id"]
        kwargs = {"plan_id": plan_id, "entry_id": entry.where.entry_id}
        return TaskMessage(name="floor.set", task_id=f"floor-{plan_id}", kwargs=kwargs)


def main() -> int:
    keys, window = Keys(PREFIX), Window(size=4)
    entries = RedisEntries(connect(f"{URL}/0"), keys)
    ingest = Ingest(
        entries=entries,
        sources=[Source(stream=keys.plans, handler=_Feed())],
        publisher=TaskPublisher(app),
        window=window,
        name=ConsumerName(entries),
        stopping=stop_on_signals(),
    )
    ingest.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
