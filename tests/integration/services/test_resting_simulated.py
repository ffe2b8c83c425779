"""Resting reduce-only orders at the simulated venue, over HTTP: in the book and waiting for a price, in both modes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.abilities import ReadsAllRestingOrders
from p33_tasks.demo.exchange.client import SimControl
from p33_tasks.domain.models import Allow, Deny, Leg, OrderSide
from p33_tasks.domain.reasons import Reason
from p33_tasks.services.read_resting import ReadsResting, RestingService
from p33_tasks.store.resting import RedisRestingStore
from p33_tasks.venues.binance_usdm.spec import OPEN_ALGO_ORDERS, OPEN_ORDERS
from p33_tasks.venues.build import build_order_client, build_venue
from tests.support.budgets import RecordingBudget
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer
from tests.support.signed_http import signed
from tests.support.simulator import running_simulator

PRICE = "50000"


class World:
    """A gate that leaves room for resting orders, and the simulator that it reads."""

    def __init__(self, sim: SimControl, server: RedisServer, leg: Leg) -> None:
        self.sim, self.leg, self.budget = sim, leg, RecordingBudget()
        self.keys: dict[str, Any] = {"exchange_id": "binanceusdm", "api_key": "demo", "api_secret": "demo"}
        self.keys |= {"testnet": True, "base_url": sim.base_url, "budget": self.budget, "timeout_ms": 3_000}
        venue = build_venue(**self.keys)
        assert isinstance(venue, ReadsResting)
        self.venue = venue
        self.gate = Gate(server, source=venue.source, subtract_resting=True)
        self.store = RedisRestingStore(self.gate.verdicts._client, self.gate.keys)

    @property
    def side(self) -> str:
        return "BUY" if self.leg is Leg.SHORT else "SELL"

    def send(self, path: str, **params: str) -> dict[str, Any]:
        flag = {} if self.leg is not Leg.BOTH or "closePosition" in params else {"reduceOnly": "true"}
        named = {"symbol": SYMBOL, "side": self.side, "positionSide": str(self.leg), **flag, **params}
        answer = signed(self.sim, "POST", path, **named)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json()
        return found

    def rest(self, qty: str) -> str:
        """A limit order in the book that reduces the position; its id."""
        price = "49000" if self.side == "BUY" else "51000"
        made = self.send("/fapi/v1/order", type="LIMIT", timeInForce="GTC", quantity=qty, price=price)
        return str(made["orderId"])

    def wait_for_price(self, **params: str) -> str:
        """A stop that would reduce the position; its id."""
        trigger = "52000" if self.side == "BUY" else "48000"
        made = self.send(
            "/fapi/v1/algoOrder", algoType="CONDITIONAL", type="STOP_MARKET", triggerPrice=trigger, **params
        )
        return str(made["algoId"])

    def read(self) -> str:
        """A minute later."""
        self.gate.redis.delete(self.gate.keys.resting_reading)
        return RestingService(self.venue, self.store, (SYMBOL,)).read()

    def close(self, plan_id: str = "plan-1") -> Allow | Deny | None:
        """A plan to close all of it, on a snapshot of now."""
        position = self.venue.fetch_positions([SYMBOL]).positions[SYMBOL]  # type: ignore[attr-defined]
        self.gate.put(position)
        amount = position.amount_of(self.leg)
        assert amount is not None
        self.gate.put_ledger(amount, leg=self.leg)
        self.gate.put_market()
        self.gate.redis.delete(self.gate.keys.reservation(SYMBOL, self.leg))
        return self.gate.judge(plan_id, action="CLOSE_FULL", position_side=self.leg)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimControl]:
    with running_simulator(symbols={SYMBOL: "0"}, weight_limit=1_000_000) as running:
        yield running


@pytest.fixture(params=list(Leg), ids=str)
def world(request: pytest.FixtureRequest, simulator: SimControl, server: RedisServer) -> Iterator[World]:
    leg: Leg = request.param
    simulator.fault(hedge_mode=leg is not Leg.BOTH)
    simulator.set_price(SYMBOL, PRICE)
    simulator.set_position(SYMBOL, "-0.040" if leg is Leg.SHORT else "0.040", position_side=str(leg))
    yield World(simulator, server, leg)
    simulator.fault(status=0, paths=[])
    for row in signed(simulator, "GET", "/fapi/v1/openOrders").json():
        signed(simulator, "DELETE", "/fapi/v1/order", symbol=SYMBOL, orderId=str(row["orderId"]))
    for row in signed(simulator, "GET", "/fapi/v1/openAlgoOrders").json():
        signed(simulator, "DELETE", "/fapi/v1/algoOrder", symbol=SYMBOL, algoId=str(row["algoId"]))
    simulator.set_position(SYMBOL, "0", position_side=str(leg))
    simulator.clear_faults()


def test_a_take_profit_in_the_book_is_left_room_for_and_the_order_is_accepted_whole(world: World) -> None:
    world.rest("0.015")
    assert world.read() == "read"
    verdict = world.close()
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.025")
    made = build_order_client(**world.keys).place_reduce_only_market(
        symbol=SYMBOL,
        side=OrderSide(world.side),
        quantity=verdict.safe_close_qty,
        client_order_id=f"p33-{world.leg}-1",
        recv_window_ms=5_000,
        leg=world.leg,
    )
    assert made.executed_qty == Decimal("0.025")


def test_stops_that_wait_for_a_price_lock_no_exit(world: World) -> None:
    stop = world.wait_for_price(quantity="0.040")
    whole = world.wait_for_price(closePosition="true")
    assert world.read() == "read"
    verdict = world.close()
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.040")
    (fields,) = world.gate.audit()
    assert stop in fields["inputs"]
    assert whole in fields["inputs"]


def test_orders_over_all_of_it_deny_with_their_ids_until_one_is_cancelled(world: World) -> None:
    first, second = world.rest("0.030"), world.rest("0.010")
    world.read()
    verdict = world.close()
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RESTING_ORDERS_COVER_POSITION
    assert verdict.details["order_ids"] == f"{first} {second}"
    signed(world.sim, "DELETE", "/fapi/v1/order", symbol=SYMBOL, orderId=first)
    world.read()
    verdict = world.close("plan-2")
    assert isinstance(verdict, Allow)
    assert verdict.safe_close_qty == Decimal("0.030")


def test_a_venue_that_is_down_denies_when_the_last_reading_is_old(world: World) -> None:
    world.read()
    world.sim.fault(status=503, paths=["/fapi/v1/openOrders"])
    assert world.read() == "failed"
    assert isinstance(world.close("still known"), Allow)
    world.gate.redis.hset(world.gate.keys.resting(SYMBOL, world.leg), "ts_ms", str(world.gate.now_ms() - 90_001))
    verdict = world.close("too old")
    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.RESTING_ORDERS_UNKNOWN


def test_one_reading_costs_a_weight_of_80_whatever_the_number_of_symbols(world: World) -> None:
    assert isinstance(world.venue, ReadsAllRestingOrders)
    world.sim.forget_requests()
    world.budget.acquired.clear()
    world.venue.fetch_all_resting_orders([f"S{number}USDT" for number in range(600)])
    counts = world.sim.requests()
    assert [counts.endpoints[one.shown].weight for one in (OPEN_ORDERS, OPEN_ALGO_ORDERS)] == [40, 40]
    assert world.budget.acquired[-2:] == [40, 40]
