"""Small trends as inline SVG. Lines differ by dashes as well as by colour; each says in words what it shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p33_tasks.domain.models import Policy
from p33_tasks.exporter.history import PERIOD_SEC, History, Point
from p33_tasks.exporter.page.text import esc

WIDTH, HEIGHT = 1000, 100
LEAST_SPAN_MS = 300_000
GAP_MS = 3 * PERIOD_SEC * 1000

Line = tuple[str, str, Sequence[Point]]  # class, name, points


def trends(history: History, policy: Policy) -> str:
    """The three trends, or what to wait for."""
    if history.span_ms == 0:
        return f'<p class="soft">Trends begin now: one look every {PERIOD_SEC} s, kept for an hour by this process.</p>'
    limit_sec = policy.stale_threshold_ms / 1000
    median, oldest = history.median_age_sec(), history.oldest_age_sec()
    fast, slow = history.latency_ms(0.5), history.latency_ms(0.99)
    figures = (
        figure(
            "Snapshot age",
            "s",
            [("a", "median", median), ("b", "oldest", oldest)],
            span_ms=history.span_ms,
            limit=limit_sec,
            most=limit_sec * 3,
        ),
        figure(
            "Verdicts per minute",
            "",
            [("a", "allowed", history.allowed_per_minute()), ("b", "denied", history.denied_per_minute())],
            span_ms=history.span_ms,
        ),
        figure("Entry to permit", "ms", [("a", "half", fast), ("b", "99 %", slow)], span_ms=history.span_ms),
    )
    return f'<div class="plots">{"".join(figures)}</div>'


def figure(
    title: str, unit: str, lines: Sequence[Line], *, span_ms: int, limit: float | None = None, most: float | None = None
) -> str:
    """One plot.

    Args:
        title: What it shows.
        unit: Of the values.
        lines: At most two.
        span_ms: How far back they go.
        limit: A line that should not be crossed.
        most: Larger values are drawn at the upper edge, so that one outlier doesn't flatten the rest.
    """
    values = [p.value for _, _, points in lines for p in points if p.value is not None]
    most_seen = max([*values, (limit or 0) * 1.2])
    top = _nice(min(most_seen if most_seen > 0 else 1.0, most or float("inf")))
    end_ms = max((p.at_ms for _, _, points in lines for p in points), default=0)
    shown_ms = max(span_ms, LEAST_SPAN_MS)
    unit = f" {unit}" if unit else ""
    drawn = "".join(
        f'<path class="{kind}" vector-effect="non-scaling-stroke" d="{_path(points, end_ms, shown_ms, top)}"/>'
        for kind, _, points in lines
    )
    keys = " ".join(
        f'<svg class="key" viewBox="0 0 22 8" aria-hidden="true"><path class="{kind}" d="M1 4H21"/></svg>'
        f"{esc(name)} {_last(points, unit)}"
        for kind, name, points in lines
    )
    words = "; ".join(f"{name} now {_last(points, unit)}" for _, name, points in lines)
    rule = _rule(limit, top) if limit is not None else ""
    told = f", limit {limit:g}{unit}" if limit is not None else ""
    return (
        f"<figure><figcaption><b>{esc(title)}</b><span>{keys}</span></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{esc(f"{title}: {words}{told}", 300)}">'
        f'<path class="frame" vector-effect="non-scaling-stroke" d="M0 0H{WIDTH}M0 {HEIGHT}H{WIDTH}"/>'
        f"{rule}{drawn}</svg>"
        f'<div class="axis"><span>{shown_ms // 60_000} min ago</span><span>0 to {top:g}{unit}{told}</span>'
        "<span>now</span></div></figure>"
    )


def _rule(limit: float, top: float) -> str:
    y = HEIGHT * (1 - min(limit, top) / top)
    return f'<path class="limit" vector-effect="non-scaling-stroke" d="M0 {y:.1f}H{WIDTH}"/>'


def _path(points: Sequence[Point], end_ms: int, shown_ms: int, top: float) -> str:
    known = [(p.at_ms, p.value) for p in points if p.value is not None]
    places = [
        (at_ms, WIDTH * (1 - (end_ms - at_ms) / shown_ms), HEIGHT * (1 - min(value, top) / top))
        for at_ms, value in known
    ]
    return " ".join(_steps(places))


def _steps(places: Sequence[tuple[int, float, float]]) -> Iterator[str]:
    """A line through neighbours; a dot where there are none, and a gap where nothing is known."""
    for at, (at_ms, x, y) in enumerate(places):
        joined = at > 0 and at_ms - places[at - 1][0] <= GAP_MS
        yield f"L{x:.1f} {y:.1f}" if joined else f"M{x:.1f} {y:.1f}h0.1"


def _last(points: Sequence[Point], unit: str) -> str:
    value = points[-1].value if points else None
    if value is None:
        return "-"
    return (f"{value:.3g}" if value < 100 else f"{value:.0f}") + unit  # noqa: PLR2004 - three digits


def _nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ..."""
    scale = 1.0
    while scale < value:
        scale *= 10
    while scale / 10 >= value:
        scale /= 10
    return next(scale * part for part in (0.1, 0.2, 0.5, 1.0) if scale * part >= value * (1 - 1e-9))
