"""``p33.refresh_snapshot``: fetch the exchange's positions, once per tick for all symbols."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.limits import adapt
from p33_tasks.tasks.notify import send_notifications
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.prepare import send_preparation
from p33_tasks.tasks.reconcile import send_due
from p33_tasks.tasks.resting import send_resting

log = structlog.get_logger("p33.task")

TASK = "p33.refresh_snapshot"
WISHED = "p33.refresh_wished"
LOOKS_PER_POLL = 4


@job(
    TASK,
    queue="p33.snapshots",
    every=lambda settings: settings.poll_sec,
    for_each_symbol=True,
    time_limit=30,
    soft_time_limit=15,  # socket time-outs don't end an answer sent byte by byte
    reads_venue=True,
)
def refresh_snapshot(symbol: str, prefix: str | None = None) -> str:
    """Refresh all snapshots in the first task of a tick; the other tasks of the tick do nothing.

    Args:
        symbol: A symbol of the allowlist.
        prefix: The sender's key prefix.

    Returns:
        ``refreshed``, ``done``, ``in_flight``, ``paused``, ``failed``, ``not_allowed`` (see the service) or
        ``refused``.

    Raises:
        P33Error: Redis is away; the next tick tries again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    return _refresh(here, str(symbol))


@job(
    WISHED,
    queue="p33.snapshots",
    every=lambda settings: settings.poll_sec / LOOKS_PER_POLL,
    time_limit=30,
    soft_time_limit=15,
    reads_venue=True,
    is_on=lambda settings: settings.forecast == "on",
)
def refresh_wished(prefix: str | None = None) -> str:
    """Refresh before the next tick if the forecaster requested it: at most once per poll, from the spare budget.

    Args:
        prefix: The sender's key prefix.

    Returns:
        As ``refresh_snapshot``.

    Raises:
        P33Error: Redis is away; the next tick tries again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=WISHED):
        return "refused"
    return _refresh(here, here.settings.allowlist[0], only_wished=True)


def _refresh(here: Runtime, symbol: str, *, only_wished: bool = False) -> str:
    try:
        outcome = here.snapshots.refresh(symbol, only_wished=only_wished)
        if outcome == "refreshed":
            send_resting(here)  # first: verdicts depend on it
            send_due(here)
            send_notifications(here)
    except P33Error as error:
        log.error(LogEvent.NOT_REFRESHED, symbol=symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    if outcome == "refreshed":
        adapt(here)  # before the preparation, which a new limit would invalidate
        send_preparation(here)
    return outcome
