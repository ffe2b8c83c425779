"""The worker's consumer outlives what kombu trips over when a connection is lost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.worker.consumer import Consumer

from p33_tasks.celery.consumer import PatientConsumer
from p33_tasks.celery.patches.hostile_messages import MALFORMED
from p33_tasks.celery.patches.task_events import EVENTS_SEC


def test_a_failing_cleanup_behind_a_lost_connection_does_not_end_the_worker(monkeypatch):
    """As kombu 5.7 does when messages were not acknowledged yet (seen in tests/fault at a restart of Redis)."""
    cleaned = []

    def clean(self, exc):
        cleaned.append(exc)
        None.hostname  # noqa: B018 - the very error  # type: ignore[attr-defined]

    monkeypatch.setattr(Consumer, "on_connection_error_after_connected", clean)
    lost = ConnectionError("Redis went away")
    consumer = object.__new__(PatientConsumer)
    consumer.event_dispatcher = None

    consumer.on_connection_error_after_connected(lost)

    assert cleaned == [lost]


@pytest.mark.parametrize("trouble", [None, ConnectionError("the acknowledgement went nowhere")])
def test_what_processes_reported_is_read_before_the_rest_is_dropped(monkeypatch, trouble):
    """A task that was begun keeps its time limit; nothing waits for one that wasn't."""
    done = []

    def read(process):
        done.append(process.pid)
        if trouble is not None:
            raise trouble

    monkeypatch.setattr(Consumer, "on_close", lambda _: done.append("dropped"))
    consumer = object.__new__(PatientConsumer)
    processes = [SimpleNamespace(pid=1), SimpleNamespace(pid=2)]
    consumer.event_dispatcher = None
    consumer.pool = SimpleNamespace(_pool=SimpleNamespace(_pool=processes, process_flush_queues=read))
    consumer.on_close()
    assert done == [1, 2, "dropped"]


def test_events_of_what_was_read_go_to_the_next_connection(monkeypatch):
    """Those that came before were kept when the connection was lost; these come after."""
    kept = []
    dispatcher = SimpleNamespace(_group_buffer={"task": []}, _outbound_buffer=kept)
    monkeypatch.setattr(Consumer, "on_close", lambda _: None)
    consumer = object.__new__(PatientConsumer)
    consumer.event_dispatcher = dispatcher
    pool = SimpleNamespace(_pool=[SimpleNamespace(pid=1)])
    pool.process_flush_queues = lambda _: dispatcher._group_buffer["task"].append("task-succeeded")
    consumer.pool = SimpleNamespace(_pool=pool)
    consumer.on_close()
    assert kept == [(["task-succeeded"], "task.multi")]


def test_a_pool_without_processes_has_nothing_to_read(monkeypatch):
    done = []
    monkeypatch.setattr(Consumer, "on_close", lambda _: done.append("dropped"))
    consumer = object.__new__(PatientConsumer)
    consumer.event_dispatcher = None
    consumer.pool = SimpleNamespace()
    consumer.on_close()
    assert done == ["dropped"]


class Message:
    """As kombu hands it over."""

    def __init__(self, **changes):
        self.headers = {"task": "p33.evaluate_permit", "id": "permit-1"}
        self.content_type, self.content_encoding = "application/json", "utf-8"
        self.body = b"[[], {}, {}]"
        self.acknowledged = self.rejected = False
        self.channel = None
        vars(self).update(changes)

    def ack_log_error(self, _logger, _errors):
        self.acknowledged = True

    def reject_log_error(self, _logger, errors):
        assert errors == (OSError,)
        self.rejected = True


@pytest.fixture
def received(monkeypatch):
    """What a worker does with a message, and what reached Celery's own handler."""
    reached = []

    def handle(message):
        reached.append(message)
        if message.body == b"trips":
            raise ValueError("half of Celery's own reading went wrong")

    monkeypatch.setattr(Consumer, "create_task_handler", lambda _self: handle)
    consumer = object.__new__(PatientConsumer)
    consumer.app = SimpleNamespace(tasks={"p33.evaluate_permit": None, "celery.map": None})
    consumer.connection_errors = (OSError,)
    return consumer.create_task_handler(), reached


def test_a_sound_message_reaches_celery(received):
    take, reached = received
    message = Message()
    take(message)
    assert reached == [message]
    assert not message.rejected


