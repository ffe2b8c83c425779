"""The forecaster's status in Redis, read by ``p33 forecast status``, the page and the metrics.

No verdict depends on it. Any other value under its key is ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from p33_tasks.contract.fields import MAX_SYMBOL_CHARS
from p33_tasks.domain.reasons import Reason

MAX_CHARS = 200_000
MAX_WORDS = 300
MOST_WARNINGS = 50
BINS = 10
_POSITION_CHARS = MAX_SYMBOL_CHARS + len(":SHORT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenth:
    """Predictions of about the last 15 minutes whose probability was in one tenth of the range 0 to 1."""

    count: float = 0.0
    forecast: float = 0.0  # their mean probability
    came: float = 0.0  # the share that came true


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A likely plan that would be denied now."""

    position: str
    action: str  # e.g. CLOSE_FULL
    probability: float
    reason: str  # a reason of CONTRACT section 5
    words: str  # the numbers that explain the reason
    since_ms: int  # Redis TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastStatus:
    """The status at one moment. Means and rates cover the recent past; None: no data yet."""

    ts_ms: int  # Redis TIME
    speaks: bool  # whether forecasts are published
    why: str
    positions: int
    left_out: int  # beyond the maximum number
    weight: float  # number of samples in the scores
    brier: float | None = None
    base_brier: float | None = None
    log_loss: float | None = None
    base_log_loss: float | None = None
    hit_rate: float | None = None  # share of plans that were forecast early enough to be prepared
    cost: float | None = None  # forecasts per such plan
    limit: float = 1.0  # least probability that is published
    totals: Mapping[str, int] = field(default_factory=dict)  # see TOTALS; counters that never decrease
    tenths: tuple[Tenth, ...] = (Tenth(),) * BINS
    warnings: tuple[Ahead, ...] = ()


TOTALS = ("samples", "plans", "foreseen", "published", "promoted", "warnings", "wishes", "ignored")
"""Samples used for learning; closing plans; those of them that were forecast; forecasts published;
plans issued from a prepared verdict; warnings begun; refreshes requested; unusable entries."""


def encode_status(status: ForecastStatus) -> str:
    """One line of JSON."""
    return json.dumps(asdict(status), separators=(",", ":"), allow_nan=False)


def decode_status(text: object) -> ForecastStatus | None:
    """Read what ``encode_status`` wrote; None for any other value."""
    if not isinstance(text, str) or len(text) > MAX_CHARS:
        return None
    try:
        found = json.loads(text)
        return ForecastStatus(
            ts_ms=_whole(found["ts_ms"]),
            speaks=found["speaks"] is True,
            why=_text(found["why"], MAX_WORDS),
            positions=_whole(found["positions"]),
            left_out=_whole(found["left_out"]),
            weight=_number(found["weight"]),
            **{name: _optional(found[name]) for name in _OPTIONAL},
            limit=_number(found["limit"]),
            totals={name: _whole(found["totals"][name]) for name in TOTALS},
            tenths=_tenths(found["tenths"]),
            warnings=tuple(map(_ahead, found["warnings"][:MOST_WARNINGS])),
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, AttributeError):
        return None


_OPTIONAL = ("brier", "base_brier", "log_loss", "base_log_loss", "hit_rate", "cost")
_REASONS = frozenset(map(str, Reason))


def _tenths(found: Any) -> tuple[Tenth, ...]:
    if len(found) != BINS:
        raise ValueError("not ten bins")
    return tuple(Tenth(**{name: _number(one[name]) for name in ("count", "forecast", "came")}) for one in found)


def _ahead(found: Mapping[str, Any]) -> Ahead:
    if found["reason"] not in _REASONS:
        raise ValueError("no reason of ours")
    return Ahead(
        position=_text(found["position"], _POSITION_CHARS),
        action=_text(found["action"], MAX_SYMBOL_CHARS),
        probability=_number(found["probability"]),
        reason=found["reason"],
        words=_text(found["words"], MAX_WORDS),
        since_ms=_whole(found["since_ms"]),
    )


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str) or len(value) > limit or not value.isprintable():
        raise ValueError("not a text of ours")
    return value


def _optional(value: Any) -> float | None:
    return None if value is None else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError("not a figure")
    return float(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**15:
        raise ValueError("not a count")
    return value
