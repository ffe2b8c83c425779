"""The forecaster's status as metrics."""

from __future__ import annotations

from dataclasses import replace

from p33_tasks.exporter.forecasts import STANDS_MS, forecast_families
from tests.unit.contract.test_forecast_status import STATUS

SYMBOLS = frozenset({"SOLUSDT:LONG"})


def samples(
    status: object = STATUS, *, late_ms: int = 1_000, symbols: frozenset[str] = SYMBOLS
) -> dict[tuple[str, ...], float]:
    families = forecast_families(status, STATUS.ts_ms + late_ms, symbols)  # type: ignore[arg-type]
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_scores_stand_beside_the_base_rate_s() -> None:
    found = samples()
    assert found["p33_forecast_brier_score", "model"] == 0.05
    assert found["p33_forecast_brier_score", "base_rate"] == 0.07
    assert found["p33_forecast_log_loss", "base_rate"] == 0.3
    assert found["p33_forecast_calibration", "0.3", "came"] == 0.05
    assert found["p33_forecast_calibration_samples", "0.9"] == 5
    assert found["p33_forecast_speaking",] == 1
    assert found["p33_forecast_age_seconds",] == 1
    assert found["p33_forecast_hit_total",] == 7
    assert found["p33_forecast_cost",] == 2.5


def test_what_is_not_known_is_absent() -> None:
    names = {name for name, *_ in samples(replace(STATUS, brier=None, base_brier=None, hit_rate=None, cost=None))}
    assert not names & {"p33_forecast_brier_score", "p33_forecast_hit_rate", "p33_forecast_cost"}


def test_a_warning_is_a_position_of_ours_and_ends_with_its_forecaster() -> None:
    key = ("p33_forecast_warning", "SOLUSDT:LONG", "reconcile_required_qty_mismatch")
    assert samples()[key] == 1
    assert key not in samples(symbols=frozenset({"BTCUSDT"}))
    assert key not in samples(late_ms=STANDS_MS)
