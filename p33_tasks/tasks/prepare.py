"""``p33.prepare_permits``: prepare verdicts of forecast plans; a refresh sends this task."""

from __future__ import annotations

import structlog
from celery import current_task

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.sending import NOT_SENT, send

log = structlog.get_logger("p33.task")

TASK = "p33.prepare_permits"


@job(
    TASK,
    queue="p33.prepare",  # separate, so that refreshes and plans never wait for it
    served_with="p33.snapshots",  # so that some worker serves it: a refresh sends it
    time_limit=30,
    soft_time_limit=15,
    is_on=lambda settings: settings.prepares,
)
def prepare_permits(prefix: str | None = None) -> str:
    """Evaluate forecast plans on the current snapshots; a second task does the same again.

    Args:
        prefix: The sender's key prefix.

    Returns:
        ``prepared N``, ``off`` or ``refused``.

    Raises:
        P33Error: Redis is away; the next refresh sends it again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    if here.preparation is None:
        return "off"
    try:
        return f"prepared {here.preparation.prepare(task_id=str(current_task.request.id or ''))}"
    except P33Error as error:
        log.error(LogEvent.NOT_PREPARED, error=str(error))  # noqa: TRY400 - the error text is enough
        raise


def send_preparation(here: Runtime) -> None:
    """Send the task after a refresh. A failure is logged, and doesn't fail the refresh."""
    if here.preparation is None:
        return
    try:
        send(prepare_permits, here, expires_sec=float(here.settings.poll_sec))  # the next refresh sends another
    except NOT_SENT as error:
        log.warning(LogEvent.NOT_PREPARED, error=f"{type(error).__name__}: {error}")
