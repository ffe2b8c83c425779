"""``p33.notify``: notify people of reconciliation events; a refresh sends this task."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import is_foreign
from p33_tasks.tasks.sending import NOT_SENT, send

log = structlog.get_logger("p33.task")

TASK = "p33.notify"


@job(
    TASK,
    queue="p33.notify",  # separate, so that no other task waits for a webhook that hangs
    served_with="p33.snapshots",  # so that some worker serves it: a refresh sends it
    time_limit=30,
    soft_time_limit=20,
    reads_venue=True,  # waits for other servers, as venue tasks do: verdicts need another process
    is_on=lambda settings: bool(settings.notify_routes),
)
def notify(prefix: str | None = None) -> str:
    """Send notifications of the events since the last claim; a second task finds none left.

    Args:
        prefix: The sender's key prefix.

    Returns:
        ``sent N``, ``off`` or ``refused``.

    Raises:
        P33Error: Redis is away; claimed events are lost, and a later refresh sends the task again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    if here.notifier is None:
        return "off"
    try:
        return f"sent {here.notifier.send()}"
    except P33Error as error:
        log.error(LogEvent.NOT_NOTIFIED, error=str(error))  # noqa: TRY400 - the error text is enough
        raise


def send_notifications(here: Runtime) -> None:
    """Send the task. A failure is logged, and doesn't fail the refresh."""
    if here.notifier is None:
        return
    try:
        send(notify, here, expires_sec=float(here.settings.poll_sec))  # the next refresh sends another
    except NOT_SENT as error:
        log.warning(LogEvent.NOT_NOTIFIED, error=f"{type(error).__name__}: {error}")
