"""``p33.refresh_snapshot``: the exchange's position, once per tick for every symbol."""

from __future__ import annotations

import structlog
from celery import shared_task

from p33_tasks.bootstrap.runtime import runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.limits import adapt
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.reconcile import send_due

log = structlog.get_logger("p33.task")

SOFT_LIMIT_SEC = 15
"""An exchange that drips bytes outlasts every socket time-out; it must not keep a pool process. The hard limit, which
kills the process, stands with those of the other tasks in ``celery/config.py``."""


@shared_task(  # type: ignore[untyped-decorator]  # Celery has no types
    name="p33.refresh_snapshot", throws=(P33Error,), soft_time_limit=SOFT_LIMIT_SEC
)
def refresh_snapshot(symbol: str, prefix: str | None = None) -> str:
    """Refresh a symbol's snapshot; the first task of a tick does it for all, the others find it done.

    Args:
        symbol: One of the allowlist.
        prefix: The sender's key prefix.

    Returns:
        What the service says: ``refreshed``, ``done``, ``in_flight``, ``paused``, ``failed``, ``not_allowed``;
        or ``refused``.

    Raises:
        P33Error: Redis is away; the next tick tries again.
    """
    here = runtime()
    if is_foreign(prefix, here, task="p33.refresh_snapshot"):
        return "refused"
    try:
        outcome = here.snapshots.refresh(str(symbol))
        if outcome == "refreshed":
            send_due(here)
    except P33Error as error:
        log.error(LogEvent.NOT_REFRESHED, symbol=str(symbol), error=str(error))  # noqa: TRY400 - see throws
        raise
    if outcome == "refreshed":
        adapt(here)
    return outcome
