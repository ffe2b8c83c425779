"""Handle one entry: send it as a task, or settle it in the ingest.

1. A plan with another decision is acknowledged only: no executor waits for a permit.
2. An entry that can't be read, or is too large, goes to the dead-letter stream. But if a plan's plan_id and symbol can
   be read, the plan is denied instead, since an executor waits.
3. A plan delivered too often is denied here: another task would add to the overload that delayed it.
4. A result is sent again until it is applied, unless it is older than the fills memory.
5. Every other entry becomes a task, and only that task's commit acknowledges it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from p33_tasks.contract.entries import MAX_AHEAD_MS, MAX_ENTRY_CHARS, time_ms_of
from p33_tasks.contract.plans import is_emergency, is_executable, parse_entry
from p33_tasks.contract.readable import readable
from p33_tasks.contract.results import parse_entry_result
from p33_tasks.domain.models import Details, Plan, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import InvalidMessageError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import DeadLetters, ResultReader, StreamEntry
from p33_tasks.store.batches import Entry, Window

log = structlog.get_logger("p33.ingest")

SHOWN_FIELDS = ("action", "executed", "order_id")
MAX_SHOWN_CHARS = 60
EMERGENCY_DELIVERIES = 3
"""Extra deliveries of an emergency close: it is sent again while it waits for its snapshot, up to 15 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMessage:
    """A task to send."""

    name: str
    task_id: str
    kwargs: Mapping[str, Any]
    args: tuple[Any, ...] = ()
    shown: Mapping[str, str] = field(
        default_factory=dict
    )  # the arguments as Flower shows them; the task doesn't get this
    goes_with_others: bool = False  # a plan sent for the first time: it may share a message with other plans


class Denier(Protocol):
    """The part of the permit service that a handler needs."""

    def deny(self, plan: Plan, entry: StreamEntry | None, reason: Reason, details: Details) -> Verdict | None:
        """Deny a plan and acknowledge its entry."""


class Promoter(Protocol):
    """The part of the promotion service that a handler needs."""

    def promote(self, plans: Sequence[tuple[Plan, StreamEntry]]) -> frozenset[str]:
        """Give plans their prepared verdicts; returns the ids of the settled entries."""


class Entries(Protocol):
    """The part of the entries' store that a handler needs."""

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off the pending list."""


class Handler(Protocol):
    """Handles the entries of one stream."""

    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:
        """Settle the entries that can be settled together; returns their ids."""

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:
        """Settle an entry and return None, or return the task message that will settle it."""


@dataclass(frozen=True, kw_only=True)
class PlanHandler:
    """Handles entries of ``apply.plan``."""

    task: str  # sent for each entry
    permits: Denier
    entries: Entries
    dead_letters: DeadLetters
    window: Window
    prefix: str
    promoter: Promoter | None = None  # None: preparation is off

    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:
        """See ``Handler.settled``. An entry already sent as a task is left to that task.

        Left to a task are also an emergency close (its signature must be checked) and an entry whose id is ahead of
        TIME (its first reading must be recorded).
        """
        if self.promoter is None:
            return frozenset()
        latest_ms = now_ms + MAX_AHEAD_MS
        plans = [
            (plan, entry.where)
            for entry in entries
            if entry.deliveries <= 1
            and not is_emergency(entry.fields)
            and time_ms_of(entry.where.entry_id) <= latest_ms
            and (plan := _plan_of(entry))
        ]
        return self.promoter.promote(plans) if plans else frozenset()

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:  # noqa: ARG002 - a rule checks a plan's age
        """See ``Handler.handle``."""
        try:
            plan = parse_entry(entry.fields, issued_ms=entry.time_ms)
        except InvalidMessageError as error:
            move_to_dead_letters(self.dead_letters, entry, error)
            return None
        if plan is None:
            self.entries.acknowledge(entry.where)
            return None
        if entry.chars > MAX_ENTRY_CHARS or not is_executable(entry.fields):  # this verdict needs no facts
            sizes: Details = {"size_chars": entry.chars, "max_chars": MAX_ENTRY_CHARS}
            found = {"problem": plan.problem, **(sizes if entry.chars > MAX_ENTRY_CHARS else {})}
            self.permits.deny(plan, entry.where, Reason.INVALID_PLAN, found)
            return None
        waits = EMERGENCY_DELIVERIES if is_emergency(entry.fields) else 0
        if entry.deliveries > self.window.max_deliveries + waits:
            times = entry.deliveries - 1
            log.error(LogEvent.GIVEN_UP, plan_id=plan.plan_id, symbol=plan.symbol, deliveries=times)
            details: Details = {"error": "no worker finished the evaluation", "deliveries": times}
            self.permits.deny(plan, entry.where, Reason.INTERNAL_ERROR, details)
            return None
        return _task(self.task, plan.plan_id, plan.symbol, entry, self.prefix, kind="permit")


@dataclass(frozen=True, kw_only=True)
class ResultHandler:
    """Handles entries of ``apply.result``."""

    task: str  # sent for each entry
    dead_letters: DeadLetters
    prefix: str
    venue: ResultReader | None = None

    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:  # noqa: ARG002 - a task records each
        """See ``Handler.settled``."""
        return frozenset()

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:
        """See ``Handler.handle``."""
        try:
            result = parse_entry_result(entry.fields, self.venue, now_ms=now_ms, added_ms=entry.time_ms)
        except InvalidMessageError as error:
            move_to_dead_letters(self.dead_letters, entry, error)
            return None
        return _task(self.task, result.plan_id, result.symbol, entry, self.prefix, kind="result")


def _plan_of(entry: Entry) -> Plan | None:
    """The plan of an entry, if it is well formed; else None."""
    try:
        return parse_entry(entry.fields, issued_ms=entry.time_ms)
    except InvalidMessageError:
        return None


def move_to_dead_letters(dead_letters: DeadLetters, entry: Entry, error: Exception) -> None:
    """Move an entry to the dead-letter stream, as printable text of limited length."""
    where = entry.where
    log.warning(LogEvent.DEAD_LETTER, stream=where.stream, entry_id=where.entry_id, error=str(error))
    dead_letters.dead_letter(where, str(error), readable(entry.fields))


def _task(name: str, plan_id: str, symbol: str, entry: Entry, prefix: str, *, kind: str) -> TaskMessage:
    """A message that only names the entry: the task reads the entry's fields itself."""
    where = entry.where
    about = {"plan_id": plan_id, "symbol": symbol}
    found = {name: value for name in SHOWN_FIELDS if isinstance(value := entry.fields.get(name), str)}
    return TaskMessage(
        name=name,
        task_id=f"{kind}-{re.sub(r'[^A-Za-z0-9_.:-]', '_', plan_id)[:100]}-{where.entry_id}-{entry.deliveries}",
        kwargs={**about, "stream": where.stream, "entry_id": where.entry_id, "prefix": prefix},
        shown={**about, **{name: value[:MAX_SHOWN_CHARS] for name, value in found.items()}},
        # An entry whose first task may have crashed its process is sent alone.
        goes_with_others=kind == "permit" and entry.deliveries <= 1 and not is_emergency(entry.fields),
    )
