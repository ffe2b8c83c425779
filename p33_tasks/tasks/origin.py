"""The sender of a task: this account's ingest, a producer that sends Celery tasks, or another account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog

from p33_tasks.bootstrap.runtime import Runtime
from p33_tasks.contract.fields import MAX_PLAN_ID_CHARS, id_of, symbol_of
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import PlanName, StreamEntry

MAX_ID_PART = 2**64
"""Each half of an entry id is below this."""

log = structlog.get_logger("p33.task")

_ENTRY_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


def is_foreign(prefix: str | None, runtime: Runtime, **about: Any) -> bool:
    """Whether the task belongs to another trading account; this is logged, and the task must not run.

    Two accounts can share a broker; a worker must not judge another account's plans by its own positions.
    """
    if prefix is None or prefix == runtime.keys.prefix:
        return False
    log.error(LogEvent.REFUSED, note="a task of another prefix", found=prefix, ours=runtime.keys.prefix, **about)
    return True


def entry_of(stream: object, entry_id: object, expected: str) -> StreamEntry | None:
    """The stream entry to acknowledge; None if the task names none.

    Raises:
        ValueError: It names another stream, or an invalid id.
    """
    if stream is None and entry_id is None:
        return None
    if stream != expected or not isinstance(entry_id, str) or not _is_entry_id(entry_id):
        raise ValueError(f"entry {entry_id!r:.60} of stream {stream!r:.120} is none of {expected}")
    return StreamEntry(stream=expected, entry_id=entry_id)


def name_of(fields: Mapping[str, object]) -> PlanName:
    """The plan_id and symbol that a message names for its entry.

    Raises:
        InvalidMessageError: It names no plan_id, or no symbol.
    """
    return PlanName(plan_id=id_of(fields, "plan_id", MAX_PLAN_ID_CHARS), symbol=symbol_of(fields, "symbol"))


def _is_entry_id(text: str) -> bool:
    return _ENTRY_ID.fullmatch(text) is not None and all(int(part) < MAX_ID_PART for part in text.split("-"))
