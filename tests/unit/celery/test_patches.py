"""Each patch of Celery, kombu or billiard says what it is for, and the upstream package still needs it.

A test of the second kind that fails after an upgrade is good news: read the patch's "Delete when".
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from celery import Celery
from celery.app.defaults import DEFAULTS
from celery.apps import beat, worker
from celery.worker.consumer import Consumer
from celery.worker.state import reserved_requests
from celery.worker.strategy import default as strategy_of
from kombu import Connection
from kombu.message import Message
from kombu.transport.redis import Channel, Transport

from p33_tasks.celery.patches.kept_client import keep_clients

ROOT = Path(__file__).resolve().parents[3]
PATCHES = sorted(
    path for path in (ROOT / "p33_tasks" / "celery" / "patches").glob("*.py") if path.name != "__init__.py"
)
HEADINGS = ("Symptom", "Versions", "Upstream", "Test", "Delete when")


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.stem)
def test_a_patch_says_what_it_is_for_and_names_a_test_that_is_there(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert tuple(re.findall(r"^([A-Z][a-z ]+): ", text, re.MULTILINE)) == HEADINGS
    file, _, name = re.search(r"^Test: (\S+)$", text, re.MULTILINE)[1].partition("::")  # type: ignore[index]
    assert f"def {name}(" in (ROOT / file).read_text("utf-8")
    upstream = re.search(r"^Upstream: (.*?)^Test", text, re.MULTILINE | re.DOTALL)[1]  # type: ignore[index]
    assert "https://github.com/celery/" in upstream or upstream.startswith("no issue found")


def test_billiard_waits_thirty_seconds_for_its_last_report() -> None:
    """In an interpreter of its own: a worker of another test may have set it in this one."""
    code = "import billiard.pool as p; print(p.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT, "
    code += "p.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_INTERVAL)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert float(told[0]) * float(told[1]) == 30


def test_kombu_decompresses_before_anybody_can_look() -> None:
    code = "import zlib; from kombu.message import Message; m = Message(body=zlib.compress(b'0' * 9), "
    code += "headers={'compression': 'application/x-gzip'}); print(m.body.decode())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "000000000"
    assert len(zlib.compress(b"0" * 1_000_000)) < 2_000, "and a little becomes a lot"


def test_kombu_makes_a_client_for_each_publish() -> None:
    """In an interpreter of its own: a worker of another test may have applied the patch in this one."""
    code = "import redis; from kombu.transport.redis import Channel; channel = object.__new__(Channel); "
    code += "channel.Client, channel._pool = redis.Redis, redis.ConnectionPool(); "
    code += "print(len({id(client) for client in [channel.conn_or_acquire().__enter__() for _ in range(2)]}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "2"


def test_a_channel_keeps_its_client_until_its_pool_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Channel, "conn_or_acquire", Channel.conn_or_acquire)  # restored at the end
    keep_clients()
    channel: Any = object.__new__(Channel)
    channel.Client, channel._pool = redis.Redis, redis.ConnectionPool()

    def used() -> Any:
        with channel.conn_or_acquire() as client:
            return client

    first = used()
    assert used() is first
    channel._pool = redis.ConnectionPool()
    second = used()
    assert second is not first
    assert second.connection_pool is channel._pool
    given = redis.Redis()
    with channel.conn_or_acquire(given) as client:
        assert client is given


def test_celery_has_no_setting_for_gossip_and_mingle() -> None:
    assert [name for name in DEFAULTS if "gossip" in name or "mingle" in name] == []


def test_celery_waits_long_between_attempts_to_connect() -> None:
    """Celery's consumer gives kombu no steps, and kombu's own are these."""
    asked: list[dict[str, object]] = []

    class Lost:
        def ensure_connection(self, *_args: object, **kwargs: object) -> None:
            asked.append(kwargs)

    consumer = object.__new__(Consumer)
    consumer.app = Celery("t", broker="memory://")
    consumer.app.conf.broker_connection_retry_on_startup = True
    consumer.first_connection_attempt = True
    consumer.ensure_connected(Lost())
    (kwargs,) = asked
    assert not {"interval_start", "interval_step", "interval_max"} & set(kwargs)
    steps = inspect.signature(Connection._ensure_connection).parameters
    assert [steps[name].default for name in ("interval_start", "interval_step", "interval_max")] == [2, 2, 30]


class Request:
    """A task whose beginning was not read yet."""

    id = "not-begun"


def test_celery_drops_a_task_whose_beginning_it_has_not_read() -> None:
    consumer = object.__new__(Consumer)
    consumer.controller = consumer.pool = consumer.timer = None
    consumer.task_buckets = {}
    request = Request()
    reserved_requests.add(request)
    try:
        consumer.on_close()
        assert request not in reserved_requests
    finally:
        reserved_requests.discard(request)


def test_celery_sends_task_events_at_once_and_hands_over_one_buffer() -> None:
    soon: list[object] = []
    consumer = object.__new__(Consumer)
    consumer.hub, consumer._flush_events_promise = SimpleNamespace(call_soon=soon.append), object()
    consumer.on_send_event_buffered()
    assert len(soon) == 1

    app = Celery("t", broker="memory://")
    lost, found = (app.events.Dispatcher(app.connection_for_write(), buffer_group=["task"]) for _ in range(2))
    lost.send("task-succeeded", uuid="1")
    found.extend_buffer(lost)
    assert not found._outbound_buffer
    assert not any(found._group_buffer.values())


def test_a_message_of_the_wrong_form_ends_celerys_own_loop() -> None:
    app = Celery("t", broker="memory://", set_as_current=False)

    @app.task(name="t.task", shared=False)
    def task() -> None: ...

    state = SimpleNamespace(revoked=set(), maybe_shutdown=lambda: None)
    consumer = SimpleNamespace(
        **dict.fromkeys(("event_dispatcher", "apply_eta_task", "_limit_task", "_limit_post_eta", "qos")),
        pool=SimpleNamespace(apply_async=None),
        app=app,
        hostname="h",
        timer=SimpleNamespace(call_at=None),
        on_task_request=lambda _request: None,
        connection_errors=(),
        controller=SimpleNamespace(state=state),
        task_buckets={task.name: None},
        disable_rate_limits=True,
    )
    handle = strategy_of(task, app, consumer)
    headers = {"task": "t.task", "id": {"a": 1}, "lang": "py"}
    message = Message(body=b"[[], {}, {}]", headers=headers, content_type="application/json", content_encoding="utf-8")
    with pytest.raises(TypeError):
        handle(message, None, lambda *_: None, lambda *_: None, [])

    with pytest.raises(ValueError) as not_json:  # noqa: PT011 - whichever json raises
        json.loads("no message")
    assert not isinstance(not_json.value, Transport.connection_errors), "kombu raises it in the middle of the loop"


def test_celery_prints_past_the_logging() -> None:
    """Its banners and its words at a signal."""
    for function, words in (
        (worker.Worker.emit_banner, "print("),
        (worker.safe_say, "_original_os_write("),
        (worker._shutdown_handler, "safe_say("),
        (beat.Beat.run, "print("),
        (beat.Beat.start_scheduler, "print("),
    ):
        assert words in inspect.getsource(function), function
    quiet = inspect.signature(beat.Beat).parameters["quiet"]
    assert quiet.default is False
