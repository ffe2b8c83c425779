"""Sending tasks: through a real broker, with a listener as Flower is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from p33_tasks.celery.config import make_app
from p33_tasks.celery.publisher import EVENTS_SEC, TaskPublisher
from p33_tasks.ingest.handlers import TaskMessage
from p33_tasks.ingest.publisher import PublishError
from p33_tasks.settings import load_settings
from tests.support.redis_server import running_redis
from tests.support.waiting import wait_until

TASK = "p33.evaluate_permit"


def _message(name: str) -> TaskMessage:
    return TaskMessage(name=TASK, task_id=f"permit-{name}", kwargs={"plan": {"plan_id": name}, "prefix": "quantum"})


@pytest.fixture
def server():
    with running_redis("bundled") as found:
        yield found


@pytest.fixture
def app(server):
    return make_app(load_settings(server.environment))


@dataclass
class Heard:
    """Events as a listener received them."""

    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        return [event["uuid"] for event in self.events if event["type"] == "task-sent"]


@contextmanager
def listening(app) -> Iterator[Heard]:
    heard = Heard()
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": heard.events.append})
        subscribed = threading.Event()

        def listen() -> None:
            for _ in receiver.consume(limit=None, safety_interval=0.1, wakeup=False):
                """Until ``should_stop``."""

        receiver.on_consume_ready = lambda *_, **__: subscribed.set()
        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        assert subscribed.wait(10)
        try:
            yield heard
        finally:
            receiver.should_stop = True
            thread.join(10)


def _told(publisher: TaskPublisher, heard: Heard, count: int) -> None:
    def told() -> bool:
        with suppress(PublishError):
            publisher.tell()
        return len(heard.sent) >= count

    wait_until(told, f"{count} are told of", every_sec=EVENTS_SEC / 5)


def test_listeners_hear_of_every_task_once_and_together(server, app):
    publisher = TaskPublisher(app)
    with listening(app) as heard, server.client(1) as broker:
        publisher.publish([_message("one"), _message("two")])
        publisher.publish([_message("three")])
        published = int(broker.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])
        assert broker.llen("quantum:p33.permits") == 3
        _told(publisher, heard, 3)
        assert heard.sent == ["permit-one", "permit-two", "permit-three"]
        assert all(event["queue"] == "p33.permits" and event["timestamp"] > 0 for event in heard.events)
        assert int(broker.info("commandstats")["cmdstat_publish"]["calls"]) == published + 1
        publisher.publish([_message("four")])
        _told(publisher, heard, 4)
        assert len(heard.sent) == 4


def test_what_was_sent_before_a_connection_was_lost_is_told_after_it(server, app):
    publisher = TaskPublisher(app)
    with listening(app) as heard, server.client(1) as broker:
        publisher.publish([_message("before")])
        ours = [c for c in broker.client_list() if c["cmd"] in {"lpush", "exec", "sadd"} and int(c["sub"]) == 0]
        assert ours
        for client in ours:
            broker.client_kill_filter(_id=client["id"])
        with suppress(PublishError):  # kombu may connect again by itself
            publisher.tell()
        wait_until(lambda: _published(publisher, "after"), "the broker is back")
        _told(publisher, heard, 2)
        assert heard.sent == ["permit-before", "permit-after"]


def _published(publisher: TaskPublisher, name: str) -> bool:
    try:
        publisher.publish([_message(name)])
    except PublishError:
        return False
    return True


def test_queues_exist_before_anything_is_sent(server, app):
    """RabbitMQ drops what goes to a queue that nobody declared; the ingest may be there before any worker."""
    with server.client(1) as broker:
        TaskPublisher(app).publish([_message("one")])
        assert set(broker.scan_iter("quantum:_kombu.binding.*")) >= {
            f"quantum:_kombu.binding.{name}" for name in ("p33.permits", "p33.ledger")
        }


def test_a_broker_that_is_away_is_said_so_and_what_is_to_be_told_is_kept(server, app):
    publisher = TaskPublisher(app)
    publisher.publish([_message("one")])
    server.kill()
    with pytest.raises(PublishError, match="can't be reached"):
        publisher.tell()
    with pytest.raises(PublishError, match="can't be reached"):
        publisher.publish([_message("two")])
    server.start()
    with listening(app) as heard:
        wait_until(lambda: _published(publisher, "three"), "the broker is back")
        _told(publisher, heard, 2)
        assert heard.sent == ["permit-one", "permit-three"], "nobody is told of a task that was not sent"


def test_nobody_connects_to_tell(server, app):
    """What nothing rests on must not hold up the reading, for as long as connecting takes."""
    publisher = TaskPublisher(app)
    publisher.publish([_message("one")])
    server.kill()
    with suppress(PublishError):
        publisher.publish([_message("two")])
    publisher.tell()


def test_at_the_end_what_is_left_is_told_at_once(server, app):
    publisher = TaskPublisher(app)
    with listening(app) as heard:
        publisher.publish([_message("one")])
        publisher.tell()
        publisher.publish([_message("two")])
        publisher.end()
        wait_until(lambda: heard.sent == ["permit-one", "permit-two"], "both are told of")


def test_every_plan_of_a_task_is_told_to_listeners(server, app):
    """Celery cuts what it writes itself at 1 024 characters; nobody would find the plans behind."""
    plan_ids = [f"plan-{number:060}" for number in range(32)]
    publisher = TaskPublisher(app)
    with listening(app) as heard:
        message = TaskMessage(name="p33.evaluate_permits", task_id="permits-1", args=(plan_ids,), kwargs={})
        publisher.publish([message])
        _told(publisher, heard, 1)
        told = next(event["args"] for event in heard.events if event["type"] == "task-sent")
    assert all(plan_id in told for plan_id in plan_ids)


def test_how_many_wait(server, app):
    publisher = TaskPublisher(app)
    assert publisher.waiting(TASK) == 0
    publisher.publish([_message("one"), _message("two")])
    assert publisher.waiting(TASK) == 2
    assert server.client(1).llen("quantum:p33.permits") == 2
