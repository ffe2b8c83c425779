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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from p33_tasks.contract.plans import is_executable, parse_plan
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Details, Plan, Verdict
from p33_tasks.domain.reasons import Reason
from p33_tasks.errors import InvalidMessageError
from p33_tasks.log_events import LogEvent
from p33_tasks.ports import DeadLetters, StreamEntry
from p33_tasks.store.entries import Entry, Window

log = structlog.get_logger("p33.ingest")

MAX_ENTRY_CHARS = 262_144
MAX_DEAD_LETTER_CHARS = 65_536
MAX_RESULT_AGE_MS = 7 * 86_400_000
"""How long fills are remembered: an older result could be applied a second time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMessage:
    """A task to be sent."""

    name: str
    task_id: str
    kwargs: Mapping[str, Any]


class Denier(Protocol):
    """The part of the permit service that needs no facts."""

    def deny(self, plan: Plan, entry: StreamEntry | None, reason: Reason, details: Details) -> Verdict | None:
        """Deny a plan and acknowledge its entry."""


class Entries(Protocol):
    """The part of the entries' store that a handler needs."""

    def acknowledge(self, entry: StreamEntry) -> None:
        """Take an entry off."""


class Handler(Protocol):
    """Knows what the entries of one stream need."""

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:
        """Settle an entry, or say which task does."""


@dataclass(frozen=True, kw_only=True)
class PlanHandler:
    """For ``apply.plan``."""

    permits: Denier
    entries: Entries
    dead_letters: DeadLetters
    window: Window
    prefix: str

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:  # noqa: ARG002 - a plan's age is a rule's matter
        """See ``Handler.handle``."""
        if _says_something_else(entry.fields):
            self.entries.acknowledge(entry.where)
            return None
        try:
            problem = self._problem(entry)
            if problem:
                self._deny_by_name(entry, problem)
                return None
            plan = parse_plan(entry.fields, issued_ms=entry.time_ms, from_stream=True)
        except InvalidMessageError as error:
            move_to_dead_letters(self.dead_letters, entry, error)
            return None
        if entry.deliveries > self.window.max_deliveries:
            times = entry.deliveries - 1
            log.error(LogEvent.GIVEN_UP, plan_id=plan.plan_id, symbol=plan.symbol, deliveries=times)
            details: Details = {"error": "no worker finished the evaluation", "deliveries": times}
            self.permits.deny(plan, entry.where, Reason.INTERNAL_ERROR, details)
            return None
        return _task("p33.evaluate_permit", plan.plan_id, entry, self.prefix, kind="permit", body="plan")

    def _problem(self, entry: Entry) -> Details | None:
        if entry.chars > MAX_ENTRY_CHARS:
            return {"problem": "the entry is too large", "size_chars": entry.chars, "max_chars": MAX_ENTRY_CHARS}
        if not is_executable(entry.fields):
            return {"problem": "decision is missing or unreadable; a plan to be judged says EXECUTE"}
        return None

    def _deny_by_name(self, entry: Entry, problem: Details) -> None:
        """Deny what can't be judged, where it can be read whose it is; an executor waits."""
        named: dict[str, object] = {name: entry.fields[name] for name in ("plan_id", "symbol") if name in entry.fields}
        plan = parse_plan(named, issued_ms=entry.time_ms, from_stream=True)
        self.permits.deny(plan, entry.where, Reason.INVALID_PLAN, problem)


@dataclass(frozen=True, kw_only=True)
class ResultHandler:
    """For ``apply.result``."""

    dead_letters: DeadLetters
    prefix: str

    def handle(self, entry: Entry, now_ms: int) -> TaskMessage | None:
        """See ``Handler.handle``."""
        try:
            _check_result(entry, now_ms)
            result = parse_result(entry.fields)
        except InvalidMessageError as error:
            move_to_dead_letters(self.dead_letters, entry, error)
            return None
        return _task("p33.apply_result", result.plan_id, entry, self.prefix, kind="result", body="result")


def _check_result(entry: Entry, now_ms: int) -> None:
    if entry.chars > MAX_ENTRY_CHARS:
        raise InvalidMessageError(f"{entry.chars} characters, at most {MAX_ENTRY_CHARS} are allowed")
    age_ms = now_ms - entry.time_ms
    if age_ms > MAX_RESULT_AGE_MS:
        raise InvalidMessageError(f"the result is {age_ms // 86_400_000} days old; fills are remembered for 7")


def _says_something_else(fields: Mapping[str, object]) -> bool:
    """Whether the decision is readable and another one than EXECUTE: then nobody waits for a permit."""
    decision = fields.get("decision")
    return isinstance(decision, str) and decision.isprintable() and not is_executable(fields)


def move_to_dead_letters(dead_letters: DeadLetters, entry: Entry, error: Exception) -> None:
    """Move an entry to the dead-letter stream, readable and bounded."""
    where = entry.where
    log.warning(LogEvent.DEAD_LETTER, stream=where.stream, entry_id=where.entry_id, error=str(error))
    dead_letters.dead_letter(where, str(error), readable(entry.fields))


def readable(fields: Mapping[str, Any], max_chars: int = MAX_DEAD_LETTER_CHARS) -> dict[str, str]:
    """An entry's fields as text that can be stored: undecodable bytes escaped, all of it bounded.

    Args:
        fields: As read; a value may be a list, or anything that a task brought.
        max_chars: In all; what is cut is said in a field ``p33_note``.
    """
    kept: dict[str, str] = {}
    room = max_chars
    for name, value in fields.items():
        text, key = _printable(value), _printable(name)[:200]
        if len(text) + len(key) > room:
            total = sum(len(str(n)) + len(str(v)) for n, v in fields.items())
            kept[key] = text[: max(0, room - len(key))]
            kept["p33_note"] = f"cut: the entry has {total} characters, {max_chars} are kept"
            break
        kept[key] = text
        room -= len(text) + len(key)
    return kept


def _printable(value: object) -> str:
    text = value if isinstance(value, str) else str(value)
    # Lone surrogates that stand for a byte become \xff; any others \udfff.
    raw = text.encode("utf-8", "surrogateescape") if _is_escaped(text) else text.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def _is_escaped(text: str) -> bool:
    return all(not "\ud800" <= c <= "\udfff" or "\udc80" <= c <= "\udcff" for c in text)


def _task(name: str, plan_id: str, entry: Entry, prefix: str, *, kind: str, body: str) -> TaskMessage:
    where = entry.where
    return TaskMessage(
        name=name,
        task_id=f"{kind}-{re.sub(r'[^A-Za-z0-9_.:-]', '_', plan_id)[:100]}-{where.entry_id}-{entry.deliveries}",
        kwargs={body: entry.fields, "stream": where.stream, "entry_id": where.entry_id, "prefix": prefix},
    )
