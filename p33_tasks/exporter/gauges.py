"""The state of the whole cluster at the moment of the scrape, as gauges.

Decimal becomes binary floating point here only, since Prometheus has no other numbers. No metric is ever read
back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from prometheus_client.core import GaugeMetricFamily, Metric

from p33_tasks.domain.holds import HeldBy
from p33_tasks.domain.models import Policy
from p33_tasks.domain.rules.snapshot import other_life
from p33_tasks.views.overview import Overview, RefreshView
from p33_tasks.views.positions import SymbolView
from p33_tasks.views.streams import StreamView

Number = Decimal | int | float | bool
_STREAM_LABELS = {"plans": "plan", "results": "result"}


def symbol_gauges(views: Sequence[SymbolView], policy: Policy) -> Iterator[Metric]:
    """One sample per position; none if the value is unknown."""
    labels = [(view.position,) for view in views]

    def gauge(name: str, text: str, value: Callable[[SymbolView], Number | None]) -> Metric:
        return _gauge(name, text, ("symbol",), zip(labels, map(value, views), strict=True))

    yield gauge("p33_last_snapshot_ts", "Unix time of the snapshot (before its request was sent); 0: none.", _taken)
    yield gauge("p33_snapshot_age_sec", "Age of the snapshot by Redis TIME, in seconds; +Inf: there is none.", _age)
    yield gauge(
        "p33_snapshot_usable",
        "1: fresh, of this venue, fetched since Redis last restarted; 0: every plan on the symbol is denied.",
        lambda view: snapshot_is_usable(view, policy),
    )
    yield gauge("p33_position_amt", "Signed position on the exchange, base units.", lambda view: view.position_amt)
    yield gauge("p33_ledger_amt", "Signed position by our own fills, base units.", lambda view: view.ledger_amt)
    yield gauge("p33_ledger_known", "1: the ledger has an amount.", lambda view: view.ledger_amt is not None)
    yield gauge(
        "p33_drift_amt", "Exchange less ledger, signed, base units; absent as p33_drift_pct.", lambda v: v.drift_amt
    )
    yield gauge(
        "p33_resting_qty",
        "Resting limit orders that reduce the position, base units; absent: not asked for, or unknown.",
        lambda view: None if view.facts.resting is None else view.facts.resting.qty,
    )
    yield gauge("p33_drift_pct", "Exchange against ledger, percent of the exchange position.", lambda v: v.drift_pct)
    yield gauge(
        "p33_cooldown_remaining_seconds",
        "Remaining cooldown after the last order, seconds.",
        lambda view: view.cooldown_left_ms(policy) / 1000,
    )
    yield gauge(
        "p33_cooldown_sec",
        "Cooldown in force, seconds: the configured one, an operator's, or this service's own.",
        lambda view: view.policy_in_force(policy).cooldown_ms / 1000,
    )
    yield gauge(
        "p33_volatility_ratio",
        "Volatility of the last 5 minutes divided by the last day's, at least 1; absent: unknown, or not adaptive.",
        lambda view: view.volatility_ratio,
    )
    yield _gauge(
        "p33_hold_active",
        "1: a hold of this kind (operator, service) stops the symbol.",
        ("symbol", "kind"),
        (
            ((*label, str(kind)), _is_held(view, kind))
            for label, view in zip(labels, views, strict=True)
            for kind in HeldBy
        ),
    )
    yield gauge(
        "p33_service_hold_seconds",
        "Age of the service's hold on the position, seconds; 0: no hold.",
        _service_hold_sec,
    )
    yield gauge(
        "p33_reservation_active",
        "1: the symbol is reserved for an outstanding allow.",
        lambda view: view.facts.reserved_by is not None,
    )
    yield gauge(
        "p33_reservation_endless",
        "1: the reservation has no expiry; the next refresh gives it one.",
        lambda view: view.reservation_is_endless,
    )


def _is_held(view: SymbolView, kind: HeldBy) -> bool:
    return any(hold.held_by is kind for hold in view.facts.holds)


def snapshot_is_usable(view: SymbolView, policy: Policy) -> bool:
    """Whether a verdict would accept the snapshot: its venue, its life, its age."""
    facts, age_ms = view.facts, view.snapshot_age_ms
    if facts.snapshot is None or age_ms is None:
        return False
    same = (facts.snapshot.source, facts.snapshot.run_id) == (facts.source, facts.run_id)
    return (
        same
        and other_life(facts, facts.snapshot, policy) is None
        and 0 <= age_ms <= (view.policy_in_force(policy).stale_threshold_ms)
    )


def stream_gauges(streams: Iterable[StreamView], now_ms: int) -> Iterator[Metric]:
    """The two streams that are read."""
    named = [(_STREAM_LABELS[stream.name], stream) for stream in streams if stream.name in _STREAM_LABELS]

    def gauge(name: str, text: str, value: Callable[[StreamView], Number | None]) -> Metric:
        return _gauge(name, text, ("stream",), (((label,), value(stream)) for label, stream in named))

    yield gauge("p33_stream_lag", "Entries not yet acknowledged or read.", lambda stream: stream.lag)
    yield gauge("p33_stream_pending", "Entries read and not yet acknowledged.", lambda stream: stream.pending)
    yield gauge(
        "p33_stream_oldest_seconds",
        "Age of the oldest entry not yet acknowledged or read; 0: none waits.",
        lambda stream: oldest_sec(stream, now_ms),
    )
    yield gauge(
        "p33_stream_ahead_seconds",
        "Time by which the stream's last id is ahead of Redis TIME; 0: not ahead.",
        lambda stream: stream.ahead_ms(now_ms) / 1000,
    )
    yield gauge("p33_consumers", "Ingest processes that are alive and read the stream.", lambda stream: stream.readers)


def oldest_sec(stream: StreamView, now_ms: int) -> float:
    """How long the oldest entry has been waiting, in seconds."""
    return 0 if stream.oldest_ms is None else max(0, now_ms - stream.oldest_ms) / 1000


def refresh_gauges(refresh: RefreshView) -> Iterator[Metric]:
    """The bulk requests, and the venue's limits."""
    yield _single(
        "p33_refresh_started_ts",
        "Unix time of the last bulk request to the exchange; 0: never.",
        (refresh.started_ms or 0) / 1000,
    )
    yield _single(
        "p33_refresh_last_success_ts",
        "Unix time of the last successful bulk request; 0: never.",
        (refresh.succeeded_ms or 0) / 1000,
    )
    yield _single("p33_refresh_failing", "1: the last bulk request failed.", bool(refresh.error))
    yield _single(
        "p33_exchange_pause_seconds",
        "Remaining seconds of a pause that the exchange required.",
        refresh.paused_ms / 1000,
    )
    yield _gauge(
        "p33_exchange_weight_used",
        "Request weight used in this minute: own, by this service; venue, the venue's count for this address.",
        ("by",),
        ((("own",), refresh.used_weight), (("venue",), refresh.reported_weight)),
    )
    yield _gauge(
        "p33_exchange_weight_limit",
        "Request weight per minute at which refreshes stop; 0: no request yet.",
        ("by",),
        ((("own",), refresh.own_limit), (("venue",), refresh.venue_limit)),
    )


