"""A worker answers questions over the control channel, and takes no orders."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never, without
from tests.guards.guard import Guard

CONTROL_TESTS = "unit/celery/test_control.py"


def _control(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{CONTROL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


CONTROL = (
    _control(
        "a command that isn't on the list is refused, also a later Celery's",
        "ReadOnlyNode.handle",
        instead("not in ALLOWED", 'in {"shutdown", "add_consumer", "cancel_consumer"}'),
        "test_an_order_is_refused_and_logged",
        "test_a_command_of_a_later_celery_is_refused",
    ),
    _control(
        "a worker publishes a reply where replies go, and nowhere else",
        "control._is_reply_address",
        without('reply_to.get("exchange") == exchange and'),
        "test_a_malformed_one_is_refused_and_raises_nothing",
    ),
    _control(
        "no regular expression of a sender's runs in a worker",
        "control.problem_of",
        never('body.get("pattern") is not None or body.get("matcher") is not None'),
        "test_a_malformed_one_is_refused_and_raises_nothing",
    ),
    Guard(
        promise="the app's control channel is ours",
        within="config.make_app",
        change=without(', control="p33_tasks.celery.control:Control"'),
        tests=(f"{CONTROL_TESTS}::test_an_order_is_refused_and_logged",),
    ),
)
