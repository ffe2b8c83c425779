"""The Celery tasks: parse, call a service, return. Each may run twice; the second time changes nothing."""

from __future__ import annotations

from p33_tasks.tasks.limits import adapt_limits
from p33_tasks.tasks.permits import evaluate_permit
from p33_tasks.tasks.reconcile import reconcile
from p33_tasks.tasks.results import apply_result
from p33_tasks.tasks.snapshots import refresh_snapshot

__all__ = ["adapt_limits", "apply_result", "evaluate_permit", "reconcile", "refresh_snapshot"]
