"""An ingest inside the test's own process: real Redis, and a publisher that only notes what it was given."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.ingest.consumer_name import ConsumerName
from p33_tasks.ingest.handlers import PlanHandler, ResultHandler, TaskMessage
from p33_tasks.ingest.loop import Ingest
from p33_tasks.ingest.publisher import PublishError
from p33_tasks.ingest.source import Source
from p33_tasks.settings import load_settings
from p33_tasks.store.batches import Window
from tests.support.redis_server import RedisServer


@dataclass
class Noted:
    """Stands in for the broker."""

    messages: list[TaskMessage] = field(default_factory=list)
    is_away: bool = False
    waits: int = 0

    def publish(self, messages: Sequence[TaskMessage]) -> None:
        if self.is_away:
            raise PublishError("away")
        self.messages += messages

    def waiting(self, task: str) -> int:  # noqa: ARG002 - one queue for all
        return self.waits

    def tell(self) -> None:
        """Nobody listens."""

    def end(self) -> None:
        """Nothing is left."""

    def ids(self, plan_id: str) -> list[str]:
        return [m.task_id for m in self.messages if f"-{plan_id}-" in m.task_id]


def make_ingest(
    server: RedisServer, publisher: Noted | None = None, *, hostname: str = "host", window: Window | None = None
) -> Ingest:
    here = Runtime(load_settings({**server.environment, "P33_KEY_PREFIX": "quantum"}))
    window = window or Window(size=4)
    plans = PlanHandler(
        task="p33.evaluate_permit",
        permits=here.permits,
        entries=here.entries,
        dead_letters=here.dead_letters,
        window=window,
        prefix="quantum",
    )
    results = ResultHandler(task="p33.apply_result", dead_letters=here.dead_letters, prefix="quantum")
    return Ingest(
        entries=here.entries,
        sources=[Source(stream=here.keys.plans, handler=plans), Source(stream=here.keys.results, handler=results)],
        publisher=publisher or Noted(),
        window=window,
        name=ConsumerName(here.entries, hostname),
    )


@contextlib.contextmanager
def running(ingest: Ingest) -> Iterator[None]:
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        yield
    finally:
        ingest.stopping.set()
        thread.join(15)
        assert not thread.is_alive(), "the ingest didn't stop"
