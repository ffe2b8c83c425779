"""What ``p33 up`` refuses before anything is started."""

from __future__ import annotations

import importlib.util

import pytest
from click.testing import CliRunner

from p33_tasks.demo.exchange.faults import FaultError
from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.demo.exchange.options import SimOptions
from p33_tasks.demo.exchange.simulation import Simulation
from p33_tasks.demo.up import command
from p33_tasks.demo.up.command import up
from p33_tasks.demo.up.demo import EXCHANGES
from p33_tasks.venues.build import venue_spec, venue_specs


def test_every_front_is_offered_and_has_the_position_modes_of_its_venue():
    assert set(FRONTS) <= set(EXCHANGES) == set(venue_specs())
    for exchange, front in FRONTS.items():
        assert front.has_hedge_mode is venue_spec(exchange).has_hedge_mode


def test_a_venue_without_a_front_is_refused_and_those_with_one_are_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(FRONTS, "gate")
    started = []
    monkeypatch.setattr(command, "launch_demo", lambda *request: started.append(request) or True)
    outcome = CliRunner().invoke(up, ["--exchange", "gate"])
    assert outcome.exit_code == 2
    assert "no front of gate" in outcome.output
    assert "bybit" in outcome.output.partition("no front of gate")[2]
    assert started == []
    assert CliRunner().invoke(up, ["--exchange", "bybit"]).exit_code == 0
    assert len(started) == 1


def test_a_venue_without_hedge_mode_is_not_started_in_it():
    outcome = CliRunner().invoke(up, ["--exchange", "hyperliquid", "--hedge"])
    assert (outcome.exit_code, "has no hedge mode" in outcome.output) == (2, True)
    sim = Simulation(SimOptions(exchange="hyperliquid"), has_hedge_mode=False)
    with pytest.raises(FaultError, match="no hedge mode"):
        sim.set_faults(sim.faults.merged({"hedge_mode": True}))


def test_the_forecaster_is_not_started_without_its_model(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("P33_FORECAST", "on")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    outcome = CliRunner().invoke(up, [])
    assert (outcome.exit_code, "requirements-forecast.lock" in outcome.output) == (2, True)
