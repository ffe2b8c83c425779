"""Every metric of ``GET /metrics``: the whole cluster from Redis, one port, nothing counted twice.

Of the wire contract (CONTRACT section 8):

    p33_snapshot_total               counter    symbol, status     snapshots written (ok), refreshes failed (error)
    p33_ledger_update_total          counter    symbol             results that changed the ledger
    p33_permit_total                 counter    symbol, decision   first verdicts (allow, deny)
    p33_denial_total                 counter    symbol, reason     denied plans; a reason appears once it was given
    p33_unpermitted_execution_total  counter    symbol             executions of plans that were never allowed
    p33_unreadable_result_total      counter    symbol             results of which not all could be read
    p33_unattributed_fill_total      counter    symbol             fills in hedge mode without a known leg
    p33_permit_breach_total          counter    symbol, kind       orders beyond their permit: side, leg, quantity, ...
    p33_emergency_close_total        counter    symbol, decision   verdicts on emergency closes with a valid proof
    p33_prepared_total               counter    outcome            prepared verdicts looked for: hit, moved, none
    p33_notification_total           counter    outcome            notifications of reconciliation's events: sent, lost
    p33_resting_reading_total        counter    status             readings of the account's open orders: ok, error
    p33_forecast_ignored_total       counter                       forecasts that could not be used
    p33_reconcile_total              counter    symbol, outcome    drift_seen, explained, repaired, confirmed, held, released
    p33_deadletter_total             counter    stream             entries that could not be understood
    p33_last_snapshot_ts             gauge      symbol             Unix time of the snapshot; 0: none
    p33_position_amt                 gauge      symbol             signed, on the exchange; absent: unknown
    p33_ledger_amt                   gauge      symbol             signed, by our own fills; absent: unknown
    p33_drift_amt                    gauge      symbol             exchange less ledger, signed; absent: unknown
    p33_resting_qty                  gauge      symbol             resting limit orders that reduce the position; absent: unknown
    p33_snapshot_age_sec             gauge      symbol             at the moment of the scrape; +Inf: no snapshot
    p33_stream_lag                   gauge      stream             entries not yet acknowledged or read
    p33_evaluation_duration_seconds  histogram                     evaluating one plan, without I/O
    p33_permit_latency_seconds       histogram                     stream entry to permit

Beside it:

    p33_up                           gauge                         1: Redis answered; 0: every metric below p33_build_info is absent
    p33_build_info                   gauge      version, python    always 1
    p33_read_seconds                 gauge                         time that reading Redis took for this scrape
    p33_ledger_crossed_zero_total    counter    symbol             results that turned the ledger's side around
    p33_entry_ahead_total            counter    stream             entry ids over a second ahead of Redis' clock when read
    p33_trimmed_total                counter    stream             entries trimmed before they were read (Redis 7 tells)
    p33_snapshot_usable              gauge      symbol             1: a verdict would accept the snapshot (fresh, ours)
    p33_ledger_known                 gauge      symbol             1: the ledger has an amount
    p33_drift_pct                    gauge      symbol             |exchange - ledger|, percent of exchange; absent: unknown
    p33_cooldown_sec                 gauge      symbol             the cooldown in force
    p33_volatility_ratio             gauge      symbol             last 5 minutes over the last day; absent: unknown
    p33_cooldown_remaining_seconds   gauge      symbol             the last order still stops the symbol for so long
    p33_hold_active                  gauge      symbol, kind       1: a hold of this kind (operator, service) stops it
    p33_service_hold_seconds         gauge      symbol             the service itself has held the position for so long
    p33_reservation_active           gauge      symbol             1: an outstanding allow holds the symbol
    p33_reservation_endless          gauge      symbol             1: the reservation has no expiry (not written by us)
    p33_stream_ahead_seconds         gauge      stream             how far the last id lies ahead of Redis TIME
    p33_stream_pending               gauge      stream             the part of the lag that was read
    p33_stream_oldest_seconds        gauge      stream             age of the oldest waiting entry; 0: none waits
    p33_consumers                    gauge      stream             ingest processes alive (workers that read the stream)
    p33_refresh_started_ts           gauge                         Unix time the last bulk request began: stands still
                                                                   when beat or every snapshot worker is gone
    p33_refresh_last_success_ts      gauge                         Unix time one last ended well; 0: never
    p33_refresh_failing              gauge                         1: the last one failed
    p33_exchange_pause_seconds       gauge                         left of a pause the venue asked for (429, 418)
    p33_exchange_weight_used         gauge      by                 this minute's request weight: own, venue
    p33_exchange_weight_limit        gauge      by                 where refreshes stop
    p33_stale_threshold_seconds      gauge                         P33_STALE_THRESHOLD_SEC
    p33_poll_period_seconds          gauge                         P33_POLL_SEC
    p33_tolerance_pct                gauge                         P33_QTY_TOLERANCE_PCT
    p33_unreadable_keys              gauge                         keys of ours with another type, or no number

Where a forecaster has run within a day (P33_FORECAST):

    p33_forecast_age_seconds         gauge                         age of its last status
    p33_forecast_speaking            gauge                         1: it publishes; 0: no better than the base rate
    p33_forecast_brier_score         gauge      by                 recent Brier score: model, base_rate
    p33_forecast_log_loss            gauge      by                 recent log loss: model, base_rate
    p33_forecast_calibration         gauge      bin, by            mean probability (forecast) and share that came (came)
    p33_forecast_calibration_samples gauge      bin                predictions in each tenth
    p33_forecast_hit_rate            gauge                         of recent plans, the share forecast before a refresh
    p33_forecast_cost                gauge                         forecasts per plan that was forecast
    p33_forecast_published_total     counter                       forecasts published
    p33_forecast_plans_total         counter                       closing plans seen
    p33_forecast_hit_total           counter                       of them, those that were forecast
    p33_forecast_warnings_total      counter                       warnings begun
    p33_forecast_wishes_total        counter                       earlier refreshes requested
    p33_forecast_warning             gauge      symbol, reason     1: a plan is likely within 30 s and would be denied

Labels: ``symbol`` is a position: a symbol of P33_ALLOWLIST, in hedge mode with its leg (``BTCUSDT:LONG``; snapshots are
counted per symbol, and so are plans and fills that name no leg), or ``_other`` where plans and results on all other symbols are counted
together; ``stream`` is ``plan`` (``apply.plan``) or ``result`` (``apply.result``); ``reason`` is one of CONTRACT section 5.
All counters but denials and outcomes are there at 0 from the start, so that rates work.

The lag of a stream is pending plus unread. Pending is the group's own count. Unread is told by Redis 7 (``XINFO
GROUPS``, ``lag``); where it isn't (Redis 6.2, or entries were deleted), the entries behind the last one that was read are
counted, up to 1000: a lag that stands at 1000 plus pending means "at least". Without a group nothing was ever read, and
all entries are unread.
"""  # noqa: E501 - a table

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from p33_tasks.domain.models import Policy
from p33_tasks.exporter.counters import counter_families, histogram_families
from p33_tasks.exporter.forecasts import forecast_families
from p33_tasks.exporter.gauges import state_gauges
from p33_tasks.views.overview import Overview


