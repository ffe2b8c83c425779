"""Statistics of one symbol's snapshots over time: volatility, and the time until the venue shows a fill.

Floats are permitted here. Statistics reach a verdict only as a cooldown in tenths of a second, never below the one in
force (CONTRACT section 10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

FAST_SEC = 300.0
SLOW_SEC = 86_400.0
"""The two windows: a window has 95 % of the weight of its exponentially weighted mean."""
MIN_OBSERVED_SEC = 120.0
"""Minimum observed time for a ratio."""
MAX_GAP_SEC = 60.0
"""A longer time without a new mark is a gap or a halt, and the change of the mark in it isn't counted."""
ABSURD = 10.0
"""A mark that changes by this factor or more, up or down, is an error or a redenomination."""
MAX_SETTLE_MS = 120_000
"""A difference between ledger and snapshot that lasts longer is drift, not a fill that the venue shows late."""
SETTLE_SAMPLES = 32
MIN_SETTLE_SAMPLES = 3
SETTLE_MARGIN = 1.5
TENTH_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The statistics of one position."""

    mark: float = 0.0  # the last one counted; 0: none yet
    mark_ms: int = 0  # Redis TIME of its snapshot
    fast: float = 0.0  # exponentially weighted mean of squared logarithmic change per second, 5 minutes
    fast_weight: float = 0.0  # the weight so far; the estimate is fast / fast_weight
    slow: float = 0.0  # the same, a day
    slow_weight: float = 0.0
    observed_sec: float = 0.0  # the time counted so far
    ledger_amt: Decimal | None = None  # at the last update
    ordered_ms: int | None = None  # Redis TIME of the last order, at the last update
    fill_ms: int | None = None  # Redis TIME of a recorded fill that no snapshot shows yet
    settled_ms: tuple[int, ...] = ()  # ms from recording a fill to the first snapshot that shows it, latest values

    @property
    def ratio(self) -> float | None:
        """Volatility of the last 5 minutes divided by that of the last day, at least 1; None: too little data."""
        if self.observed_sec < MIN_OBSERVED_SEC or not self.slow or not self.slow_weight or not self.fast_weight:
            return None
        ratio = math.sqrt((self.fast / self.fast_weight) / (self.slow / self.slow_weight))
        return max(1.0, ratio) if math.isfinite(ratio) else None

    @property
    def settle_p95_ms(self) -> int | None:
        """The 95th percentile of the settlement times in ms; None: too few."""
        if len(self.settled_ms) < MIN_SETTLE_SAMPLES:
            return None
        return sorted(self.settled_ms)[math.ceil(0.95 * len(self.settled_ms)) - 1]


def with_mark(known: Statistics, mark: float | None, ts_ms: int) -> Statistics:
    """The statistics with one more snapshot; a snapshot that was counted before changes nothing.

    Args:
        known: The statistics so far.
        mark: The snapshot's mark price; None: it has none.
        ts_ms: The snapshot's time, Redis TIME.
    """
    if mark is None or not math.isfinite(mark) or mark <= 0 or ts_ms <= known.mark_ms:
        return known
    fresh = replace(known, mark=mark, mark_ms=ts_ms)
    elapsed_sec = (ts_ms - known.mark_ms) / 1000
    if not known.mark or elapsed_sec > MAX_GAP_SEC or not 1 / ABSURD < mark / known.mark < ABSURD:
        return fresh
    if mark == known.mark:
        return known  # the next change is spread over the whole time since the last one
    change = math.log(mark / known.mark) ** 2 / elapsed_sec
    fast, fast_weight = _mean(known.fast, known.fast_weight, change, elapsed_sec, FAST_SEC)
    slow, slow_weight = _mean(known.slow, known.slow_weight, change, elapsed_sec, SLOW_SEC)
    return replace(
        fresh,
        fast=fast,
        fast_weight=fast_weight,
        slow=slow,
        slow_weight=slow_weight,
        observed_sec=min(known.observed_sec + elapsed_sec, SLOW_SEC),
    )


def with_amounts(
    known: Statistics, *, position_amt: Decimal, ts_ms: int, ledger_amt: Decimal | None, ordered_ms: int | None
) -> Statistics:
    """The statistics with the current amounts of ledger and snapshot.

    Args:
        known: The statistics so far.
        position_amt: The snapshot's amount, signed base units.
        ts_ms: The snapshot's time, Redis TIME.
        ledger_amt: The ledger's amount, signed base units; None: unknown.
        ordered_ms: Redis TIME at which the last order was recorded.
    """
    fill_ms, settled = known.fill_ms, known.settled_ms
    # A ledger that changed without an order was adopted or repaired: there is no fill to wait for.
    if None not in {known.ledger_amt, ledger_amt} and ledger_amt != known.ledger_amt and ordered_ms != known.ordered_ms:
        fill_ms = ordered_ms
    if fill_ms is not None and ts_ms - fill_ms > MAX_SETTLE_MS:
        fill_ms = None
    if fill_ms is not None and ledger_amt is not None and ledger_amt == position_amt:
        settled = (*settled, max(0, ts_ms - fill_ms))[-SETTLE_SAMPLES:]
        fill_ms = None
    return replace(known, ledger_amt=ledger_amt, ordered_ms=ordered_ms, fill_ms=fill_ms, settled_ms=settled)


def adapted_cooldown(known: Statistics, *, in_force_ms: int, max_ms: int) -> tuple[int, str] | None:
    """The longer cooldown by the statistics, with its cause; None: the one in force is long enough.

    ``max(in force, min(max, max(in force x ratio, 1.5 x settle_p95)))``, rounded up to a tenth of a second.

    Returns:
        Milliseconds above ``in_force_ms``, at most ``max_ms``; ``volatility`` or ``settlement``.
    """
    by_ratio_ms = in_force_ms * (known.ratio or 1.0)
    by_settlement_ms = SETTLE_MARGIN * (known.settle_p95_ms or 0)
    wanted_ms = min(float(max_ms), max(by_ratio_ms, by_settlement_ms))
    tenths_ms = min(max_ms, math.ceil(wanted_ms / TENTH_MS) * TENTH_MS)
    if wanted_ms <= in_force_ms or tenths_ms <= in_force_ms:
        return None
    return tenths_ms, "settlement" if by_settlement_ms >= by_ratio_ms else "volatility"


def measured(known: Statistics, by: str) -> Decimal:
    """The measured value behind a cooldown, to show it: the ratio, or the settlement times' 95th percentile in s."""
    if by == "settlement":
        return Decimal(known.settle_p95_ms or 0).scaleb(-3)
    return Decimal(f"{known.ratio or 1:.2f}")


def _mean(mean: float, weight: float, value: float, elapsed_sec: float, window_sec: float) -> tuple[float, float]:
    share = 1 - math.exp(-3 * elapsed_sec / window_sec)  # 1 - e^-3 is 95 %
    return mean + share * (value - mean), weight + share * (1 - weight)
