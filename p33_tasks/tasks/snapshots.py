"""``p33.refresh_snapshot``: the exchange's position, once per tick for every symbol."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.limits import adapt
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.prepare import send_preparation
from p33_tasks.tasks.reconcile import send_due

log = structlog.get_logger("p33.task")

TASK = "p33.refresh_snapshot"


@job(
    TASK,
    queue="p33.snapshots",
    every=lambda settings: settings.poll_sec,
    for_each_symbol=True,
    time_limit=30,
    soft_time_limit=15,  # a venue that sends its answer byte by byte outlasts every socket time-out
    reads_venue=True,
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
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    try:
        outcome = here.snapshots.refresh(str(symbol))
        if outcome == "refreshed":
            send_due(here)
    except P33Error as error:
        log.error(LogEvent.NOT_REFRESHED, symbol=str(symbol), error=str(error))  # noqa: TRY400 - see throws
        raise
    if outcome == "refreshed":
        adapt(here)  # before the preparation: a new limit would void it
        send_preparation(here)
    return outcome
