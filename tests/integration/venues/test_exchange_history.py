"""What the venue tells about the past, against the simulated exchange."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from p33_tasks import abilities
from p33_tasks.domain.models import OrderSide
from p33_tasks.domain.trades import ForcedKind
from tests.support.simulator import running_simulator
from tests.support.waiting import wait_until

KEYS = {"api_key": "demo", "api_secret": "demo"}


@pytest.fixture(scope="module")
def simulator():
    with running_simulator(symbols={"BTCUSDT": "1"}) as running:
        yield running


@pytest.fixture
def sim(simulator):
    simulator.clear_faults()
    simulator.set_position("BTCUSDT", "1")
    yield simulator
    simulator.clear_faults()


@pytest.fixture
def venue(sim, make_venue):
    return make_venue(sim.base_url, **KEYS)


def window():
    now_ms = int(time.time() * 1000)
    return {"since_ms": now_ms - 600_000, "until_ms": now_ms + 60_000}


def trades_of(venue, order_id):
    return [one for one in venue.fetch_trades("BTCUSDT", **window()) if one.order_id == str(order_id)]


@pytest.mark.parametrize(
    "ability",
    [
        abilities.ReadsTime,
        abilities.ReadsTrades,
        abilities.ReadsForcedOrders,
        abilities.ReadsOrderTrades,
    ],
)
def test_the_venue_has_the_abilities_that_reconciliation_asks_for(venue, ability):
    assert isinstance(venue, ability)


def test_a_manual_trade_is_told_with_its_order(venue, sim):
    made = sim.trade("BTCUSDT", "-0.010")
    (found,) = trades_of(venue, made["orderId"])
    assert (found.side, found.quantity) == (OrderSide.SELL, Decimal("0.010"))
    state = venue.fetch_order_state("BTCUSDT", found.order_id)
    assert (state.client_order_id, state.is_final) == (made["clientOrderId"], True)
    assert venue.fetch_order_trades("BTCUSDT", found.order_id) == (found,)
    assert sim.position("BTCUSDT") == Decimal("0.990")


@pytest.mark.parametrize("kind", list(ForcedKind))
def test_the_venues_own_orders_are_marked(venue, sim, kind):
    made = sim.trade("BTCUSDT", "-0.010", kind=kind)
    forced = {one.order_id: one for one in venue.fetch_forced_orders("BTCUSDT", **window())}
    assert forced[str(made["orderId"])].kind is kind
    assert len(trades_of(venue, made["orderId"])) == 1


def test_an_order_that_the_venue_does_not_know_is_none_and_no_error(venue, sim):
    assert venue.fetch_order_state("BTCUSDT", "1") is None


def test_a_manual_order_with_the_venues_marker_is_no_forced_order(venue, sim):
    made = sim.trade("BTCUSDT", "-0.010", client_order_id="adl_autoclose-mine")
    forced = {one.order_id for one in venue.fetch_forced_orders("BTCUSDT", **window())}
    assert str(made["orderId"]) not in forced


def test_trades_can_lag_behind_the_position_or_be_missing(venue, sim):
    sim.fault(trade_delay_ms=1_500)
    made = sim.trade("BTCUSDT", "-0.010")
    assert trades_of(venue, made["orderId"]) == []
    wait_until(lambda: trades_of(venue, made["orderId"]), "the trade is listed")
    (found,) = trades_of(venue, made["orderId"])
    sim.fault(trades_missing=[int(found.trade_id)])
    assert trades_of(venue, made["orderId"]) == []
