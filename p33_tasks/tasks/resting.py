"""``p33.read_resting``: read the account's open orders once a minute; a refresh sends this task."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.sending import NOT_SENT, send

log = structlog.get_logger("p33.task")

TASK = "p33.read_resting"
EXPIRES_SEC = 30.0
"""A task that waited longer doesn't run: the next refresh sends another."""


@job(
    TASK,
    queue="p33.reconcile",  # both wait for the venue, and refreshes wait for neither
    served_with="p33.snapshots",  # so that some worker serves it: a refresh sends it
    time_limit=30,
    soft_time_limit=15,
    reads_venue=True,
    is_on=lambda settings: settings.subtract_resting,
)
def read_resting(prefix: str | None = None) -> str:
    """Read the open orders that reduce positions; a second task within a minute does nothing.

    Args:
        prefix: The sender's key prefix.

    Returns:
        As ``RestingService.read``; ``off`` or ``refused``.

    Raises:
        P33Error: Redis is away; a later refresh sends it again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    if here.resting is None:
        return "off"
    try:
        return here.resting.read()
    except P33Error as error:
        log.error(LogEvent.RESTING_NOT_READ, error=str(error))  # noqa: TRY400 - the error text is enough
        raise


def send_resting(here: Runtime) -> None:
    """Send the task if the last reading is a minute old. A failure is logged, and doesn't fail the refresh."""
    if here.resting is None:
        return
    try:
        if here.resting_store.is_due():
            send(read_resting, here, expires_sec=EXPIRES_SEC)
    except NOT_SENT as error:
        log.warning(LogEvent.RESTING_NOT_READ, error=f"{type(error).__name__}: {error}")
