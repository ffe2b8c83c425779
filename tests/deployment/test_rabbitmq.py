"""The gate with RabbitMQ as its broker, and what a user who may only publish can cause there: docs/roles.md."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
import kombu
import pytest
from celery import Celery
from celery.worker.control import Panel

from p33_tasks.celery.config import make_app
from p33_tasks.celery.control import ALLOWED
from p33_tasks.contract.keys import GROUP, Keys
from p33_tasks.contract.task_proof import task_hmac
from p33_tasks.settings import Settings
from tests.deployment.cluster import environment, program, running
from tests.factories import plan_entry
from tests.support.rabbitmq import Rabbit, running_rabbit
from tests.support.redis_server import RedisServer, running_redis
from tests.support.waiting import wait_until

KEYS = Keys()
TASK_KEY = "a-task-key-of-32-characters-long"
PUBLISHER, PASSWORD = "publisher", "may-only-publish"
FILL = {"plan_id": "p", "symbol": "BTCUSDT", "executed": "True", "order_id": "7", "side": "BUY", "filled_qty": "0.5"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A worker with its ingest, on a state store and a RabbitMQ of the test's own."""

    store: RedisServer
    rabbit: Rabbit
    app: Celery

    def publish(self, body: Any, *, exchange: str = "", queue: str = "", **properties: Any) -> None:
        """One message, by the user who may only publish; without an exchange it goes into a queue by its name."""
        with (
            kombu.Connection(self.rabbit.url(f"{PUBLISHER}:{PASSWORD}")) as connection,
            connection.channel() as channel,
        ):
            producer = kombu.Producer(channel, auto_declare=False)
            producer.publish(body, exchange=exchange, routing_key=queue, serializer="json", **properties)

    def send(self, task: str, task_id: str, queue: str, **kwargs: Any) -> None:
        """A task, by the user who may only publish."""
        message = self.app.amqp.as_task_v2(task_id, task, kwargs={"prefix": KEYS.prefix, **kwargs})
        self.publish(message.body, queue=queue, headers=message.headers, **message.properties)

    def decision(self, plan_id: str) -> str:
        with self.store.client() as client:
            return str(client.get(KEYS.decision(plan_id)) or "")

    def signed(self, plan_id: str) -> dict[str, Any]:
        with self.store.client() as client:
            plan = {**plan_entry(plan_id=plan_id), "issued_ms": client.time()[0] * 1000}
        return {"plan": plan, "hmac": task_hmac(plan, prefix=KEYS.prefix, key=TASK_KEY)}

    def everything_before_is_done(self, name: str) -> None:
        """One process takes tasks in order: a signed plan is judged after all that was sent before it."""
        self.send("p33.evaluate_permit", f"last-{name}", "p33.permits", **self.signed(f"last-{name}"))
        wait_until(lambda: self.decision(f"last-{name}"), "the tasks before it are done", timeout_sec=20)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder = tmp_path_factory.mktemp("rabbitmq")
    with running_rabbit(folder) as rabbit, running_redis("bundled") as store, ExitStack() as stack:
        rabbit.add_user(PUBLISHER, PASSWORD, configure="^$", write=".*", read="^$")
        urls = {"P33_REDIS_URL": store.url(), "P33_BROKER_URL": rabbit.url()}
        worker = [program("celery"), "-A", "p33_tasks", "worker", "-c", "1", "-E"]
        log = Path(folder) / "worker.log"
        stack.enter_context(running(worker, environment(**urls, P33_TASK_KEY=TASK_KEY), log))
        app = make_app(Settings(**urls))
        wait_until(lambda: app.control.ping(timeout=1), f"the worker answers: {log}", timeout_sec=40)
        yield Gate(store=store, rabbit=rabbit, app=app)


