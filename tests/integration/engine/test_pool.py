"""Celery's real pool, whose worker loses its broker at the worst moment: each process is heard, and has its limit."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable, Iterator
from inspect import isgenerator
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.connection import Connection
from billiard.einfo import ExceptionInfo
from celery.concurrency.asynpool import AsynPool
from celery.worker.consumer import Consumer
from kombu.asynchronous import Hub, set_event_loop

from p33_tasks.celery.consumer import PatientConsumer
from p33_tasks.celery.patches.short_failures import shorten_failures

PATIENCE_SEC = 10
LIMIT_SEC = 1


class Worker:
    """What of a worker's main process matters here: its loop and its pool of one process."""

    def __init__(self) -> None:
        self.hub = Hub()
        set_event_loop(self.hub)
        self.pool = AsynPool(1, threads=False, enable_timeouts=True)
        self.connect()
        self.turn_until(lambda: self.pool._all_inqueues, "the process is up")

    @property
    def answers(self) -> Any:
        return self.pool._pool[0].outq._reader

    def connect(self) -> None:
        self.pool.register_with_event_loop(self.hub)
        self.loop = self.hub.create_loop()

    def turn_until(self, happened: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SEC
        while not happened():
            assert time.monotonic() < deadline, f"not within {PATIENCE_SEC} s: {what}"
            next(self.loop)

    def lose_the_broker(self, monkeypatch) -> None:
        """As Celery's consumer does around an error of its loop."""
        self.hub.reset()
        consumer = object.__new__(PatientConsumer)
        consumer.event_dispatcher, consumer.pool = None, SimpleNamespace(_pool=self.pool)
        monkeypatch.setattr(Consumer, "on_close", lambda _: self.pool.flush())
        consumer.on_close()
        self.connect()

    def end(self) -> None:
        self.pool.terminate()
        self.pool.join()
        set_event_loop(None)


@pytest.fixture
def start_worker() -> Iterator[Callable[[], Worker]]:
    started: list[Worker] = []

    def start() -> Worker:
        started.append(Worker())
        return started[-1]

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def gate(monkeypatch) -> Iterator[int]:
    """What billiard writes in two parts, it writes the second part of only after a byte was written here."""
    closed, opened = os.pipe()
    one_write = Connection._send_bytes

    def send_bytes(self, data):
        if len(data) <= 16_384:  # as billiard's
            return one_write(self, data)
        self._send(struct.pack("!i", len(data)))
        os.read(closed, 1)
        return self._send(data)

    monkeypatch.setattr(Connection, "_send_bytes", send_bytes)
    yield opened
    os.close(closed)
    os.close(opened)


def _fails(depth=100):
    if depth:
        _fails(depth - 1)
    raise ConnectionError("Redis went away")


def _waits():
    select.select([], [], [], 60)


def test_a_failure_is_heard_although_the_broker_was_lost_in_the_middle_of_it(monkeypatch, gate, start_worker):
    monkeypatch.setattr(ExceptionInfo, "__getstate__", None, raising=False)  # taken back afterwards
    shorten_failures()
    worker = start_worker()
    job = worker.pool.apply_async(_fails)
    worker.turn_until(
        lambda: job.ready() or isgenerator((worker.hub.readers.get(worker.answers.fileno()) or [None])[0]),
        "a part of the answer is read",
    )
    worker.lose_the_broker(monkeypatch)
    os.write(gate, b"x")
    worker.turn_until(job.ready, "the failure is heard")
    with pytest.raises(ConnectionError):
        job.get()


def test_a_task_that_was_begun_keeps_its_time_limit_although_the_broker_was_lost(monkeypatch, start_worker):
    """An exchange that drips bytes would keep the process for as long as it drips."""
    worker = start_worker()
    process = worker.pool._pool[0]
    job = worker.pool.apply_async(_waits, timeout=LIMIT_SEC)
    worker.turn_until(lambda: worker.pool._busy_workers, "it is handed over")
    assert select.select([worker.answers], [], [], PATIENCE_SEC)[0], "the process says that it begins"
    assert not job._accepted, "and nobody has read it"
    worker.lose_the_broker(monkeypatch)
    worker.turn_until(lambda: not process._is_alive(), "its time is over")
