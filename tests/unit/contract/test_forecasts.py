"""What a forecast's entry may say, and that nothing else becomes one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.contract.forecasts import parse_forecast
from p33_tasks.domain.forecasts import Forecast, most_likely
from p33_tasks.domain.models import Leg
from p33_tasks.errors import InvalidMessageError

NOW_MS = 1_771_305_126_000
ENTRY = {"symbol": "BTCUSDT", "action": "PARTIAL_75", "horizon_sec": "30"}


def forecast(**changes: object) -> Forecast:
    return parse_forecast({**ENTRY, **changes}, added_ms=NOW_MS, now_ms=NOW_MS)


def test_an_entry_names_symbol_part_and_time() -> None:
    found = forecast(probability="0.25", source="me", plan_id="known already")
    assert (found.symbol, found.leg, found.close_factor) == ("BTCUSDT", Leg.BOTH, Decimal("0.75"))
    assert (found.probability, found.horizon_ms) == (Decimal("0.25"), 30_000)
    assert forecast(positionSide="short").leg is Leg.SHORT
    assert found.lives_at(NOW_MS + 29_999)
    assert not found.lives_at(NOW_MS + 30_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": ""},
        {"symbol": "B" * 41},
        {"symbol": "\x00"},
        {"action": "HOLD"},
        {"action": ""},
        {"horizon_sec": "0.5"},
        {"horizon_sec": "1000000000"},
        {"horizon_sec": "NaN"},
        {"horizon_sec": "1e400"},
        {"horizon_sec": ""},
        {"probability": "NaN"},
        {"probability": "-0.1"},
        {"probability": "1.01"},
        {"probability": "inf"},
        {"positionSide": "UP"},
        {"horizon_sec": ["1", "2"]},
    ],
)
def test_what_cannot_be_read_is_no_forecast(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidMessageError):
        forecast(**changes)


def test_an_id_ahead_of_the_clock_would_not_end_in_time() -> None:
    assert parse_forecast(ENTRY, added_ms=NOW_MS + 1_000, now_ms=NOW_MS)
    with pytest.raises(InvalidMessageError, match="ahead"):
        parse_forecast(ENTRY, added_ms=NOW_MS + 1_001, now_ms=NOW_MS)


def test_the_most_likely_are_prepared_and_each_once() -> None:
    forecasts = [
        forecast(symbol="A", probability="0.2"),
        forecast(symbol="B", probability="0.9"),
        forecast(symbol="A", probability="0.5"),
        forecast(symbol="C", probability="0.1"),
        forecast(symbol="A", action="CLOSE_FULL", probability="0.3"),
    ]
    found = most_likely(forecasts, now_ms=NOW_MS, most=3)
    assert [(one.symbol, one.close_factor) for one in found] == [
        ("B", Decimal("0.75")),
        ("A", Decimal("0.75")),
        ("A", Decimal(1)),
    ]
    assert most_likely(forecasts, now_ms=NOW_MS + 30_000, most=3) == ()
