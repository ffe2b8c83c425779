"""Whether the cluster can serve plans: Redis reachable, snapshots fresh, streams not lagging."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from p33_tasks.domain.models import Policy
from p33_tasks.domain.rules.snapshot import other_life
from p33_tasks.exporter.cluster import Reading
from p33_tasks.exporter.gauges import oldest_sec, snapshot_is_usable, unreadable_keys
from p33_tasks.exporter.page.text import printable
from p33_tasks.views.overview import Overview
from p33_tasks.views.positions import SymbolView
from p33_tasks.views.streams import MAX_AHEAD_MS, StreamView

MAX_WAIT_SEC = 5.0
"""Longer than a verdict (1.2 s) and the takeover of a dead worker's entry (1 s): an older entry isn't processed."""
MISSED_TICKS, GRACE_MS = 3, 5_000
"""As the alert P33BeatMissing."""
MAX_LINE_CHARS = 600
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The answer and its reasons."""

    problems: tuple[str, ...]  # each one makes the cluster not ready
    warnings: tuple[str, ...]  # shown, but don't change readiness

    @property
    def ready(self) -> bool:
        """Whether the cluster serves plans."""
        return not self.problems

    def text(self) -> str:
        """The text of ``/readyz``: the answer, then a reason per line."""
        lines = ["ready" if self.ready else "not ready"]
        lines += [f"- {printable(problem, MAX_LINE_CHARS)}" for problem in self.problems]
        lines += [f"(warning) {printable(warning, MAX_LINE_CHARS)}" for warning in self.warnings]
        return "\n".join(lines) + "\n"


def readiness(reading: Reading, policy: Policy) -> Readiness:
    """The readiness by one reading.

    One symbol without a snapshot, e.g. a delisted one, is a warning. If no symbol has a usable snapshot, every plan is
    denied, and the cluster isn't ready.
    """
    overview = reading.overview
    if overview is None:
        return Readiness(problems=(reading.problem,), warnings=())
    stale = [view for view in overview.symbols if not snapshot_is_usable(view, policy)]
    all_stale = len(stale) == len(overview.symbols)
    stale_text = _stale_text(stale, len(overview.symbols), policy) if stale else None
    problems = [stale_text] if stale_text and all_stale else []
    warnings = [stale_text] if stale_text and not all_stale else []
    problems += _beat_is_dead(overview, policy)
    for stream in overview.streams:
        if stream.name in {"plans", "results"}:
            problems += _lagging(stream, overview.now_ms)
            if stream.is_closed:
                problems.append(f"stream {stream.key}: its last id is the greatest possible, XADD fails; RENAME it")
            elif (ahead_ms := stream.ahead_ms(overview.now_ms)) > MAX_AHEAD_MS:
                warnings.append(f"stream {stream.key}: its last id is {ahead_ms / 1000:.1f} s ahead of Redis's clock")
            if not stream.readers:
                warnings.append(f"no process reads {stream.key}: start a worker, or p33 ingest")
    return Readiness(problems=tuple(problems), warnings=(*warnings, *_other_warnings(overview)))


def _stale_text(stale: list[SymbolView], of: int, policy: Policy) -> str:
    named = ", ".join(f"{view.position} {_snapshot_problem(view, policy)}" for view in stale[:_NAMED])
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    return f"snapshots: {len(stale)} of {of} not usable: {named}{more}; see p33 check"


def _snapshot_problem(view: SymbolView, policy: Policy) -> str:
    facts, age_ms = view.facts, view.snapshot_age_ms
    if facts.snapshot_problem:
        return "can't be read"
    if facts.snapshot is None or age_ms is None:
        return "has none"
    if facts.snapshot.source != facts.source:
        return "is of another venue"
    if facts.snapshot.run_id != facts.run_id or other_life(facts, facts.snapshot, policy):
        return "is from before Redis restarted, failed over or was emptied"
    return f"is {age_ms / 1000:.1f} s old (limit {policy.stale_threshold_ms / 1000:g} s)"


def _beat_is_dead(overview: Overview, policy: Policy) -> Iterator[str]:
    """Whether beat has stopped. Fresh snapshots don't disprove it: they become stale within the limit."""
    refresh = overview.refresh
    if refresh.paused_ms:
        return
    if refresh.started_ms is None:
        yield "no refresh was ever started: start beat, and a worker for p33.snapshots"
        return
    age_ms, limit_ms = overview.now_ms - refresh.started_ms, MISSED_TICKS * policy.poll_ms + GRACE_MS
    if age_ms > limit_ms:
        yield (
            f"the last refresh began {age_ms / 1000:.1f} s ago (limit {limit_ms / 1000:g} s): "
            "beat, every worker for p33.snapshots, or the broker is down"
        )


def _lagging(stream: StreamView, now_ms: int) -> Iterator[str]:
    waited_sec = oldest_sec(stream, now_ms)
    if stream.problem:
        yield f"stream {stream.key}: {stream.problem}"
    elif waited_sec > MAX_WAIT_SEC:
        more = " or more" if stream.unread_at_least else ""
        yield (
            f"stream {stream.key}: {stream.lag}{more} waiting, the oldest for {waited_sec:.1f} s "
            f"(limit {MAX_WAIT_SEC:g} s), {stream.readers} readers"
        )


def _other_warnings(overview: Overview) -> Iterator[str]:
    refresh, unreadable = overview.refresh, unreadable_keys(overview)
    if refresh.paused_ms:
        yield f"the exchange asked for a pause: {refresh.paused_ms / 1000:.0f} s left"
    if refresh.error:
        yield f"the last refresh failed: {refresh.error}"
    endless = [view.position for view in overview.symbols if view.reservation_is_endless]
    if endless:
        yield f"reservations without an expiry: {', '.join(endless[:_NAMED])}; the next refresh gives them one"
    if unreadable:
        yield f"{unreadable} keys of ours can't be read; p33 status --json names them"
