"""A failed reading: it is not counted, and tried again later."""

from __future__ import annotations

import structlog

from p33_tasks.errors import ExchangeError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import Note, ReconcileStore
from p33_tasks.services.position_case import AGAIN_MS, PositionCase

log = structlog.get_logger("p33.reconcile")


def leave_unread(case: PositionCase, store: ReconcileStore, error: ExchangeError) -> str:
    """Schedule the next reading of the position. Returns ``unread``."""
    state = case.state
    log.warning(LogEvent.RECONCILE_UNREAD, position=state.position, error=f"{type(error).__name__}: {error}")
    fields = {"next_ms": str(state.now_ms + AGAIN_MS), "drift": case.drift_name}
    store.note(state, Note(case=fields, is_new_drift=not case.is_same_drift()))
    return "unread"
