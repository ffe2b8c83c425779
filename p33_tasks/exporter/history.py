"""The last hour in a small ring, for the page's trends: one sample every ten seconds, in this process only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low

from p33_tasks.exporter.counters import bucket_counts
from p33_tasks.store.verdict_calls import LATENCY_BUCKETS_MS
from p33_tasks.views.overview import Overview

PERIOD_SEC = 10
KEPT = 360
MINUTE_MS = 60_000
MAX_POINTS = 60
"""Of one symbol's line, since a page shows many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample of the cluster. If Redis doesn't answer there is no sample, but a gap."""

    at_ms: int  # Redis TIME
    median_age_ms: int | None  # of all existing snapshots
    oldest_age_ms: int | None
    allowed: int  # since the counters' start
    denied: int
    latency: tuple[int, ...]  # observations per bucket, since the counters' start
    adapted_ms: Mapping[str, int] = field(default_factory=dict)  # the adaptive cooldown, by position, if there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a trend; None: unknown, or nothing happened."""

    at_ms: int
    value: float | None


class History:
    """The samples, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._samples: deque[Sample] = deque(maxlen=kept)

    def add(self, overview: Overview) -> None:
        """Keep one sample. A time not after the last one's (the clock stepped back) restarts the history."""
        sample = _sample(overview)
        if self._samples and sample.at_ms <= self._samples[-1].at_ms:
            self._samples.clear()
        self._samples.append(sample)

    @property
    def span_ms(self) -> int:
        """Milliseconds from the first sample to the last."""
        return self._samples[-1].at_ms - self._samples[0].at_ms if self._samples else 0

    def median_age_sec(self) -> list[Point]:
        """Median age of the snapshots at each sample, in seconds."""
        return [Point(at_ms=s.at_ms, value=_sec(s.median_age_ms)) for s in self._samples]

    def oldest_age_sec(self) -> list[Point]:
        """Age of the oldest snapshot at each sample, in seconds."""
        return [Point(at_ms=s.at_ms, value=_sec(s.oldest_age_ms)) for s in self._samples]

    def allowed_per_minute(self) -> list[Point]:
        """Allows per minute, between two samples."""
        return [_rate(a, b, b.allowed - a.allowed) for a, b in self._steps()]

    def denied_per_minute(self) -> list[Point]:
        """Denies per minute, between two samples."""
        return [_rate(a, b, b.denied - a.denied) for a, b in self._steps()]

    def latency_ms(self, share: float) -> list[Point]:
        """The ``share`` quantile of the verdicts' latency between two samples; None if there was no verdict."""
        return [
            Point(at_ms=b.at_ms, value=quantile_ms(_increase(a.latency, b.latency), share)) for a, b in self._steps()
        ]

    def cooldown_sec(self, position: str, base_ms: int) -> list[Point]:
        """A position's cooldown over the whole time, at most ``MAX_POINTS`` points; empty if it was never adapted.

        Args:
            position: The position key.
            base_ms: Its cooldown at samples without an adaptive one.
        """
        if not any(position in sample.adapted_ms for sample in self._samples):
            return []
        stride = -(-len(self._samples) // MAX_POINTS)
        looks = list(self._samples)[::-stride][::-1]  # includes the latest sample
        return [Point(at_ms=s.at_ms, value=max(base_ms, s.adapted_ms.get(position, 0)) / 1000) for s in looks]

    def _steps(self) -> Iterator[tuple[Sample, Sample]]:
        """Pairs of neighbouring samples; none across a gap."""
        for before, after in pairwise(self._samples):
            if after.at_ms - before.at_ms < 3 * PERIOD_SEC * 1000:
                yield before, after


def quantile_ms(counts: Sequence[int], share: float) -> float | None:
    """A quantile from bucket counts, linear within a bucket, as in Prometheus's ``histogram_quantile``."""
    total = sum(counts)
    if total <= 0:
        return None
    wanted, seen, low = share * total, 0, 0
    for bound, count in zip((*LATENCY_BUCKETS_MS, LATENCY_BUCKETS_MS[-1]), counts, strict=True):
        if count and seen + count >= wanted:
            return low + (bound - low) * (wanted - seen) / count
        seen, low = seen + count, bound
    return float(LATENCY_BUCKETS_MS[-1])


def totals(counters: Mapping[str, int]) -> tuple[int, int]:
    """All allows and all denies since the counters' start."""
    sums = {"allow": 0, "deny": 0}
    for name, value in counters.items():
        if name.startswith("p33_permit_total|"):
            decision = name.rpartition("|")[2]
            sums[decision] = sums.get(decision, 0) + value
    return sums["allow"], sums["deny"]


def _sample(overview: Overview) -> Sample:
    allowed, denied = totals(overview.counters)
    ages = [view.snapshot_age_ms for view in overview.symbols if view.snapshot_age_ms is not None]
    return Sample(
        at_ms=overview.now_ms,
        median_age_ms=median_low(ages) if ages else None,
        oldest_age_ms=max(ages, default=None),
        allowed=allowed,
        denied=denied,
        latency=bucket_counts(overview.counters, "p33_permit_latency_seconds", LATENCY_BUCKETS_MS),
        adapted_ms={
            view.position: own_ms
            for view in overview.symbols
            if (own_ms := view.facts.limits.adaptive_cooldown_ms) is not None
        },
    )


def _sec(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _rate(before: Sample, after: Sample, increase: int) -> Point:
    """The rate per minute, never negative: counters restart at 0 after Redis lost them."""
    return Point(at_ms=after.at_ms, value=max(0, increase) * MINUTE_MS / (after.at_ms - before.at_ms))


def _increase(before: Sequence[int], after: Sequence[int]) -> list[int]:
    return [max(0, b - a) for a, b in zip(before, after, strict=True)]
