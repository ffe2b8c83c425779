"""Remote control: a worker carries out read-only commands only.

Every program that may write to the broker can send control commands. Celery's commands can cancel a worker's queues,
add others, change its time limits and end it. Here only the commands listed below are carried out. The list contains
the allowed commands, so that a new command of a later Celery version is refused until it was reviewed. To change a
worker, use its host: settings, ``systemctl``, signals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kombu.pidbox
import structlog
from celery.app.control import Control as CeleryControl

from p33_tasks.log_events import LogEvent

log = structlog.get_logger("p33.worker")

QUESTIONS = frozenset(
    {
        "active",
        "active_queues",
        "clock",
        "conf",
        "dump_active",
        "dump_conf",
        "dump_reserved",
        "dump_revoked",
        "dump_schedule",
        "dump_tasks",
        "ping",
        "query_task",
        "registered",
        "report",
        "reserved",
        "revoked",
        "scheduled",
        "stats",
    }
)
"""Commands that change nothing. Not ``hello``: it takes over the sender's list of revoked tasks. Not ``memsample``,
``memdump`` and ``objgraph``: they take memory and time from the worker, and the last one writes a file."""

EVENTS = frozenset({"enable_events", "heartbeat"})
"""Commands of Flower and celery-exporter. They only request events that a worker sends in any case."""

ALLOWED = QUESTIONS | EVENTS

MAX_REPLY_KEY_CHARS = 200
MAX_SHOWN_CHARS = 200


class ReadOnlyNode(kombu.pidbox.Node):
    """A worker's end of the control channel."""

    def handle_message(self, body: Any, message: Any = None) -> Any:
        """Read one message of the channel; a malformed one is logged and ignored.

        Celery would raise an exception and open its channel again, for each such message.
        """
        mailbox: Any = self.mailbox
        problem = problem_of(body, reply_exchange=mailbox.reply_exchange.name)
        if problem is not None:
            log.error(LogEvent.CONTROL_REFUSED, problem=problem)
            return None
        return super().handle_message(body, message)  # type: ignore[no-untyped-call]  # kombu leaves it untyped

    def handle(self, method: str, arguments: Any = None) -> Any:
        """Carry out a listed command; refuse every other one, also an unknown one."""
        if method not in ALLOWED:
            log.error(LogEvent.CONTROL_REFUSED, command=method, arguments=repr(arguments)[:MAX_SHOWN_CHARS])
            return {"error": f"{method} is refused: this worker takes no commands that change it"}
        return super().handle(method, arguments)  # type: ignore[no-untyped-call]  # kombu leaves it untyped


def problem_of(  # noqa: PLR0911 - one sentence per thing that can be wrong
    body: Any, *, reply_exchange: str
) -> str | None:
    """The problem of a control message; None if it is valid.

    Args:
        body: The decoded body; any value.
        reply_exchange: The only exchange that a reply may go to. To any other, the worker would publish where the
            sender of the message can't.
    """
    if not isinstance(body, Mapping):
        return f"not a control message: {type(body).__name__}"
    method, arguments = body.get("method"), body.get("arguments")
    if not isinstance(method, str) or len(method) > MAX_SHOWN_CHARS or not method.isprintable():
        return f"no command: {method!r:.60}"
    if arguments is not None and not (isinstance(arguments, Mapping) and all(isinstance(n, str) for n in arguments)):
        return f"{method} with arguments {arguments!r:.60}"
    if body.get("pattern") is not None or body.get("matcher") is not None:
        # A regular expression from the sender, which the worker's main process would run.
        return f"{method} for workers that match a pattern; name them"
    if not isinstance(body.get("destination"), list | None):
        return f"{method} for {body['destination']!r:.60}"
    reply_to = body.get("reply_to")
    if reply_to is not None and not _is_reply_address(reply_to, reply_exchange):
        return f"{method} with a reply to {reply_to!r:.120}; replies go to {reply_exchange}"
    return None


def _is_reply_address(reply_to: Any, exchange: str) -> bool:
    if not isinstance(reply_to, Mapping):
        return False
    key = reply_to.get("routing_key")
    return reply_to.get("exchange") == exchange and isinstance(key, str) and len(key) <= MAX_REPLY_KEY_CHARS


class Mailbox(kombu.pidbox.Mailbox):
    """Celery's mailbox, with ``ReadOnlyNode`` as the worker's end."""

    node_cls = ReadOnlyNode


class Control(CeleryControl):  # type: ignore[misc]  # Celery has no types
    """The app's ``control``; named by ``make_app``."""

    Mailbox = Mailbox
