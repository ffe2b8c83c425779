"""Each class of trade and its wrong twins, told by the simulated exchange over HTTP: one-way, and each leg."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.models import Leg, OrderSide, Position
from p33_tasks.domain.reconciliation import TradeClass, Watermark
from p33_tasks.ports import Note
from p33_tasks.services.read_history import ReadsHistory
from p33_tasks.venues.build import build_order_client, build_venue
from tests.support.budgets import RecordingBudget
from tests.support.gate import SYMBOL
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer
from tests.support.simulator import running_simulator

LEGS = [Leg.BOTH, Leg.LONG, Leg.SHORT]
FORCED = [TradeClass.LIQUIDATION, TradeClass.ADL, TradeClass.SETTLEMENT]
NUMBERS = itertools.count()
TWINS = ["trades_missing", "trades_doubled", "trades_of_other_leg"]


@dataclass
class Simulated:
    """The venue as the service asks it, and what a test does to the account behind its back."""

    sim: SimControl
    leg: Leg
    weights: RecordingBudget = field(default_factory=RecordingBudget)

    def __post_init__(self) -> None:
        keys: dict[str, Any] = {"exchange_id": "binanceusdm", "api_key": "demo", "api_secret": "demo"}
        keys |= {"testnet": True, "base_url": self.sim.base_url, "budget": self.weights, "timeout_ms": 3_000}
        venue = build_venue(**keys)
        assert isinstance(venue, ReadsHistory)
        self.venue, self.orders = venue, build_order_client(**keys)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.venue, name)

    @property
    def position(self) -> Position:
        return self.venue.fetch_positions([SYMBOL]).positions[SYMBOL]

    @property
    def shown(self) -> Decimal:
        return self._of(self.leg)

    @property
    def other_amount(self) -> Decimal:
        return self._of(Leg.SHORT if self.leg is Leg.LONG else Leg.LONG)

    @property
    def amount(self) -> Decimal:
        return self.sim.position(SYMBOL, self.leg)

    def _of(self, leg: Leg) -> Decimal:
        found = self.position
        return found.position_amt if leg is Leg.BOTH else next(x.position_amt for x in found.legs if x.leg is leg)

    def trade(self, quantity: str, *, kind: str = "manual", client_order_id: str | None = None) -> int:
        """A trade of this leg; returns its id."""
        made = self.sim.trade(SYMBOL, quantity, kind=kind, client_order_id=client_order_id, position_side=str(self.leg))
        (trade,) = self.venue.fetch_order_trades(SYMBOL, str(made["orderId"]))
        return int(trade.trade_id)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimControl]:
    with running_simulator(symbols={SYMBOL: "0"}, weight_limit=1_000_000) as running:
        yield running


@pytest.fixture(params=LEGS, ids=str)
def world(request: pytest.FixtureRequest, simulator: SimControl, server: RedisServer) -> Iterator[Reconciled]:
    """0.040 on both sides, with a watermark of now, in mode ``repair``."""
    leg: Leg = request.param
    amounts = {"BOTH": "0.040"} if leg is Leg.BOTH else {"LONG": "0.040", "SHORT": "-0.040"}
    simulator.fault(hedge_mode=leg is not Leg.BOTH)
    for side, amount in amounts.items():
        simulator.set_position(SYMBOL, amount, position_side=side)
    made = Reconciled(server, account=Simulated(simulator, leg), leg=leg)
    state = made.store.claim(SYMBOL, leg)
    assert state is not None
    now_ms = made.account.fetch_server_time_ms()
    trades = made.account.fetch_trades(SYMBOL, since_ms=now_ms - 600_000, until_ms=now_ms + 10_000)
    amount = made.account.shown
    mark = Watermark(
        ts_ms=state.now_ms,
        since_ms=now_ms - 60_000,
        exchange_amt=amount,
        ledger_amt=amount,
        counted=frozenset(trade.trade_id for trade in trades),
    )
    assert made.store.note(state, Note(watermark=mark))
    made.store.release(state)
    yield made
    for side in amounts:
        simulator.set_position(SYMBOL, "0", position_side=side)
    simulator.clear_faults()


def happen(world: Reconciled, trade_class: TradeClass) -> int:
    """A trade of that class that reduces the position by 0.010; its id."""
    quantity = world.closing("0.010")
    if trade_class is not TradeClass.LATE:
        kind = "manual" if trade_class is TradeClass.EXTERNAL else str(trade_class)
        return int(world.account.trade(quantity, kind=kind))
    client_order_id = world.order(f"plan-{next(NUMBERS)}")
    world.expire_reservation()
    return int(world.account.trade(quantity, client_order_id=client_order_id))


@pytest.mark.parametrize("trade_class", [TradeClass.LATE, *FORCED])
def test_what_the_venue_explains_is_repaired_and_confirmed(world: Reconciled, trade_class: TradeClass) -> None:
    happen(world, trade_class)
    assert world.refresh() == "repaired"
    assert world.agrees
    world.refresh()
    assert (world.reconcile_events(), world.classes()[0]) == (["repaired", "confirmed"], trade_class)


@pytest.mark.parametrize(
    ("trade_class", "weight"),
    [(TradeClass.LATE, 12), (TradeClass.EXTERNAL, 12), *((forced, 32) for forced in FORCED)],
)
def test_a_drift_takes_this_request_weight(world: Reconciled, trade_class: TradeClass, weight: int) -> None:
    """Time 1, trades 5, one order 1, position 5; forced orders, 20, only where the order bears the venue's mark."""
    happen(world, trade_class)
    weights: RecordingBudget = world.account.weights
    weights.acquired.clear()
    assert world.refresh() in {"repaired", "held"}
    (snapshot, *drift) = weights.acquired  # the refresh before it
    assert (snapshot, sum(drift)) == (5, weight)


