"""``p33.adapt_limits``: cooldowns that fit each symbol; also run after each refresh, in the refresh's own task."""

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
    """The same, for the task that has just refreshed: a failure here is not the refresh's."""
    if here.adaptive is None:
        return "off"
    try:
        here.adaptive.adapt()
    except P33Error as error:
        log.error(LogEvent.NOT_ADAPTED, error=str(error))  # noqa: TRY400 - our own sentence says it all
        return "failed"
    return "adapted"
