"""The five acceptance cases and hedge mode on the other venues' simulators, with real workers, governor and executor.

One of the venues in an ordinary run, all of them with ``--venues all``. Every step is a hundred times the price of the
usual ones, or some venue's least value of an order would stand in the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from p33_tasks.venues.build import venue_spec
from tests.acceptance.system import BINANCE, System
from tests.support.venues import chosen_venues
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(180)
LONG, SHORT, DRIFTED, FLAT, STALE, LEGS = 3, 7, 11, 15, 19, 23  # symbols with a step of 0.001
SYMBOL_COUNT = 24


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    others = [venue for venue in chosen_venues(metafunc.config) if venue != BINANCE]
    metafunc.parametrize("venue", others, scope="module")


@pytest.fixture(scope="module")
def poll_sec(venue: str) -> float:
    """What leaves the executor a third of the request budget."""
    return max(1.0, round(1.5 * venue_spec(venue).least_poll_ms / 1000, 2))


@pytest.fixture(scope="module")
def environment(environment: dict[str, str], poll_sec: float) -> dict[str, str]:
    return {**environment, "P33_POLL_SEC": f"{poll_sec:g}", "P33_STALE_THRESHOLD_SEC": f"{3 * poll_sec:g}"}


@pytest.fixture(scope="module")
def priced(running: System) -> System:
    for symbol in running.symbols:
        running.exchange.set_price(symbol, 1000)
    return running


@pytest.fixture
def one_way(priced: System) -> Iterator[System]:
    yield priced
    priced.exchange.clear_faults()


def test_four_cases_at_once_and_the_stale_one(one_way: System, poll_sec: float) -> None:
    system, threshold_sec = one_way, 3 * poll_sec
    long, short, drifted, flat, stale = (system.symbols[number] for number in (LONG, SHORT, DRIFTED, FLAT, STALE))
    for symbol, amt, ledger in (
        (long, "0.038", None),
        (short, "-0.038", None),
        (drifted, "1", "1.011"),
        (flat, "0", "0.038"),
        (stale, "0.5", None),
    ):
        system.hold_position(symbol, amt, ledger=ledger)

    plans = {symbol: system.publish(symbol) for symbol in (long, short, drifted, flat)}
    verdicts = {symbol: system.verdict(plan_id) for symbol, plan_id in plans.items()}

    for symbol, side, left in ((long, "SELL", "0.01"), (short, "BUY", "-0.01")):
        assert verdicts[symbol]["allow"] is True, verdicts[symbol]
        assert (verdicts[symbol]["safe_close_qty"], verdicts[symbol]["order_side"]) == (Decimal("0.028"), side)
        system.await_executed(plans[symbol], symbol, left)
        (order,) = system.orders(symbol)
        assert (Decimal(order["executedQty"]), order["side"]) == (Decimal("0.028"), side)
        assert system.exchange.position(symbol) == Decimal(left)
    assert verdicts[drifted]["reason"] == "reconcile_required_qty_mismatch"
    assert verdicts[flat]["reason"] == "no_position"
    again = system.publish(long)
    assert system.verdict(again)["reason"] == "cooldown_in_flight"
    system.assert_blocked(again, long, orders_before=1)
    for symbol in (drifted, flat):
        system.assert_blocked(plans[symbol], symbol)

    system.exchange.fault(status=503)
    fetched_ms = int(system.snapshot(stale)["ts_ms"])
    wait_until(
        lambda: int(system.client.time()[0]) * 1000 > fetched_ms + (threshold_sec + 1) * 1000,
        "the snapshot is older than the threshold",
        timeout_sec=30,
    )
    too_late = system.publish(stale)
    assert system.verdict(too_late)["reason"] == "stale_exchange_state"
    system.exchange.clear_faults()
    system.assert_blocked(too_late, stale)


def test_both_legs_are_closed_each_by_its_own_permit(one_way: System, venue: str) -> None:
    if not venue_spec(venue).has_hedge_mode:
        pytest.skip("the venue has no hedge mode")
    system, symbol = one_way, one_way.symbols[LEGS]
    legs = {"LONG": ("0.04", "0.02", "SELL", "0.02"), "SHORT": ("-0.03", "0.015", "BUY", "-0.015")}
    system.exchange.fault(hedge_mode=True)
    for side, (held, *_) in legs.items():
        system.exchange.set_position(symbol, held, position_side=side)
    for side, (held, *_) in legs.items():
        system.await_snapshot(f"{symbol}:{side}", held)
        system.set_ledger(f"{symbol}:{side}", held)
    plans = {side: system.publish(symbol, "CLOSE_PARTIAL_50", positionSide=side) for side in legs}
    for side, (_, quantity, order_side, left) in legs.items():
        verdict = system.verdict(plans[side])
        assert verdict["allow"] is True, verdict
        assert (verdict["safe_close_qty"], verdict["order_side"]) == (Decimal(quantity), order_side)
        system.await_executed(plans[side], f"{symbol}:{side}", left)
        assert system.exchange.position(symbol, side) == Decimal(left)
    assert system.verdict(system.publish(symbol))["reason"] == "position_side_required"