def limit_gauges(policy: Policy) -> Iterator[Metric]:
    """The configured limits, so that alerts compare with them instead of repeating them."""
    yield _single(
        "p33_stale_threshold_seconds", "P33_STALE_THRESHOLD_SEC of the exporter.", policy.stale_threshold_ms / 1000
    )
    yield _single("p33_poll_period_seconds", "P33_POLL_SEC of the exporter.", policy.poll_ms / 1000)
    yield _single("p33_tolerance_pct", "P33_QTY_TOLERANCE_PCT of the exporter.", policy.qty_tolerance_pct)


def state_gauges(overview: Overview, policy: Policy) -> Iterator[Metric]:
    """All gauges of one moment."""
    yield from symbol_gauges(overview.symbols, policy)
    yield from stream_gauges(overview.streams, overview.now_ms)
    yield from refresh_gauges(overview.refresh)
    yield from limit_gauges(policy)
    yield _single(
        "p33_unreadable_keys",
        "Keys of this service with a wrong type or an invalid number; p33 status --json lists them.",
        unreadable_keys(overview),
    )


def unreadable_keys(overview: Overview) -> int:
    """The number of our keys with a value that this service doesn't write there."""
    facts = [view.facts for view in overview.symbols]
    problems = [
        p for f in facts for p in (f.snapshot_problem, f.ledger_problem, f.market_problem, f.limits_problem) if p
    ]
    return len(problems) + len(overview.problems) + sum(1 for stream in overview.streams if stream.problem)


def _taken(view: SymbolView) -> Number:
    return 0 if view.facts.snapshot is None else view.facts.snapshot.ts_ms / 1000


def _age(view: SymbolView) -> Number:
    return math.inf if view.snapshot_age_ms is None else view.snapshot_age_ms / 1000


def _service_hold_sec(view: SymbolView) -> Number:
    held = [hold for hold in view.facts.holds if hold.held_by is HeldBy.SERVICE]
    # A foreign hold has no time, but is in force.
    return max((max(view.facts.now_ms - (hold.since_ms or view.facts.now_ms), 1) / 1000 for hold in held), default=0)


def _single(name: str, text: str, value: Number) -> Metric:
    return _gauge(name, text, (), (((), value),))


def _gauge(
    name: str, text: str, label_names: Sequence[str], samples: Iterable[tuple[Sequence[str], Number | None]]
) -> Metric:
    family = GaugeMetricFamily(name, text, labels=label_names)
    for labels, value in samples:
        if value is not None:
            family.add_metric(labels, float(value))
    return family