class ClusterMetrics(Collector):
    """One scrape: what was read, as metric families."""

    def __init__(self, overview: Overview | None, policy: Policy, *, read_sec: float) -> None:
        """Made for one scrape.

        Args:
            overview: What was read; None when Redis did not answer.
            policy: The limits.
            read_sec: How long reading took, or was tried, in seconds.
        """
        self._overview = overview
        self._policy = policy
        self._read_sec = read_sec

    def collect(self) -> Iterable[Metric]:
        """All metric families."""
        overview = self._overview
        yield GaugeMetricFamily("p33_up", "1: Redis answered this scrape; 0: it did not.", value=int(bool(overview)))
        yield InfoMetricFamily("p33_build", "This exporter.", value=build())
        yield GaugeMetricFamily(
            "p33_read_seconds", "Time that reading Redis took, or was tried, for this scrape.", value=self._read_sec
        )
        if overview is not None:
            yield from self._of_the_cluster(overview)

    def _of_the_cluster(self, overview: Overview) -> Iterator[Metric]:
        yield from state_gauges(overview, self._policy)
        yield from counter_families(overview.counters, overview.symbols)
        yield from histogram_families(overview.counters)
        if overview.forecast is not None:
            positions = frozenset(view.position for view in overview.symbols)
            yield from forecast_families(overview.forecast, overview.now_ms, positions)


def build() -> dict[str, str]:
    """The labels of ``p33_build_info``."""
    try:
        ours = version("position-state-brain")
    except PackageNotFoundError:  # run from a source tree that was never installed
        ours = "unknown"
    return {"version": ours, "python": platform.python_version()}
