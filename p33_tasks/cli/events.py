"""One line per verdict and result, with the reason and the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from p33_tasks.cli.show import escaped
from p33_tasks.contract.results import parse_result
from p33_tasks.errors import InvalidMessageError
from p33_tasks.ports import ExecutionResult
from p33_tasks.views.feed import ResultSeen, VerdictSeen
from p33_tasks.views.narrative import number

# Label and unit of the details in a line; other details have their own name.
_LABELS = {
    "exchange_position_amt": ("exchange", ""),
    "ledger_position_amt": ("ledger", ""),
    "diff_pct": ("drift", " %"),
    "tolerance_pct": ("tolerance", " %"),
    "snapshot_age_sec": ("snapshot age", " s"),
    "threshold_sec": ("limit", " s"),
    "seconds_since_order": ("last order", " s ago"),
    "cooldown_sec": ("cooldown", " s"),
    "in_flight_plan_id": ("held by", ""),
    "retry_after_sec": ("retry after", " s"),
}
_MAX_DETAILS = 8
_LEFT_TO_EXPLAIN = frozenset({"remedy", "since_ms", "until_ms"})  # too long for a line, which has the duration instead
MAX_PLAN_ID = 60
"""Long enough for the demo's, which contain the case's name."""


def event_line(event: VerdictSeen | ResultSeen) -> tuple[str, str]:
    """The line, escaped, and its colour."""
    return _verdict_line(event) if isinstance(event, VerdictSeen) else _result_line(event)


def _verdict_line(event: VerdictSeen) -> tuple[str, str]:
    who = _who(event.symbol, event.plan_id, event.verdict.get("position_side"))
    head = f"{clock(event.entry_id)} {'ALLOW' if event.allowed else 'DENY '} {who}"
    if event.allowed:
        names = ("order_side", "safe_close_qty", "exchange_position_amt", "snapshot_age_sec")
        side, quantity, position, age = (escaped(number(event.verdict.get(name)), limit=40) for name in names)
        return f"{head} {side} {quantity} of {position}, snapshot {age} s old", "green"
    details = event.verdict.get("details")
    numbers = ", ".join(_details(details)) if isinstance(details, Mapping) else ""
    return f"{head} {escaped(event.reason)}  {numbers}".rstrip(), "yellow"


def _details(details: Mapping[str, Any]) -> Iterator[str]:
    listed = [(name, value) for name, value in details.items() if name not in _LEFT_TO_EXPLAIN]
    for name, value in listed[:_MAX_DETAILS]:
        label, unit = _LABELS.get(name, (escaped(name, limit=40), ""))
        yield f"{label} {escaped(number(value), limit=60)}{unit}"


def result_of(event: ResultSeen) -> ExecutionResult | None:
    """The result as the ledger reads it; None for a dead letter."""
    try:
        return parse_result(event.fields)
    except InvalidMessageError:
        return None


def _result_line(event: ResultSeen) -> tuple[str, str]:
    result = result_of(event)
    time = clock(event.entry_id)
    if result is None:
        return f"{time} ???   a result that can't be read: {escaped(dict(event.fields), limit=80)}", "red"
    legs = {fill.leg for fill in result.fills}
    head = _who(result.symbol, result.plan_id, legs.pop() if len(legs) == 1 else None)
    if result.executed:
        orders = ", ".join(
            f"{fill.side or '?'} {number(fill.cumulative_qty)} order {escaped(fill.order_id, limit=40)}"
            for fill in result.fills
        )
        return f"{time} EXEC  {head} {orders}", "bold cyan"
    error, reason = event.fields.get("error", ""), event.fields.get("reason", "")
    why = f"{escaped(error, limit=80)} {escaped(reason, limit=60)}".strip()
    return f"{time} BLOCK {head} {why}", "dim"


def _who(symbol: str, plan_id: str, leg: object) -> str:
    position = escaped(symbol, limit=20) + (f":{leg}" if leg in ("LONG", "SHORT") else "")
    return f"{position:<13} {escaped(plan_id, limit=MAX_PLAN_ID):<22}"


def clock(entry_id: str) -> str:
    """The time of an entry id, UTC, to the millisecond; dashes if it is out of the calendar's range."""
    ms = int(entry_id.partition("-")[0])
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError, OSError):
        return "--:--:--.---"
