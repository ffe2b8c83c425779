"""A verdict as one line, in the format of the worker's log, and as a JSON object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from p33_tasks.bootstrap.logs import as_text
from p33_tasks.domain import exact_json
from p33_tasks.domain.reasons import Reason
from p33_tasks.views.explanation import at
from p33_tasks.views.feed import VerdictSeen
from p33_tasks.views.narrative import leg_name

MAX_CHARS = 200
MAX_DETAILS = 12
MAX_VERDICT_CHARS = 16_000

_ALLOWED = (
    "safe_close_qty",
    "order_side",
    "exchange_position_amt",
    "ledger_position_amt",
    "snapshot_age_sec",
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_TAKEN = frozenset({"reason", "symbol", "plan_id", "timestamp", "level", "event", "exception", "logger"})
"""A foreign detail with such a name would replace the line's own field."""
_ALARMING = frozenset({str(Reason.INTERNAL_ERROR), str(Reason.CONTENTION)})


def is_sound(seen: VerdictSeen) -> bool:
    """Whether the entry has a verdict, and its other fields agree with it."""
    verdict = seen.verdict
    names = (verdict.get("plan_id"), verdict.get("symbol"), verdict.get("reason", ""))
    return verdict.get("allow") is seen.allowed and names == (seen.plan_id, seen.symbol, seen.reason)


def line_of(seen: VerdictSeen) -> tuple[str, str]:
    """``<time> ALLOW|DENY|UNREADABLE key=value ...``, printable and bounded, and its colour."""
    leg = leg_name(seen.verdict)
    named = {"symbol": _short(seen.symbol), **({"position_side": leg} if leg else {})}
    time, names = at(entry_ms(seen)), {**named, "plan_id": _short(seen.plan_id)}
    if not is_sound(seen):
        why = "the verdict can't be read, or the entry contradicts it"
        return as_text(
            {"timestamp": time, "event": "UNREADABLE", **names, "entry_id": seen.entry_id, "why": why}
        ), "red"
    if seen.allowed:
        found = {name: _short(seen.verdict.get(name)) for name in _ALLOWED}
        return as_text({"timestamp": time, "event": "ALLOW", **names, **found}), "green"
    line = {"timestamp": time, "event": "DENY", "reason": _short(seen.reason), **names, **dict(_details(seen.verdict))}
    return as_text(line), "red" if seen.reason in _ALARMING else "yellow"


def json_of(seen: VerdictSeen) -> dict[str, Any]:
    """The verdict as a JSON object; an oversized verdict of a foreign writer is left out."""
    size = len(exact_json.dumps(seen.verdict))
    return {
        "ts_ms": entry_ms(seen),
        "entry_id": seen.entry_id,
        "symbol": seen.symbol[:MAX_CHARS],
        "plan_id": seen.plan_id[:MAX_CHARS],
        "allow": seen.allowed,
        "reason": seen.reason[:MAX_CHARS] or None,
        "sound": is_sound(seen),
        "verdict": seen.verdict if size <= MAX_VERDICT_CHARS else None,
    }


def entry_ms(seen: VerdictSeen) -> int:
    """Redis TIME of the entry."""
    return int(seen.entry_id.partition("-")[0])


def _details(verdict: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    details = verdict.get("details")
    if not isinstance(details, Mapping):
        return
    for name in list(details)[:MAX_DETAILS]:
        if details[name] is not None and _NAME.fullmatch(name) and name not in _TAKEN:
            yield name, _short(details[name])


def _short(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return value if len(value) <= MAX_CHARS else f"{value[:MAX_CHARS]}...({len(value)} characters)"
