"""Faults of every venue's simulator, one after the other, on one reader and one order client that live through them.

Whatever comes, an amount that is said is the true one, a refusal that is said to be certain executed nothing, and what
was executed is found again. Some venues in an ordinary run, all of them with ``--venues all``; ``--faults long`` plays
longer sequences. With whole processes, and with Redis and workers failing too: ``tests/fault``, on the default venue.
"""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.demo.exchange.fronts.registry import FRONTS
from p33_tasks.domain.models import OrderSide
from p33_tasks.errors import (
    ExchangeClockError,
    ExchangeCredentialsError,
    ExchangeError,
    ExchangeRateLimitedError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
)
from p33_tasks.venues.build import build_order_client, build_venue, venue_spec
from tests.fault.test_exchange import ORDERS, ROWS, WHOLE
from tests.support.budgets import RecordingBudget
from tests.support.simulator import running_simulator
from tests.support.venues import chosen_venues

HELD = {"BTC": Decimal("0.036"), "ETH": Decimal("-1.25"), "SOL": Decimal(0)}
CERTAIN = (OrderRejectedError, ExchangeClockError, ExchangeCredentialsError, ExchangeRateLimitedError)
TIMEOUT_MS = 1_000


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    metafunc.parametrize("exchange_id", chosen_venues(metafunc.config), scope="module")


class Account:
    """One simulator, and the reader and the order client of its venue."""

    def __init__(self, sim: Any, exchange_id: str) -> None:
        self.sim, self.front, self.spec = sim, FRONTS[exchange_id], venue_spec(exchange_id)
        self.symbols = {self.front.symbol(base): base for base in HELD}
        self.budget = RecordingBudget()
        account: dict[str, Any] = {
            "exchange_id": exchange_id,
            "api_key": self.front.demo_key.key,
            "api_secret": self.front.demo_key.secret,
            "password": "demo",
            "testnet": True,
            "base_url": sim.base_url,
            "budget": self.budget,
            "timeout_ms": TIMEOUT_MS,
        }
        self.venue, self.orders = build_venue(**account), build_order_client(**account)
        self.order_paths = [path for (_, path), route in self.front.routes.items() if route.is_order]
        self._placed = 0

    def heal(self) -> None:
        """A healthy venue, whose pauses are over."""
        self.sim.clear_faults()
        self.budget.pauses.clear()
        self.budget.order_pauses.clear()

    def settle(self) -> None:
        self.heal()
        for symbol, base in self.symbols.items():
            self.sim.set_position(symbol, HELD[base])

    def read(self) -> dict[str, Decimal]:
        """Proven amounts by base asset."""
        report = self.venue.fetch_positions(list(self.symbols))
        return {self.symbols[symbol]: position.position_amt for symbol, position in report.positions.items()}

    def client_id(self) -> str:
        self._placed += 1
        prefix, ids = self.spec.client_order_ids.own_prefix, self.spec.client_order_ids
        found = next(
            text
            for text in (f"{prefix}{self._placed:0{ids.max_chars - len(prefix)}d}", f"{prefix}{self._placed}")
            if ids.pattern.fullmatch(text)
        )
        return str(found)

    def close(self, client_id: str, quantity: Decimal) -> Any:
        return self.orders.place_reduce_only_market(
            symbol=self.front.symbol("BTC"),
            side=OrderSide.SELL,
            quantity=quantity,
            client_order_id=client_id,
            recv_window_ms=2_000,
        )


@pytest.fixture(scope="module")
def account(exchange_id: str):
    symbols = {FRONTS[exchange_id].symbol(base): amt for base, amt in HELD.items()}
    with running_simulator(symbols=symbols, exchange=exchange_id, weight_limit=1_000_000) as sim:
        yield Account(sim, exchange_id)


@pytest.fixture(autouse=True)
def settled(account: Account):
    account.settle()
    assert account.read() == HELD
    yield
    account.settle()


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 10 if request.config.getoption("--faults") == "long" else 1


