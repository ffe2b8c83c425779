"""A worker answers questions over the control channel, and takes no orders."""

from __future__ import annotations

from tests.guards.guard import Guard

CONTROL_TESTS = "unit/celery/test_control.py"


def _control(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{CONTROL_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="celery/control.py", old=old, new=new, tests=named)


CONTROL = (
    _control(
        "a command that isn't on the list is refused, also a later Celery's",
        "        if method not in ALLOWED:\n",
        '        if method in {"shutdown", "add_consumer", "cancel_consumer"}:\n',
        "test_an_order_is_refused_and_logged",
        "test_a_command_of_a_later_celery_is_refused",
    ),
    _control(
        "a worker publishes a reply where replies go, and nowhere else",
        '    return reply_to.get("exchange") == exchange and isinstance(key, str)',
        "    return isinstance(key, str)",
        "test_a_malformed_one_is_refused_and_raises_nothing",
    ),
    _control(
        "no regular expression of a sender's runs in a worker",
        '    if body.get("pattern") is not None or body.get("matcher") is not None:\n',
        "    if False:\n",
        "test_a_malformed_one_is_refused_and_raises_nothing",
    ),
    Guard(
        promise="the app's control channel is ours",
        file="celery/config.py",
        old=', control="p33_tasks.celery.control:Control")',
        new=")",
        tests=(f"{CONTROL_TESTS}::test_an_order_is_refused_and_logged",),
    ),
)