def test_external_trades_are_held_until_they_are_undone(world: Reconciled) -> None:
    happen(world, TradeClass.EXTERNAL)
    assert world.refresh() == "held"
    assert (world.hold() or {})["reason"] == HoldReason.EXTERNAL
    world.account.trade(world.closing("-0.010").replace("--", ""))
    for _ in range(AGREEMENTS):
        world.refresh()
    assert world.hold() is None


def test_a_change_without_a_trade_is_held_as_unexplained(world: Reconciled) -> None:
    amount = "-0.030" if world.leg is Leg.SHORT else "0.030"
    world.account.sim.set_position(SYMBOL, amount, position_side=str(world.leg))
    assert world.refresh() == "wait"
    world.try_for_a_minute()
    assert (world.hold() or {})["reason"] == HoldReason.UNEXPLAINED
    assert world.reconcile_events()[-1] == "held"
    assert not world.agrees


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.parametrize("trade_class", [TradeClass.LATE, *FORCED, TradeClass.EXTERNAL])
def test_a_wrong_twin_is_held_with_the_numbers_and_never_applied(
    world: Reconciled, trade_class: TradeClass, twin: str
) -> None:
    before = world.ledger_amt(leg=world.leg)
    trade_id = happen(world, trade_class)
    world.account.sim.fault(**{twin: [trade_id]})
    assert world.refresh() == "wait"
    world.try_for_a_minute()
    hold = world.hold()
    assert hold is not None
    assert hold["reason"] == HoldReason.UNEXPLAINED
    assert hold["evidence"][0]["exchange"] != hold["evidence"][0]["expected"] or hold["evidence"][0]["shares"]
    assert world.ledger_amt(leg=world.leg) == before
    assert "repaired" not in world.reconcile_events()
    # Once the venue tells it right, a held position is repaired all the same; somebody else's trade stays held.
    world.account.sim.fault(**{twin: []})
    outcome = world.try_again()
    assert outcome == ("known" if trade_class is TradeClass.EXTERNAL else "repaired")
    assert world.agrees == (trade_class is not TradeClass.EXTERNAL)


def fly(world: Reconciled) -> tuple[int, int]:
    """An order of ours, half of it executed and the rest open: its id, and its trade's."""
    client_order_id = world.order(f"plan-{next(NUMBERS)}")
    world.expire_reservation()
    world.account.sim.fault(order="partial")
    world.account.orders.place_reduce_only_market(
        symbol=SYMBOL,
        side=OrderSide.BUY if world.leg is Leg.SHORT else OrderSide.SELL,
        quantity=Decimal("0.020"),
        client_order_id=client_order_id,
        recv_window_ms=5_000,
        leg=world.leg,
    )
    (order,) = [one for one in world.account.sim.orders() if one["clientOrderId"] == client_order_id]
    (trade,) = world.account.venue.fetch_order_trades(SYMBOL, str(order["orderId"]))
    return int(order["orderId"]), int(trade.trade_id)


def test_an_order_in_flight_is_waited_for_and_repaired_when_it_is_final(world: Reconciled) -> None:
    order_id, _ = fly(world)
    assert world.try_for_a_minute() == "wait"
    assert world.hold() is None
    assert not world.agrees
    world.account.sim.fill(order_id)
    assert world.try_again() == "repaired"
    assert world.agrees
    assert world.classes()[-1] == TradeClass.LATE


@pytest.mark.parametrize("twin", TWINS)
def test_a_wrong_twin_of_an_order_in_flight_is_never_applied_and_held_once_it_is_final(
    world: Reconciled, twin: str
) -> None:
    before = world.ledger_amt(leg=world.leg)
    order_id, trade_id = fly(world)
    world.account.sim.fault(**{twin: [trade_id]})
    assert world.try_again() == "wait"
    world.account.sim.fill(order_id)
    world.try_for_a_minute()
    assert (world.hold() or {})["reason"] == HoldReason.UNEXPLAINED
    assert (world.ledger_amt(leg=world.leg), "repaired" in world.reconcile_events()) == (before, False)
    world.account.sim.fault(**{twin: []})
    assert world.try_again() == "repaired"
    assert world.agrees


@pytest.mark.parametrize("twin", TWINS)
def test_a_wrong_twin_of_an_explained_trade_explains_nothing_of_a_change_without_one(
    world: Reconciled, twin: str
) -> None:
    """The doubled one would make the very amount that the venue shows."""
    before = world.ledger_amt(leg=world.leg)
    trade_id = happen(world, TradeClass.ADL)
    amount = "-0.020" if world.leg is Leg.SHORT else "0.020"
    world.account.sim.set_position(SYMBOL, amount, position_side=str(world.leg))
    for listed in ([trade_id], []):
        world.account.sim.fault(**{twin: listed})
        world.try_for_a_minute()
        assert (world.hold() or {})["reason"] == HoldReason.UNEXPLAINED
        assert (world.ledger_amt(leg=world.leg), "repaired" in world.reconcile_events()) == (before, False)
