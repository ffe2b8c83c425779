"""Notifications over HTTP, through Apprise, to a receiver on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from p33_tasks.bootstrap.apprise_sender import AppriseSender, is_installed
from p33_tasks.domain.holds import HoldReason
from p33_tasks.services.notify import NotifyService
from p33_tasks.store.notifications import RedisNotifications
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer


class Receiver:
    """Takes what it is sent, answers with a status, or not at all."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self.hangs = threading.Event()
        self.is_over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(json.loads(body))
                if outer.hangs.is_set():
                    outer.is_over.wait(30)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.is_over.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def world(server: RedisServer) -> Reconciled:
    made = Reconciled(server)
    made.mark()
    return made


def service(world: Reconciled, **routes: str) -> NotifyService:
    store = RedisNotifications(world.verdicts._client, world.keys)
    store.claim()  # telling begins here
    return NotifyService(
        store, AppriseSender(), {event: (address,) for event, address in routes.items()}, account="quantum"
    )


def test_a_hold_is_told_with_its_reason_and_a_repair_to_nobody_who_did_not_ask(
    world: Reconciled, receiver: Receiver
) -> None:
    assert is_installed()
    telling = service(world, held=receiver.address)
    world.account.trade("7", "-0.010")
    assert world.refresh() == "held"
    assert (world.hold() or {})["reason"] == HoldReason.EXTERNAL
    assert telling.send() == 1
    (body,) = receiver.bodies
    assert body["title"] == "quantum: BTCUSDT held"
    assert "somebody else traded this position" in body["message"]
    assert telling.send() == 0
    assert world.count("p33_notification_total|sent") == 1


@pytest.mark.parametrize("why", ["refused", "nobody listens", "no address of Apprise"])
def test_what_is_not_taken_is_counted_as_lost(world: Reconciled, receiver: Receiver, why: str) -> None:
    receiver.status = 500
    addresses = {
        "refused": receiver.address,
        "nobody listens": "json://127.0.0.1:1/hook",
        "no address of Apprise": "nosuch://x",
    }
    telling = service(world, held=addresses[why])
    world.account.trade("7", "-0.010")
    world.refresh()
    assert telling.send() == 0
    assert world.count("p33_notification_total|lost") == 1


def test_a_receiver_that_never_answers_costs_its_time_out_and_no_verdict(world: Reconciled, receiver: Receiver) -> None:
    receiver.hangs.set()
    telling = service(world, held=receiver.address)
    world.account.trade("7", "-0.010")
    world.refresh()
    began = time.monotonic()
    assert telling.send() == 0
    assert time.monotonic() - began < 10
    assert world.count("p33_notification_total|lost") == 1
