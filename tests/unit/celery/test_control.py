"""A worker answers questions and takes no orders, whoever sends them."""

from __future__ import annotations

from typing import Any

import pytest
from celery.worker.control import Panel
from structlog.testing import capture_logs

from p33_tasks.celery.config import make_app
from p33_tasks.celery.control import ALLOWED, ReadOnlyNode, problem_of
from p33_tasks.settings import Settings

REPLIES = "reply.celery.pidbox"
ORDERS = sorted(set(Panel.data) - ALLOWED)


@pytest.fixture
def carried_out() -> list[str]:
    return []


@pytest.fixture
def node(carried_out: list[str]) -> ReadOnlyNode:
    """The node of our app's mailbox, with every command of Celery's panel replaced by a note of its name."""

    def noting(name: str) -> Any:
        return lambda state, **arguments: carried_out.append(name)  # noqa: ARG005 - any arguments

    mailbox: Any = make_app(Settings()).control.mailbox
    made: ReadOnlyNode = mailbox.Node("celery@here", handlers={name: noting(name) for name in Panel.data})
    return made


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_refused_and_logged(node: ReadOnlyNode, carried_out: list[str], name: str) -> None:
    with capture_logs() as logs:
        node.handle_message({"method": name, "arguments": {"queue": "x"}})
    assert carried_out == []
    assert [(line["event"], line["command"]) for line in logs] == [("CONTROL_REFUSED", name)]


@pytest.mark.parametrize("name", sorted(ALLOWED & set(Panel.data)))
def test_a_question_is_answered(node: ReadOnlyNode, carried_out: list[str], name: str) -> None:
    node.handle_message({"method": name, "arguments": {}})
    assert carried_out == [name]


def test_a_command_of_a_later_celery_is_refused(node: ReadOnlyNode, carried_out: list[str]) -> None:
    node.handlers["detach_pool"] = lambda state: carried_out.append("detach_pool")  # noqa: ARG005 - Celery's signature
    reply = node.handle("detach_pool", {})
    assert "refused" in reply["error"]
    assert carried_out == []


def test_every_allowed_name_is_celerys_own() -> None:
    """A name that Celery dropped could come back with another meaning."""
    assert set(Panel.data) >= ALLOWED


@pytest.mark.parametrize(
    "name",
    [
        "add_consumer",
        "cancel_consumer",
        "shutdown",
        "pool_grow",
        "pool_shrink",
        "pool_restart",
        "autoscale",
        "rate_limit",
        "time_limit",
        "revoke",
        "revoke_by_stamped_headers",
        "terminate",
        "disable_events",
        "election",
        "hello",
        "objgraph",
        "memdump",
        "memsample",
    ],
)
def test_what_changes_a_worker_is_among_the_orders(name: str) -> None:
    assert name in ORDERS


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "ping",
        {},
        {"method": None},
        {"method": ["ping"]},
        {"method": "p" * 201},
        {"method": "ping\n"},
        {"method": "ping", "arguments": ["x"]},
        {"method": "ping", "arguments": {1: 2}},
        {"method": "ping", "destination": {"celery@here": 1}},
        {"method": "ping", "pattern": "(a+)+$", "matcher": "pcre"},
        {"method": "ping", "reply_to": {"exchange": "p33.permits", "routing_key": "p33.permits"}},
        {"method": "ping", "reply_to": {"exchange": REPLIES, "routing_key": "x" * 201}},
        {"method": "ping", "reply_to": {"exchange": REPLIES}},
        {"method": "ping", "reply_to": "p33.permits"},
    ],
)
def test_a_malformed_one_is_refused_and_raises_nothing(node: ReadOnlyNode, carried_out: list[str], body: Any) -> None:
    with capture_logs() as logs:
        assert node.handle_message(body) is None
    assert carried_out == []
    assert [line["event"] for line in logs] == ["CONTROL_REFUSED"]


def test_celerys_own_has_no_problem() -> None:
    body = {"method": "ping", "arguments": {}, "destination": ["celery@here"], "pattern": None, "matcher": None}
    reply_to = {"exchange": REPLIES, "routing_key": "0e3d-1"}
    assert problem_of({**body, "reply_to": reply_to, "ticket": "t"}, reply_exchange=REPLIES) is None
    assert problem_of({**body, "destination": None}, reply_exchange=REPLIES) is None
