"""A venue without a test environment: the switch to it is refused with the ways out, and never means the live one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p33_tasks.cli import check_exchange
from p33_tasks.cli.findings import Findings
from p33_tasks.errors import ConfigurationError, ExchangeCredentialsError
from p33_tasks.settings import load_settings, variables
from p33_tasks.venues import build
from p33_tasks.venues._template.venue import VENUE
from p33_tasks.venues.build import build_order_client, build_venue, venue_source, venue_specs
from tests.support.budgets import RecordingBudget

SIMULATOR = "http://127.0.0.1:8088"
KEY = {"P33_EXCHANGE": "template", "P33_API_KEY": "k", "P33_API_SECRET": "s"}


@pytest.fixture(autouse=True)
def _venue(monkeypatch):
    spec = replace(VENUE.spec, test_host=None)
    entry = replace(VENUE, spec=spec, orders=lambda session: session)
    specs = {**venue_specs(), "template": spec}
    for module in (build, variables):
        monkeypatch.setattr(module, "venue_specs", lambda: specs)
    monkeypatch.setattr(build, "venue_entry", lambda _exchange: entry)


def arguments(**changes):
    account = {"exchange_id": "template", "api_key": "k", "api_secret": "s", "budget": RecordingBudget()}
    return {**account, "testnet": True, "base_url": None} | changes


@pytest.mark.parametrize("switch", [{}, {"P33_TESTNET": "true"}])
def test_the_settings_refuse_it_and_name_both_ways_out(switch):
    with pytest.raises(ConfigurationError, match="no test environment") as refused:
        load_settings(KEY | switch)
    assert "P33_TESTNET=false" in str(refused.value)
    assert "P33_EXCHANGE_BASE_URL" in str(refused.value)


def test_the_live_account_and_a_simulator_are_settings_that_can_be_used():
    live = load_settings(KEY | {"P33_TESTNET": "false"})
    assert venue_source(live.exchange, live.testnet, live.exchange_base_url) == "template api.venue.example"
    simulated = load_settings(KEY | {"P33_EXCHANGE_BASE_URL": SIMULATOR})
    source = venue_source(simulated.exchange, simulated.testnet, simulated.exchange_base_url)
    assert source == "template 127.0.0.1:8088"


@pytest.mark.parametrize("made", [build_venue, build_order_client])
def test_nothing_is_built_on_it(made):
    with pytest.raises(ConfigurationError, match="no test environment"):
        made(**arguments())
    for usable in ({"testnet": False}, {"base_url": SIMULATOR}):
        made(**arguments(**usable))


def test_no_snapshot_can_have_it_as_its_source():
    with pytest.raises(ConfigurationError, match="no test environment"):
        venue_source("template", testnet=True, base_url=None)


def test_a_refused_key_is_not_blamed_on_an_environment_that_is_not_there():
    class Venue:
        def fetch_positions(self, _symbols):
            raise ExchangeCredentialsError("invalid key")

    findings, settings = Findings("exchange"), load_settings(KEY | {"P33_TESTNET": "false"})
    assert not check_exchange._check_positions(findings, Venue(), settings)
    (found,) = findings.all
    assert "P33_TESTNET" not in found.fix
    assert "P33_TESTNET" not in settings.venue.credentials_advice
