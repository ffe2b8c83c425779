"""``p33.reconcile``: explain, repair or hold one position; a refresh sends this task."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.domain.reconciling import Mode
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.sending import NOT_SENT, send

log = structlog.get_logger("p33.task")

TASK = "p33.reconcile"
PER_REFRESH = 2
"""Positions sent after one refresh: more would exceed the request weight of a minute."""


@job(
    TASK,
    queue="p33.reconcile",
    served_with="p33.snapshots",  # so that some worker serves it: a refresh sends it
    time_limit=60,
    soft_time_limit=45,
    reads_venue=True,
    is_on=lambda settings: settings.reconcile_mode is not Mode.OFF,
)
def reconcile(position: str, prefix: str | None = None) -> str:
    """Reconcile a position; a second task continues from the state that the first one stored.

    Args:
        position: A position key.
        prefix: The sender's key prefix.

    Returns:
        As ``ReconcileService.reconcile``; ``off`` or ``refused``.

    Raises:
        P33Error: Redis is away, or a stored value can't be read; the next refresh sends the task again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    if here.reconciler is None:
        return "off"
    try:
        return here.reconciler.reconcile(str(position))
    except P33Error as error:
        log.error(LogEvent.NOT_RECONCILED, position=str(position)[:80], error=str(error))  # noqa: TRY400 - see throws
        raise


def send_due(here: Runtime) -> None:
    """Send a task for each position that is due. A failure is logged, and doesn't fail the refresh."""
    if here.reconciler is None:
        return
    try:
        for position in here.reconcile_store.due(here.settings.allowlist)[:PER_REFRESH]:
            send(reconcile, here, position=position)
    except NOT_SENT as error:
        log.warning(LogEvent.RECONCILE_NOT_SENT, error=f"{type(error).__name__}: {error}")
