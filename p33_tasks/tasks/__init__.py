"""The Celery tasks: parse, call a service, return. Each may run twice; the second run changes nothing.

One import per module: importing it declares its tasks (``job.py``).
"""

from __future__ import annotations

from p33_tasks.tasks.limits import adapt_limits as adapt_limits
from p33_tasks.tasks.notify import notify as notify
from p33_tasks.tasks.permits import evaluate_permit as evaluate_permit
from p33_tasks.tasks.permits import evaluate_permits as evaluate_permits
from p33_tasks.tasks.prepare import prepare_permits as prepare_permits
from p33_tasks.tasks.reconcile import reconcile as reconcile
from p33_tasks.tasks.resting import read_resting as read_resting
from p33_tasks.tasks.results import apply_result as apply_result
from p33_tasks.tasks.snapshots import refresh_snapshot as refresh_snapshot
