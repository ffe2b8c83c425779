"""What the ingest does with one entry: send it as a task, or settle it itself.

1. A plan that is not to be executed is acknowledged; nobody waits for a permit.
2. An entry that can't be understood goes to the dead-letter stream. One that is too large, too: its plan, where
   plan_id and symbol can still be read, is denied instead, since an executor waits.
3. A plan delivered too often is denied here: a deny sent as a task would feed the storm that brought it here.
4. A result is sent again until it is applied, unless it is older than the memory of fills.
5. Everything else becomes a task, and only that task's commit acknowledges it.
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
"""An emergency close waits for a snapshot requested for it, and is sent again meanwhile: for 15 s with so many more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMessage:
    """A task to be sent."""

    name: str
    task_id: str
    kwargs: Mapping[str, Any]
    args: tuple[Any, ...] = ()
    shown: Mapping[str, str] = field(
        default_factory=dict
    )  # its arguments as Flower lists them; the task gets none of it
    goes_with_others: bool = False  # a plan sent for the first time: others that wait may share its message


class Denier(Protocol):
    """The part of the permit service that needs no facts."""

    def deny(self, plan: Plan, entry: StreamEntry | None, reason: Reason, details: Details) -> Verdict | None:
        """Deny a plan and acknowledge its entry."""


class Promoter(Protocol):
    """The part of the promotion service that a handler needs."""

    def promote(self, plans: Sequence[tuple[Plan, StreamEntry]]) -> frozenset[str]:
        """Give plans the verdicts that were prepared for them; the ids of the entries that are done."""


class Entries(Protocol):
    """The part of the entries' store that a handler needs."""

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off."""


class Handler(Protocol):
    """Knows what the entries of one stream need."""

    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:
        """Settle what can be settled for all of them at once; the ids of the entries that are done."""

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:
        """Settle an entry, or say which task does."""


@dataclass(frozen=True, kw_only=True)
class PlanHandler:
    """For ``apply.plan``."""

    task: str  # sent for each entry
    permits: Denier
    entries: Entries
    dead_letters: DeadLetters
    window: Window
    prefix: str
    promoter: Promoter | None = None  # where verdicts are prepared

    def settled(self, entries: Sequence[Entry], now_ms: int) -> frozenset[str]:
        """See ``Handler.settled``. What was sent as a task already stays that task's.

        An emergency close has to be proven, and an id ahead of TIME to be noted at its first reading: a task does both.
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

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:  # noqa: ARG002 - a plan's age is a rule's matter
        """See ``Handler.handle``."""
        try:
            plan = parse_entry(entry.fields, issued_ms=entry.time_ms)
        except InvalidMessageError as error:
            move_to_dead_letters(self.dead_letters, entry, error)
            return None
        if plan is None:
            self.entries.acknowledge(entry.where)
            return None
        if entry.chars > MAX_ENTRY_CHARS or not is_executable(entry.fields):  # no facts change this verdict
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
    """For ``apply.result``."""

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
    """The plan of an entry that can be judged; None for every other one."""
    try:
        return parse_entry(entry.fields, issued_ms=entry.time_ms)
    except InvalidMessageError:
        return None


def move_to_dead_letters(dead_letters: DeadLetters, entry: Entry, error: Exception) -> None:
    """Move an entry to the dead-letter stream, readable and bounded."""
    where = entry.where
    log.warning(LogEvent.DEAD_LETTER, stream=where.stream, entry_id=where.entry_id, error=str(error))
    dead_letters.dead_letter(where, str(error), readable(entry.fields))


def _task(name: str, plan_id: str, symbol: str, entry: Entry, prefix: str, *, kind: str) -> TaskMessage:
    """The message names the entry and nothing more: what the task does, it does by the entry's own fields."""
    where = entry.where
    about = {"plan_id": plan_id, "symbol": symbol}
    told = {name: value for name in SHOWN_FIELDS if isinstance(value := entry.fields.get(name), str)}
    return TaskMessage(
        name=name,
        task_id=f"{kind}-{re.sub(r'[^A-Za-z0-9_.:-]', '_', plan_id)[:100]}-{where.entry_id}-{entry.deliveries}",
        kwargs={**about, "stream": where.stream, "entry_id": where.entry_id, "prefix": prefix},
        shown={**about, **{name: value[:MAX_SHOWN_CHARS] for name, value in told.items()}},
        # One that ended its task's process once must not end others' too.
        goes_with_others=kind == "permit" and entry.deliveries <= 1 and not is_emergency(entry.fields),
    )