@pytest.mark.parametrize(
    "changes",
    [
        {"content_type": "application/x-python-serialize"},
        {"headers": {"task": "os.system", "id": "x"}},
        {"headers": {"task": "celery.map", "id": "x"}},
        {"headers": {"task": "p33.evaluate_permit", "id": "x", "timelimit": ["x", []]}},
    ],
    ids=["pickle", "another task", "a task of Celery's own", "a time limit that is none"],
)
def test_a_hostile_message_never_reaches_celery_and_is_taken_off_the_broker(received, changes):
    """Given back, it would end the next worker."""
    take, reached = received
    message = Message(**changes)
    take(message)
    assert not reached
    assert message.rejected


def test_a_message_that_trips_celery_ends_no_worker_and_is_taken_off_the_broker(received):
    take, _ = received
    message = Message(body=b"trips")
    take(message)
    assert message.rejected


def test_a_text_that_is_no_message_is_treated_like_a_lost_connection(monkeypatch):
    """Kombu raises in the middle of the worker's loop; a connection is made anew, an unknown error would end it."""

    def init(self):
        self.conninfo = SimpleNamespace(connection_errors=(OSError,))

    monkeypatch.setattr(Consumer, "__init__", init)
    assert set(PatientConsumer().connection_errors) == {OSError, *MALFORMED}


class Hub:
    """As kombu's: keeps what is to be done later."""

    def __init__(self):
        self.later = []

    def call_later(self, delay, callback):
        self.later.append((delay, callback))


class Dispatcher:
    """As Celery's: counts how often it sent."""

    flushed = 0

    def flush(self):
        self.flushed += 1


@pytest.fixture
def sending(monkeypatch):
    """A consumer that sends task events, and the time it believes in."""
    now = [1_000.0]
    monkeypatch.setattr("p33_tasks.celery.patches.task_events.time", SimpleNamespace(monotonic=lambda: now[0]))
    consumer = object.__new__(PatientConsumer)
    consumer.hub, consumer.event_dispatcher = Hub(), Dispatcher()
    return consumer, now


def test_events_of_many_tasks_are_sent_together_and_soon(sending):
    consumer, _ = sending
    for _ in range(20):
        consumer.on_send_event_buffered()
    ((delay, flush),) = consumer.hub.later
    assert delay == EVENTS_SEC
    flush()
    assert consumer.event_dispatcher.flushed == 1


def test_events_go_on_although_a_lost_connection_took_its_timer_along(sending):
    consumer, now = sending
    consumer.on_send_event_buffered()
    now[0] += EVENTS_SEC
    consumer.on_send_event_buffered()
    assert len(consumer.hub.later) == 2


def test_an_ending_worker_still_sends_the_events_of_its_last_tasks(sending, monkeypatch):
    """Celery calls it when the pool has finished, which is later than ``stop``."""
    consumer, _ = sending
    monkeypatch.setattr(Consumer, "shutdown", lambda self: setattr(self, "event_dispatcher", None))
    consumer.on_send_event_buffered()
    dispatcher = consumer.event_dispatcher
    consumer.shutdown()
    assert dispatcher.flushed == 1


def test_events_not_sent_when_the_connection_was_lost_are_sent_over_the_next_one(monkeypatch):
    """By Celery's own dispatchers: it hands over one of their two buffers only."""
    app = Celery("test", broker="memory://")
    lost, found = (app.events.Dispatcher(app.connection_for_write(), buffer_group=["task"]) for _ in range(2))
    consumer = object.__new__(PatientConsumer)
    consumer.event_dispatcher = lost
    monkeypatch.setattr(Consumer, "on_connection_error_after_connected", lambda _self, _exc: None)
    lost.send("task-succeeded", uuid="1")
    lost.send("task-succeeded", uuid="2")

    consumer.on_connection_error_after_connected(ConnectionError("Redis went away"))

    found.extend_buffer(lost)
    sent = []
    monkeypatch.setattr(found, "_publish", lambda event, _producer, routing_key: sent.append((event, routing_key)))
    found.flush()
    ((events, routing_key),) = sent
    assert [event["uuid"] for event in events] == ["1", "2"]
    assert routing_key == "task.multi"
