"""The worker's consumer: Celery's, with each patch that it needs."""

from __future__ import annotations

from p33_tasks.celery.alive import SignsOfLife
from p33_tasks.celery.patches.failing_cleanup import FailingCleanup
from p33_tasks.celery.patches.hostile_messages import HostileMessages
from p33_tasks.celery.patches.pool_reports_first import PoolReportsFirst
from p33_tasks.celery.patches.quick_reconnect import QuickReconnect
from p33_tasks.celery.patches.task_events import TaskEvents


class PatientConsumer(HostileMessages, PoolReportsFirst, TaskEvents, FailingCleanup, SignsOfLife, QuickReconnect):
    """A worker that survives its broker and whatever it finds there, and is back soon after the broker is.

    After a lost connection the order counts: the pool's reports are read, then their events are kept, then Celery
    cleans up, and what fails there ends nothing.
    """