def test_a_plan_of_the_stream_gets_its_verdict(gate: Gate) -> None:
    with gate.store.client() as client:
        client.xadd(KEYS.plans, plan_entry(plan_id="plain", reduceOnly="false"))
        wait_until(lambda: "not_reduce_only" in gate.decision("plain"), "the plan is judged", timeout_sec=20)
        wait_until(lambda: client.xpending(KEYS.plans, GROUP)["pending"] == 0, "and acknowledged")


def test_the_publisher_can_neither_read_nor_declare(gate: Gate) -> None:
    with kombu.Connection(gate.rabbit.url(f"{PUBLISHER}:{PASSWORD}")) as connection:
        with pytest.raises(amqp.exceptions.AccessRefused), connection.channel() as channel:
            channel.basic_get("p33.permits")
        with pytest.raises(amqp.exceptions.AccessRefused), connection.channel() as channel:
            channel.queue_declare("mine")


def test_forged_fields_under_a_real_entry_change_nothing(gate: Gate) -> None:
    with gate.store.client() as client:
        real = plan_entry(plan_id="real", reduceOnly="false")
        entry_id = client.xadd(KEYS.plans, real)
        forged = {**real, "reduceOnly": "true", "action": "CLOSE_FULL"}
        entry = {"stream": KEYS.plans, "entry_id": str(entry_id)}
        gate.send("p33.evaluate_permit", "forged-fields", "p33.permits", plan=forged, **entry)
        wait_until(lambda: gate.decision("real"), "the plan is judged", timeout_sec=20)
    assert "not_reduce_only" in gate.decision("real")


def test_a_plan_that_no_stream_holds_needs_the_proof(gate: Gate) -> None:
    proven = gate.signed("own")
    gate.send("p33.evaluate_permit", "unproven", "p33.permits", plan=proven["plan"])
    changed = {**proven["plan"], "action": "CLOSE_FULL", "x": "1"}
    gate.send("p33.evaluate_permit", "changed", "p33.permits", plan=changed, hmac=proven["hmac"])
    invented = {"stream": KEYS.plans, "entry_id": "1-1"}
    gate.send("p33.evaluate_permit", "invented", "p33.permits", plan=plan_entry(plan_id="invented"), **invented)
    gate.everything_before_is_done("unproven")
    assert gate.decision("own") == ""
    assert '"allow":true' not in gate.decision("invented")


def test_a_forged_fill_is_never_applied(gate: Gate) -> None:
    invented = {"stream": KEYS.results, "entry_id": "1-1"}
    gate.send("p33.apply_result", "forged-fill-1", "p33.ledger", result=FILL, **invented)
    gate.send("p33.apply_result", "forged-fill-2", "p33.ledger", result=FILL)
    with gate.store.client() as client:
        client.xadd(KEYS.results, {"plan_id": "p", "symbol": "BTCUSDT", "executed": "False", "error": "rejected"})
        wait_until(lambda: gate.decision("p"), "a real result, sent after them, is recorded", timeout_sec=20)
    gate.everything_before_is_done("fill")
    with gate.store.client() as client:
        assert client.exists(KEYS.fills("BTCUSDT"), KEYS.ledger("BTCUSDT")) == 0


def test_no_control_command_changes_the_worker(gate: Gate) -> None:
    inspect = gate.app.control.inspect(timeout=2)
    queues = inspect.active_queues()
    processes = [row["pool"]["processes"] for row in inspect.stats().values()]
    assert queues
    exchange = gate.app.control.mailbox.exchange.name
    for name in sorted(set(Panel.data) - ALLOWED):
        arguments = {"queue": "p33.permits", "n": 1, "rate_limit": "1/h", "task_id": "x"}
        gate.publish({"method": name, "arguments": arguments, "destination": None}, exchange=exchange)
    wait_until(lambda: gate.app.control.ping(timeout=1), "the worker is alive", timeout_sec=20)
    assert inspect.active_queues() == queues
    assert [row["pool"]["processes"] for row in inspect.stats().values()] == processes
