"""The metrics as text are the library's own, byte for byte."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from p33_tasks.domain.models import Leg
from p33_tasks.exporter.exposition import encode
from p33_tasks.exporter.metrics import ClusterMetrics
from tests.factories import make_ledger, make_policy, make_snapshot
from tests.unit.exporter.views import make_overview, make_view

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Families:
    def __init__(self, *families: Any) -> None:
        self.families = families

    def collect(self) -> tuple[Any, ...]:
        return self.families


@pytest.fixture
def cluster() -> ClusterMetrics:
    views = (
        make_view("BTCUSDT", snapshot=make_snapshot("0.010"), ledger=make_ledger("1234567.25")),
        make_view("ETHUSDT", leg=Leg.LONG, snapshot=None, ledger=None, hold=True),
        make_view('A"B\\C\n', reserved_by="plan-1", reservation_ttl_ms=5),
    )
    counters = {
        "p33_permit_total|BTCUSDT|allow": 10_000_000,
        "p33_denial_total|BTCUSDT|no_position": 3,
        "p33_permit_latency_seconds|bucket|5": 7,
        "p33_permit_latency_seconds|bucket|+Inf": 1,
        "p33_permit_latency_seconds|sum": 1_234,
    }
    return ClusterMetrics(make_overview(*views, counters=counters), make_policy(), read_sec=0.25)


@pytest.mark.parametrize("accept", ["", "text/plain; version=0.0.4", OPENMETRICS])
def test_a_whole_scrape_is_as_the_library_writes_it(cluster: ClusterMetrics, accept: str) -> None:
    library, _ = choose_encoder(accept)
    assert encode(cluster.collect(), openmetrics=accept == OPENMETRICS) == library(cluster)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
@pytest.mark.parametrize(
    "value", [0, -1, 0.1, 1e-9, 1_000_000.0, 12_345_678.5, -12_345_678.5, 1e22, float("inf"), 2**63]
)
def test_a_number_is_as_the_library_writes_it(accept: str, value: float) -> None:
    family = GaugeMetricFamily("p33_x", 'A text with \\, "quotes"\nand a second line.', labels=["b", "a"])
    family.add_metric(["x", "y"], float(Decimal(value)))
    library, _ = choose_encoder(accept)
    assert encode([family], openmetrics=accept == OPENMETRICS) == library(Families(family))  # type: ignore[arg-type]
