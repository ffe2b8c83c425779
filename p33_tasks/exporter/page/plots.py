"""Small trends as inline SVG. Lines differ by dashes as well as by colour; each plot has a text description."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import inf
from typing import NamedTuple

from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Policy
from p33_tasks.exporter.history import PERIOD_SEC, History, Point
from p33_tasks.views.positions import SymbolView

WIDTH, HEIGHT = 1000, 100
LEAST_SPAN_MS = 300_000
GAP_MS = 3 * PERIOD_SEC * 1000


class Line(NamedTuple):
    """One line of a plot."""

    kind: str  # its CSS class: a (solid) or b (dashed)
    name: str
    last: str  # its newest value, as text
    path: str


class Figure(NamedTuple):
    """One plot."""

    title: str
    lines: tuple[Line, ...]
    minutes: int  # the time span in minutes
    scale: str  # its vertical scale and its limit, as text
    limit_y: float | None  # vertical position of the limit


def trends(history: History, policy: Policy) -> tuple[Figure, ...]:
    """The three trends; empty before the second sample."""
    span_ms, limit_sec = history.span_ms, policy.stale_threshold_ms / 1000
    if not span_ms:
        return ()
    ages = {"median": history.median_age_sec(), "oldest": history.oldest_age_sec()}
    rates = {"allowed": history.allowed_per_minute(), "denied": history.denied_per_minute()}
    waits = {"median": history.latency_ms(0.5), "99 %": history.latency_ms(0.99)}
    return (
        figure("Snapshot age", "s", ages, span_ms=span_ms, limit=limit_sec, most=limit_sec * 3),
        figure("Verdicts per minute", "", rates, span_ms=span_ms),
        figure("Entry to permit", "ms", waits, span_ms=span_ms),
    )


def cooldowns(history: History, view: SymbolView, policy: Policy) -> Figure | None:
    """A position's cooldown over the last hour, with the configured one; None if it was never adapted."""
    limits = view.facts.limits
    base_ms = in_force(policy, replace(limits, adaptive_cooldown_ms=None), view.facts.now_ms).cooldown_ms
    points = history.cooldown_sec(view.position, base_ms)
    if not points or not history.span_ms:
        return None
    values = [point.value for point in points if point.value is not None]
    name = f"{min(values):.3g} to {max(values):.3g} s"
    stride_ms = max(b.at_ms - a.at_ms for a, b in pairwise(points)) if len(points) > 1 else 0
    return figure(
        f"Cooldown of {view.position}",
        "s",
        {name: points},
        span_ms=history.span_ms,
        limit=base_ms / 1000,
        gap_ms=max(GAP_MS, stride_ms),
        is_small=True,
    )


def figure(
    title: str,
    unit: str,
    lines: dict[str, list[Point]],
    *,
    span_ms: int,
    limit: float | None = None,
    most: float = inf,
    gap_ms: int = GAP_MS,
    is_small: bool = False,
) -> Figure:
    """One plot of at most two lines, by name.

    Values above ``most`` are drawn at the upper edge, so that one outlier doesn't flatten the rest.
    """
    values = [point.value for points in lines.values() for point in points if point.value is not None]
    highest = min(max([*values, (limit or 0) * 1.2]) or 1.0, most)
    top = highest if is_small else _nice(highest)
    end_ms = max((point.at_ms for points in lines.values() for point in points), default=0)
    shown_ms = max(span_ms, LEAST_SPAN_MS)
    unit = f" {unit}" if unit else ""
    drawn = (
        Line(kind, name, _last(points, unit), " ".join(_path(points, end_ms, shown_ms, top, gap_ms)))
        for kind, (name, points) in zip("ab", lines.items(), strict=False)
    )
    limited, limit_y = ("", None) if limit is None else (f", limit {limit:g}{unit}", _y(limit, top))
    return Figure(title, tuple(drawn), shown_ms // 60_000, f"0 to {top:g}{unit}{limited}", limit_y)


def _y(value: float, top: float) -> float:
    return round(HEIGHT * (1 - min(value, top) / top), 1)


def _path(points: Sequence[Point], end_ms: int, shown_ms: int, top: float, gap_ms: int) -> Iterator[str]:
    """The SVG path through the samples; a dot after too long a pause, a gap where the value is unknown."""
    before_ms = -inf
    for at_ms, value in ((point.at_ms, point.value) for point in points):
        if value is not None:
            place = f"{WIDTH * (1 - (end_ms - at_ms) / shown_ms):.1f} {_y(value, top):.1f}"
            yield f"L{place}" if at_ms - before_ms <= gap_ms else f"M{place}h0.1"
            before_ms = at_ms


def _last(points: Sequence[Point], unit: str) -> str:
    value = points[-1].value if points else None
    if value is None:
        return "-"
    return (f"{value:.3g}" if value < 100 else f"{value:.0f}") + unit  # noqa: PLR2004 - three digits


def _nice(value: float) -> float:
    """The value rounded up to 1, 2, 5, 10, 20, ..."""
    scale = 1.0
    while scale < value:
        scale *= 10
    while scale / 10 >= value:
        scale /= 10
    return next(scale * part for part in (0.1, 0.2, 0.5, 1.0) if scale * part >= value * (1 - 1e-9))
