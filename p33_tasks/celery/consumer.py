"""The worker's consumer: Celery's with our patches."""

from __future__ import annotations

from p33_tasks.celery.alive import SignsOfLife
from p33_tasks.celery.patches.failing_cleanup import FailingCleanup
from p33_tasks.celery.patches.hostile_messages import HostileMessages
from p33_tasks.celery.patches.pool_reports_first import PoolReportsFirst
from p33_tasks.celery.patches.quick_reconnect import QuickReconnect
from p33_tasks.celery.patches.task_events import TaskEvents


class PatientConsumer(HostileMessages, PoolReportsFirst, TaskEvents, FailingCleanup, SignsOfLife, QuickReconnect):
    """Survives an outage of the broker and malformed messages, and reconnects within about a second.

    The order after a lost connection matters: the pool's reports are read, then their events are kept, then Celery
    cleans up; an error in the cleanup doesn't end the worker.
    """
