"""The format of a position's statistics in Redis: JSON, read by this service only."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from p33_tasks.domain.quantities import canonical, parse_quantity
from p33_tasks.domain.statistics import SETTLE_SAMPLES, Statistics

MAX_CHARS = 4_000
_FLOATS = ("mark", "fast", "fast_weight", "slow", "slow_weight", "observed_sec")


def encode_statistics(statistics: Statistics) -> str:
    """One line of JSON."""
    amount = statistics.ledger_amt
    fields: dict[str, Any] = {name: getattr(statistics, name) for name in _FLOATS}
    fields |= {"mark_ms": statistics.mark_ms, "ordered_ms": statistics.ordered_ms, "fill_ms": statistics.fill_ms}
    fields["settled_ms"] = statistics.settled_ms
    return json.dumps({**fields, "ledger_amt": None if amount is None else canonical(amount)}, separators=(",", ":"))


def decode_statistics(text: object) -> Statistics:
    """Read what ``encode_statistics`` wrote; for any other value, empty statistics, which begin anew."""
    if not isinstance(text, str) or len(text) > MAX_CHARS:
        return Statistics()
    try:
        fields = json.loads(text)
        amount, fill_ms, ordered_ms = fields["ledger_amt"], fields["fill_ms"], fields["ordered_ms"]
        return Statistics(
            **{name: _finite(fields[name]) for name in _FLOATS},
            mark_ms=_time(fields["mark_ms"]),
            ledger_amt=None if amount is None else parse_quantity(amount),
            ordered_ms=None if ordered_ms is None else _time(ordered_ms),
            fill_ms=None if fill_ms is None else _time(fill_ms),
            settled_ms=tuple(map(_time, fields["settled_ms"]))[-SETTLE_SAMPLES:],
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return Statistics()


def mark_of(text: str | None) -> float | None:
    """A snapshot's mark price in quote units; None if it has none, or if the text is not a number."""
    try:
        value = float(parse_quantity(text)) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def amount_of(text: str | None) -> Decimal | None:
    """A stored amount in base units; None if it is missing or not a number."""
    try:
        return parse_quantity(text) if text else None
    except ValueError:
        return None


def _finite(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number) or number < 0:
        raise ValueError("not a statistic")
    return number


def _time(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**14:
        raise ValueError("not a time")
    return value
