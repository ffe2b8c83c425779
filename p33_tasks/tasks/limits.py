"""``p33.adapt_limits``: adapt each symbol's cooldown; also runs after each refresh, in the refresh's task."""

from __future__ import annotations

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.errors import P33Error
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import is_foreign

log = structlog.get_logger("p33.task")

TASK = "p33.adapt_limits"


@job(TASK, queue="p33.snapshots", time_limit=10)
def adapt_limits(prefix: str | None = None) -> str:
    """Update every symbol's statistics and its own cooldown, where ``P33_COOLDOWN_MODE`` is ``adaptive``.

    Args:
        prefix: The sender's key prefix.

    Returns:
        ``adapted``, ``failed``, ``off`` or ``refused``.
    """
    here = runtime()
    return "refused" if is_foreign(prefix, here, task=TASK) else adapt(here)


def adapt(here: Runtime) -> str:
    """As ``adapt_limits``, for the task of a refresh: a failure is logged and doesn't fail the refresh."""
    if here.adaptive is None:
        return "off"
    try:
        here.adaptive.adapt()
    except P33Error as error:
        log.error(LogEvent.NOT_ADAPTED, error=str(error))  # noqa: TRY400 - the error text is enough
        return "failed"
    return "adapted"
