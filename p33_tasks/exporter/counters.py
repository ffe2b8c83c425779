"""The counters HASH as Prometheus counters and histograms.

The HASH holds ``name|label|label`` to an integer, incremented by the scripts that change the state. Only our
names and label values are exported: a foreign field can neither add metrics nor forge a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from p33_tasks.contract.positions import HEDGE_LEGS, position_key
from p33_tasks.contract.reconciliation import OUTCOMES
from p33_tasks.domain.executions import Breach
from p33_tasks.domain.models import Leg
from p33_tasks.domain.reasons import Reason
from p33_tasks.store.verdict_calls import EVALUATION_BUCKETS_US, LATENCY_BUCKETS_MS, OTHER_SYMBOL
from p33_tasks.views.positions import SymbolView

STREAMS = ("plan", "result")
"""The values of the label ``stream``."""
_REASONS = frozenset(str(reason) for reason in Reason)

Counters = Mapping[str, int]


def counter_families(counters: Counters, views: Sequence[SymbolView]) -> Iterator[Metric]:
    """Every counter of every allowlisted symbol, at 0 from the start; denial reasons and outcomes once counted.

    A symbol's legs are included if it is in hedge mode or if something was counted, so that no counter disappears.
    """
    symbols = tuple(dict.fromkeys(view.symbol for view in views))
    hedged = {view.symbol for view in views if view.leg is not Leg.BOTH}
    counted = {field.split("|", 2)[1] for field in counters if "|" in field}.difference(symbols)
    legs = ((symbol, position_key(symbol, leg)) for symbol in symbols if counted or hedged for leg in HEDGE_LEGS)
    labels = (*symbols, *(key for symbol, key in legs if symbol in hedged or key in counted), OTHER_SYMBOL)
    yield _counter(
        counters,
        "p33_snapshot_total",
        "Snapshots written (ok) and refreshes that failed (error), by symbol.",
        ("symbol", "status"),
        ((symbol, status) for symbol in symbols for status in ("ok", "error")),
    )
    yield _counter(
        counters,
        "p33_permit_total",
        "First verdicts on plans, by symbol and decision (allow, deny).",
        ("symbol", "decision"),
        ((symbol, decision) for symbol in labels for decision in ("allow", "deny")),
    )
    yield _once_counted(
        counters, "p33_denial_total", "Denied plans, by symbol and reason.", frozenset(labels), ("reason", _REASONS)
    )
    yield _by_symbol(counters, "p33_ledger_update_total", "Execution results that changed the ledger.", labels)
    yield _by_symbol(
        counters,
        "p33_ledger_crossed_zero_total",
        "Execution results that turned the ledger's side around.",
        labels,
    )
    yield _by_symbol(
        counters,
        "p33_unpermitted_execution_total",
        "Executions of plans that were never allowed: an order was sent without a permit.",
        labels,
    )
    yield _by_symbol(
        counters,
        "p33_unreadable_result_total",
        "Execution results that could not be read completely, or contradict earlier ones.",
        labels,
    )
    yield _by_symbol(
        counters,
        "p33_unattributed_fill_total",
        "Fills in hedge mode without a leg and without a plan with an allow: they changed no ledger.",
        labels,
    )
    yield _counter(
        counters,
        "p33_permit_breach_total",
        "Orders beyond their permit, by kind (side, leg, quantity, not_reduce_only).",
        ("symbol", "kind"),
        ((symbol, str(kind)) for symbol in labels for kind in Breach),
    )
    # Six outcomes of 600 symbols would slow every scrape: each appears once it was counted.
    yield _once_counted(
        counters,
        "p33_reconcile_total",
        "Events of reconciliation, by outcome; each is counted once.",
        frozenset(labels),
        ("outcome", frozenset(OUTCOMES)),
    )
    yield _counter(
        counters,
        "p33_emergency_close_total",
        "Verdicts on emergency closes with a valid proof, by position and decision (allow, deny).",
        ("symbol", "decision"),
        ((symbol, decision) for symbol in labels for decision in ("allow", "deny")),
    )
    yield _counter(
        counters,
        "p33_prepared_total",
        "Plans by prepared verdict: issued (hit), not valid any more (moved), without one (none).",
        ("outcome",),
        ((outcome,) for outcome in ("hit", "moved", "none")),
    )
    yield _counter(
        counters,
        "p33_resting_reading_total",
        "Readings of the account's open orders (P33_SUBTRACT_RESTING), by status.",
        ("status",),
        ((status,) for status in ("ok", "error")),
    )
    yield _counter(
        counters,
        "p33_notification_total",
        "Notifications of reconciliation's events (P33_NOTIFY), by outcome.",
        ("outcome",),
        ((outcome,) for outcome in ("sent", "lost")),
    )
    yield _counter(counters, "p33_forecast_ignored_total", "Forecasts that could not be used.", (), iter([()]))
    yield _by_stream(
        counters,
        "p33_deadletter_total",
        "Stream entries that could not be read and were moved to the dead-letter stream.",
    )
    yield _by_stream(
        counters, "p33_entry_ahead_total", "Stream entries whose id was over a second ahead of Redis' clock when read."
    )
    yield _by_stream(
        counters, "p33_trimmed_total", "Stream entries that a producer trimmed before they were read (needs Redis 7)."
    )


def histogram_families(counters: Counters) -> Iterator[Metric]:
    """The two histograms, in seconds and cumulative as in Prometheus."""
    yield _histogram(
        counters,
        "p33_evaluation_duration_seconds",
        "Time to evaluate one plan, without reading and writing.",
        EVALUATION_BUCKETS_US,
        per_second=1_000_000,
    )
    yield _histogram(
        counters,
        "p33_permit_latency_seconds",
        "Time from a plan's stream entry to its permit, allow or deny.",
        LATENCY_BUCKETS_MS,
        per_second=1_000,
    )


def bucket_counts(counters: Counters, name: str, bounds: Sequence[int]) -> tuple[int, ...]:
    """Observations per bucket, not cumulative; the last bucket is above every bound."""
    return tuple(max(0, counters.get(f"{name}|bucket|{bound}", 0)) for bound in (*bounds, "+Inf"))


def _counter(
    counters: Counters, name: str, text: str, label_names: Sequence[str], labels: Iterator[tuple[str, ...]]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=label_names)
    for values in labels:
        family.add_metric(values, counters.get("|".join((name, *values)), 0))
    return family


def _by_symbol(counters: Counters, name: str, text: str, symbols: Sequence[str]) -> Metric:
    return _counter(counters, name, text, ("symbol",), ((symbol,) for symbol in symbols))


def _by_stream(counters: Counters, name: str, text: str) -> Metric:
    return _counter(counters, name, text, ("stream",), ((stream,) for stream in STREAMS))


def _once_counted(
    counters: Counters, name: str, text: str, symbols: frozenset[str], known: tuple[str, frozenset[str]]
) -> Metric:
    label, values = known
    family = CounterMetricFamily(name, text, labels=("symbol", label))
    for field, count in counters.items():
        head, _, rest = field.partition("|")
        if head == name:
            symbol, _, value = rest.rpartition("|")
            if symbol in symbols and value in values:
                family.add_metric((symbol, value), count)
    return family


def _histogram(counters: Counters, name: str, text: str, bounds: Sequence[int], *, per_second: int) -> Metric:
    family = HistogramMetricFamily(name, text)
    total, buckets = 0, list[tuple[str, float]]()
    texts = [*(f"{bound / per_second:g}" for bound in bounds), "+Inf"]
    for bound, count in zip(texts, bucket_counts(counters, name, bounds), strict=True):
        total += count
        buckets.append((bound, total))
    family.add_metric((), buckets, sum_value=counters.get(f"{name}|sum", 0) / per_second)
    return family