@pytest.mark.parametrize("name", WHOLE)
def test_of_an_answer_that_says_nothing_no_amount_is_said_and_the_next_one_is_read(account: Account, name: str) -> None:
    account.sim.fault(**WHOLE[name])
    with contextlib.suppress(ExchangeError):
        assert account.read() == {}
    account.heal()
    assert account.read() == HELD


def test_after_one_broken_answer_in_the_middle_nothing_is_said_of_any_symbol(account: Account) -> None:
    for body in ("truncated", "cut", "html", "empty", "null"):
        account.sim.fault(body=body, times=1)
        with pytest.raises(ExchangeError):
            account.read()
        assert account.read() == HELD, "the switch was spent"


@pytest.mark.parametrize("fault", [fault for fault in ROWS if fault != "missing"])
def test_a_bad_row_is_unknown_and_no_other_symbol_is_wrong(account: Account, fault: str) -> None:
    account.sim.fault(rows={account.front.symbol("BTC"): fault})
    found = account.read()
    assert "BTC" not in found
    assert found.items() <= HELD.items()
    assert found["ETH"] == HELD["ETH"]


@pytest.mark.parametrize("skew_ms", [7_000, -7_000, 300_000, -300_000])
def test_a_clock_that_differs_is_measured(account: Account, skew_ms: int) -> None:
    for skew in (skew_ms, 0):
        account.sim.fault(clock_skew_ms=skew)
        with contextlib.suppress(ExchangeClockError):
            account.read()
        assert account.read() == HELD, "the second reading knows the difference"


def test_a_pause_that_the_venue_asks_for_is_told_to_everybody(account: Account) -> None:
    for status in (429, 418):
        account.sim.fault(status=status, retry_after_sec=7, times=1)
        pauses = len(account.budget.pauses)
        with pytest.raises(ExchangeRateLimitedError) as refused:
            account.read()
        assert refused.value.retry_after_sec >= 7
        assert len(account.budget.pauses) == pauses + 1
        account.heal()


def test_orders_are_executed_once_and_what_is_said_of_them_is_true(account: Account, rounds: int) -> None:
    chance, step = random.Random(17), Decimal("0.001")
    for fault in ORDERS * rounds:
        account.settle()
        switches = {name: value for name, value in fault.items() if name != "paths"}
        if "status" in switches or "body" in switches:
            switches |= {"paths": account.order_paths, "methods": ["POST"]}
        client_id, quantity = account.client_id(), step * chance.randint(2, 30)
        account.sim.fault(**switches)
        said = None
        try:
            said = account.close(client_id, quantity)
        except CERTAIN as error:
            said = error
        except OrderOutcomeUnknownError:
            pass
        account.heal()
        executed = HELD["BTC"] - account.sim.position(account.front.symbol("BTC"))
        found = account.orders.fetch_order(account.front.symbol("BTC"), client_id)
        assert executed <= quantity, (fault, executed)
        assert (found.executed_qty if found else 0) == executed, (fault, found)
        if isinstance(said, Exception):
            assert executed == 0, (fault, said)
        elif said is not None and said.is_final:
            assert said.executed_qty == executed, (fault, said)


def test_random_faults_never_make_an_amount_wrong(account: Account, rounds: int) -> None:
    chance = random.Random(19)
    kinds = [switches for switches in WHOLE.values() if switches.get("body") != "hang"]
    for _ in range(40 * rounds):
        switches = dict(chance.choice(kinds))
        if chance.random() < 0.3:
            rows = {account.front.symbol(base): chance.choice(ROWS[1:]) for base in chance.sample(["BTC", "ETH"], 1)}
            switches = {"rows": rows}
        if chance.random() < 0.3:
            switches |= {"clock_skew_ms": chance.choice((-60_000, -2_000, 3_000, 60_000))}
        account.budget.pauses.clear()
        if chance.random() < 0.5:
            account.heal()
        account.sim.fault(**switches, **({} if "times" in switches else {"times": chance.choice((0, 1, 2))}))
        try:
            assert account.read().items() <= HELD.items(), switches
        except ExchangeError:
            continue
    account.heal()
    for _ in range(2):
        try:
            found = account.read()
        except ExchangeClockError:
            continue
    assert found == HELD
