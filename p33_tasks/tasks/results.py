"""``p33.apply_result``: apply one executor's result to the ledger."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog

from p33_tasks.bootstrap.runtime import Runtime, runtime
from p33_tasks.contract.fields import shown
from p33_tasks.contract.results import parse_entry_result
from p33_tasks.errors import EntryMismatchError, InvalidMessageError, StoreError
from p33_tasks.ingest.options import RESULTS
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import ExecutionResult, PlanName, StreamEntry
from p33_tasks.tasks.job import job
from p33_tasks.tasks.origin import entry_of, is_foreign, name_of

log = structlog.get_logger("p33.task")

TASK = "p33.apply_result"


@job(TASK, queue="p33.ledger", time_limit=10, stream=RESULTS)
def apply_result(
    result: dict[str, Any] | None = None,
    stream: str | None = None,
    entry_id: str | None = None,
    prefix: str | None = None,
    *,
    plan_id: str | None = None,
    symbol: str | None = None,
) -> str:
    """Apply a result once, as it is in the stream, or in the copy made at its first reading.

    Args:
        result: As 0.1 sent it: only its plan_id and symbol are used, to name the entry.
        stream: The key of the entry's stream.
        entry_id: The entry's id.
        prefix: The sender's key prefix.
        plan_id: The plan_id in that entry.
        symbol: The symbol in that entry.

    Returns:
        ``recorded``, ``already`` or ``refused``.

    Raises:
        P33Error: Redis is away, or the ledger can't be read. The entry stays pending and is sent again.
    """
    here = runtime()
    if is_foreign(prefix, here, task=TASK):
        return "refused"
    fields = result if isinstance(result, dict) else {}
    try:
        entry = entry_of(stream, entry_id, here.keys.results)
        name = name_of({"plan_id": plan_id, "symbol": symbol} if plan_id is not None else fields)
        parsed = _found(here, name, entry) if entry is not None else None
    except (ValueError, InvalidMessageError, EntryMismatchError) as error:
        log.error(LogEvent.REFUSED, task=TASK, entry_id=entry_id, error=str(error))  # noqa: TRY400 - the error text is enough
        return "refused"
    if entry is None or parsed is None:
        log.error(LogEvent.REFUSED, task=TASK, error="results come by the stream only; add this one to it")
        return "refused"
    try:
        return str(here.results.record(parsed, entry))
    except StoreError as error:
        log.error(LogEvent.UNRECORDED, plan_id=parsed.plan_id, symbol=parsed.symbol, error=str(error))  # noqa: TRY400 - see throws
        _set_aside(here, entry)
        raise
    except Exception:
        log.exception(LogEvent.UNRECORDED, plan_id=parsed.plan_id, symbol=parsed.symbol)
        _set_aside(here, entry)
        raise


def _found(here: Runtime, name: PlanName, entry: StreamEntry) -> ExecutionResult:
    """The result, read from the entry or its copy.

    Raises:
        EntryMismatchError: Redis has neither, or it is another plan's.
        InvalidMessageError: It is not a result; the ingest will move it to the dead letters.
    """
    found = here.entries.find_result(entry)
    if found is None:
        raise EntryMismatchError("neither the stream nor a copy holds the entry: it was recorded, or trimmed too early")
    parsed = parse_entry_result(found.fields, here.result_reader, now_ms=found.now_ms, added_ms=found.time_ms)
    if (parsed.plan_id, parsed.symbol) != (name.plan_id, name.symbol):
        raise EntryMismatchError(f"the entry is of plan {shown(parsed.plan_id)} and {shown(parsed.symbol)}")
    return parsed


def _set_aside(here: Runtime, entry: StreamEntry) -> None:
    """Set an entry aside: if one symbol's ledger can't be read, results of others must not wait for it."""
    with suppress(StoreError):  # while Redis is away, nothing is read either
        here.entries.set_aside(entry)
