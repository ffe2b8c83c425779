"""What the forecaster says about itself, and that nothing else is taken for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from p33_tasks.contract.forecast_status import (
    TOTALS,
    Ahead,
    ForecastStatus,
    Tenth,
    decode_status,
    encode_status,
)

STATUS = ForecastStatus(
    ts_ms=1_800_000_000_000,
    speaks=True,
    why="the Brier score is 0.70 of the base rate's",
    positions=3,
    left_out=0,
    weight=812.5,
    brier=0.05,
    base_brier=0.07,
    log_loss=0.2,
    base_log_loss=0.3,
    hit_rate=0.6,
    cost=2.5,
    limit=0.3,
    totals=dict.fromkeys(TOTALS, 7),
    tenths=(Tenth(count=5, forecast=0.04, came=0.05),) * 10,
    warnings=(
        Ahead(
            position="SOLUSDT:LONG",
            action="CLOSE_FULL",
            probability=0.8,
            reason="reconcile_required_qty_mismatch",
            words="a ledger between 1 and 2",
            since_ms=1_800_000_000_000,
        ),
    ),
)


def changed(*path: Any, value: Any) -> str:
    found = json.loads(encode_status(STATUS))
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(found)


def test_it_is_read_as_it_was_written() -> None:
    assert decode_status(encode_status(STATUS)) == STATUS


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        RuntimeError("WRONGTYPE"),
        "",
        "[]",
        "{}",
        "[" * 10_000,
        "x" * 300_000,
        changed("brier", value=float("nan")),
        changed("weight", value=-1),
        changed("ts_ms", value=1e30),
        changed("tenths", value=[]),
        changed("why", value="two\nlines"),
        changed("totals", value={}),
        changed("warnings", 0, "reason", value="because"),
        changed("warnings", 0, "position", value="x" * 100),
    ],
)
def test_anything_else_is_no_status(text: object) -> None:
    assert decode_status(text) is None
