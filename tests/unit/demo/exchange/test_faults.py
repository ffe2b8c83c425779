"""The fault switches."""

from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.faults import ROWS, FaultError, Faults
from p33_tasks.demo.exchange.fronts.binance.position_rows import v2_rows
from p33_tasks.demo.exchange.options import SimOptions
from p33_tasks.demo.exchange.simulation import Simulation

HEALTHY = Faults()


def test_switches_are_merged_and_the_others_stay():
    faults = HEALTHY.merged({"latency_ms": 100}).merged({"fill_ratio": "0.25", "rows": {"BTCUSDT": "missing"}})
    assert faults.latency_ms == 100
    assert faults.fill_ratio == Decimal("0.25")
    assert faults.rows == {"BTCUSDT": "missing"}


@pytest.mark.parametrize(
    "changes",
    [
        {"latency": 100},
        {"latency_ms": -1},
        {"latency_ms": True},
        {"latency_ms": "100"},
        {"status": 200},
        {"status": 600},
        {"body": "rubbish"},
        {"paths": "/fapi"},
        {"methods": ["PATCH"]},
        {"takes_effect": 1},
        {"rows": {"BTCUSDT": "gone"}},
        {"rows": ["BTCUSDT"]},
        {"fill_ratio": 0.5},
        {"fill_ratio": "1.5"},
        {"fill_ratio": "NaN"},
        {"fill_ratio": "half"},
        {"order": "maybe"},
        {"order_error": -99999},
    ],
)
def test_a_switch_with_a_wrong_value_is_refused_by_name(changes):
    with pytest.raises(FaultError, match=next(iter(changes))):
        HEALTHY.merged(changes)


def test_request_faults_strike_the_paths_and_methods_given_or_all():
    assert HEALTHY.strikes("GET", "/fapi/v1/time")
    aimed = HEALTHY.merged({"paths": ["order"], "methods": ["POST"]})
    assert aimed.strikes("POST", "/fapi/v1/order")
    assert not aimed.strikes("GET", "/fapi/v1/order")
    assert not aimed.strikes("POST", "/fapi/v1/listenKey")


def test_a_fault_for_a_number_of_requests_switches_itself_off():
    sim = Simulation(SimOptions())
    sim.set_faults(HEALTHY.merged({"status": 503, "latency_ms": 7, "times": 2}))
    sim.spend_fault()
    assert sim.faults.status == 503
    sim.spend_fault()
    assert (sim.faults.status, sim.faults.times, sim.faults.latency_ms) == (0, 0, 7)


@pytest.mark.parametrize("fault", ROWS)
def test_a_row_fault_spoils_its_symbol_only(fault):
    sim = Simulation(SimOptions(positions={"BTCUSDT": Decimal("0.038"), "ETHUSDT": Decimal("-1.2")}))
    sim.set_faults(HEALTHY.merged({"rows": {"BTCUSDT": fault}}))
    now_ms = sim.now_ms
    healthy = v2_rows(sim.venue, sim.symbols, now_ms, faults=lambda _symbol: None)
    invalid = v2_rows(sim.venue, sim.symbols, now_ms, faults=sim.row_fault)
    others = [row for row in invalid if isinstance(row, dict) and row["symbol"] != "BTCUSDT"]
    assert others == healthy[1:]
    assert invalid[: len(invalid) - len(others)] != healthy[:1]
