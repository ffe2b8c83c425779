"""``p33.apply_result``: one result of an apply layer, into the ledger."""

from __future__ import annotations

from typing import Any

import structlog
from celery import shared_task

from p33_tasks.bootstrap.runtime import runtime
from p33_tasks.contract.results import parse_result
from p33_tasks.errors import InvalidMessageError, P33Error, StoreError
from p33_tasks.ingest.handlers import readable
from p33_tasks.log_events import LogEvent
from p33_tasks.tasks.origin import entry_of, is_foreign

log = structlog.get_logger("p33.task")


@shared_task(name="p33.apply_result", throws=(P33Error,))  # type: ignore[untyped-decorator]  # Celery has no types
def apply_result(
    result: dict[str, Any], stream: str | None = None, entry_id: str | None = None, prefix: str | None = None
) -> str:
    """Apply a result once. Results come by the stream only: its acknowledgement is what makes "once" provable.

    Args:
        result: The stream entry's fields, in any dialect.
        stream: The key the entry was read from.
        entry_id: Of that entry.
        prefix: The sender's key prefix.

    Returns:
        ``recorded``, ``already``, ``refused`` or ``dead_letter``.

    Raises:
        P33Error: Redis is away, or the ledger can't be read. The entry stays pending and is sent again.
    """
    here = runtime()
    if is_foreign(prefix, here, task="p33.apply_result"):
        return "refused"
    try:
        entry = entry_of(stream, entry_id, here.keys.results)
    except ValueError as error:
        log.error(LogEvent.REFUSED, task="p33.apply_result", error=str(error))  # noqa: TRY400 - our own sentence says it all
        return "refused"
    if entry is None:
        log.error(
            LogEvent.REFUSED, task="p33.apply_result", error="results come by the stream only; add this one to it"
        )
        return "refused"
    fields = result if isinstance(result, dict) else {}
    try:
        parsed = parse_result(fields)
    except InvalidMessageError as error:
        log.warning(LogEvent.DEAD_LETTER, stream="result", entry_id=entry.entry_id, error=str(error))
        here.dead_letters.dead_letter(entry, str(error), readable(fields))
        return "dead_letter"
    try:
        return str(here.results.record(parsed, entry))
    except StoreError as error:
        log.error(LogEvent.UNRECORDED, plan_id=parsed.plan_id, symbol=parsed.symbol, error=str(error))  # noqa: TRY400 - see throws
        raise
    except Exception:
        log.exception(LogEvent.UNRECORDED, plan_id=parsed.plan_id, symbol=parsed.symbol)
        raise
