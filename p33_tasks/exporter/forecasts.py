"""The forecaster's status as metrics. No metrics if none has run within a day."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from p33_tasks.contract.forecast_status import ForecastStatus

_TOTALS = {
    "p33_forecast_published_total": ("published", "Forecasts published."),
    "p33_forecast_plans_total": ("plans", "Closing plans that the forecaster read."),
    "p33_forecast_hit_total": ("foreseen", "Closing plans that were forecast early enough to be prepared."),
    "p33_forecast_warnings_total": ("warnings", "Warnings begun."),
    "p33_forecast_wishes_total": ("wishes", "Earlier refreshes that the forecaster requested."),
}


def forecast_families(found: ForecastStatus, now_ms: int, symbols: frozenset[str]) -> Iterator[Metric]:
    """Scores of model and base rate, calibration, hits and cost, and the current warnings.

    Args:
        found: The status.
        now_ms: Redis TIME.
        symbols: All positions; a label is one of them.
    """
    yield _single("p33_forecast_age_seconds", "Age of the forecaster's last status.", (now_ms - found.ts_ms) / 1000)
    yield _single("p33_forecast_speaking", "1: forecasts are published; 0: no better than the base rate.", found.speaks)
    yield _by("p33_forecast_brier_score", "Brier score of the recent past.", found.brier, found.base_brier)
    yield _by("p33_forecast_log_loss", "Log loss of the recent past.", found.log_loss, found.base_log_loss)
    bins = GaugeMetricFamily(
        "p33_forecast_calibration",
        "Mean forecast probability (forecast) and share of plans that arrived (came), by tenth.",
        labels=("bin", "by"),
    )
    counts = GaugeMetricFamily("p33_forecast_calibration_samples", "Predictions in each tenth.", labels=("bin",))
    for at, tenth in enumerate(found.tenths):
        name = f"{at / 10:.1f}"
        counts.add_metric((name,), tenth.count)
        if tenth.count >= 1:
            bins.add_metric((name, "forecast"), tenth.forecast)
            bins.add_metric((name, "came"), tenth.came)
    yield bins
    yield counts
    if found.hit_rate is not None:
        yield _single(
            "p33_forecast_hit_rate", "Of recent plans, the share forecast early enough to be prepared.", found.hit_rate
        )
    if found.cost is not None:
        yield _single("p33_forecast_cost", "Forecasts per plan that was forecast.", found.cost)
    for name, (total, text) in _TOTALS.items():
        yield CounterMetricFamily(name, text, value=found.totals[total])
    standing = GaugeMetricFamily(
        "p33_forecast_warning", "1: a plan is likely within 30 s and would be denied.", labels=("symbol", "reason")
    )
    if now_ms - found.ts_ms < STANDS_MS:
        for ahead in found.warnings:
            if ahead.position in symbols:
                standing.add_metric((ahead.position, ahead.reason), 1)
    yield standing


STANDS_MS = 30_000
"""Older warnings are ignored: their forecaster has ended."""


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def _by(name: str, text: str, model: float | None, base: float | None) -> Metric:
    family = GaugeMetricFamily(name, text, labels=("by",))
    for by, value in (("model", model), ("base_rate", base)):
        if value is not None:
            family.add_metric((by,), value)
    return family
