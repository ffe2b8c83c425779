"""``p33.evaluate_permit``: one verdict for one plan."""

from __future__ import annotations

from typing import Any

import structlog
from celery import shared_task

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.contract.plans import parse_plan, parse_task_plan
from p33_tasks.domain.models import Allow, Plan, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import InvalidMessageError, StoreError
from p33_tasks.ingest.handlers import readable
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import StreamEntry
from p33_tasks.tasks.origin import entry_of, entry_time_ms, is_foreign

log = structlog.get_logger("p33.task")


@shared_task(name="p33.evaluate_permit", throws=(StoreError,))  # type: ignore[untyped-decorator]  # Celery has no types
def evaluate_permit(
    plan: dict[str, Any], stream: str | None = None, entry_id: str | None = None, prefix: str | None = None
) -> str:
    """Judge a plan.

    Args:
        plan: The stream entry's fields; from a producer that sends the task itself, with ``issued_ms``.
        stream: The key the entry was read from; None for a producer's own task.
        entry_id: Of that entry, to acknowledge it.
        prefix: The sender's key prefix.

    Returns:
        ``allow``, ``deny``, ``decided``, ``refused`` or ``dead_letter``; also in the log.

    Raises:
        StoreError: Redis is away. An entry of the stream stays pending and is sent again.
    """
    here = runtime()
    if is_foreign(prefix, here, task="p33.evaluate_permit"):
        return "refused"
    try:
        entry = entry_of(stream, entry_id, here.keys.plans)
    except ValueError as error:
        log.error(LogEvent.REFUSED, task="p33.evaluate_permit", error=str(error))  # noqa: TRY400 - our own sentence says it all
        return "refused"
    parsed = _parsed(here, plan if isinstance(plan, dict) else {}, entry)
    if parsed is None:
        return "dead_letter"
    return _word(_judge(here, parsed, entry))


def _parsed(here: Runtime, fields: dict[str, Any], entry: StreamEntry | None) -> Plan | None:
    try:
        if entry is None:
            return parse_task_plan(fields)
        return parse_plan(fields, issued_ms=entry_time_ms(entry), from_stream=True)
    except InvalidMessageError as error:
        log.warning(LogEvent.DEAD_LETTER, stream="plan", entry_id=entry.entry_id if entry else None, error=str(error))
        if entry is not None:
            here.dead_letters.dead_letter(entry, str(error), readable(fields))
        return None


def _judge(here: Runtime, plan: Plan, entry: StreamEntry | None) -> Verdict | None:
    try:
        return here.permits.judge(plan, entry)
    except StoreError as error:
        log.error(LogEvent.UNDECIDED, plan_id=plan.plan_id, symbol=plan.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception as error:  # whatever went wrong is a deny, and said aloud
        log.exception(LogEvent.EVALUATION_FAILED, plan_id=plan.plan_id, symbol=plan.symbol)
        return here.permits.deny(plan, entry, Reason.INTERNAL_ERROR, {"error": type(error).__name__})


def _word(verdict: Verdict | None) -> str:
    if verdict is None:
        return "decided"
    return "allow" if isinstance(verdict, Allow) else "deny"
