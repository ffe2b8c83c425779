"""Reconciliation holds what it can't explain, in each mode; what is due, and orders beyond their permits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.reconciling import Mode
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.errors import ExchangeBudgetSpentError
from p33_tasks.ports import HoldRequest
from p33_tasks.store.budget import RedisRequestBudget
from p33_tasks.store.drift_budget import ReconcileBudget
from tests.support.gate import SYMBOL
from tests.support.reconciling import Reconciled, lose_a_result
from tests.support.redis_server import RedisServer


def breaches(world: Reconciled, kind: str) -> int:
    return world.count(f"p33_permit_breach_total|{SYMBOL}|{kind}")


def test_a_hold_ends_after_three_agreeing_snapshots(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")
    world.refresh()
    world.account.trade("8", "0.010")
    for _ in range(AGREEMENTS - 1):
        world.refresh()
        world.reconcile()  # the same snapshot doesn't count twice
        assert world.hold() is not None
    assert world.refresh() == "released"
    assert world.hold() is None
    assert world.reconcile_events() == ["held", "released"]


def test_agreements_in_a_row_are_counted_anew_after_a_drift(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")
    world.refresh()
    world.account.trade("8", "0.010")
    world.refresh()
    world.refresh()
    world.account.trade("9", "-0.010")
    world.try_again()
    world.account.trade("10", "0.010")
    world.refresh()
    assert world.hold() is not None


def test_an_operators_hold_is_never_touched(world: Reconciled) -> None:
    world.operator.set_hold(SYMBOL, why="stop", by="person")
    set_by_a_person = world.redis.get(world.keys.hold(SYMBOL))
    world.account.trade("7", "-0.010")
    world.refresh()
    world.account.trade("8", "0.010")
    for _ in range(AGREEMENTS):
        world.refresh()
    assert world.hold() is None
    assert world.redis.get(world.keys.hold(SYMBOL)) == set_by_a_person is not None


def test_a_hold_of_another_kind_does_not_end_by_agreement(world: Reconciled) -> None:
    world.redis.set(world.keys.service_hold(SYMBOL), '{"reason":"breach","ends":"person"}')
    for _ in range(AGREEMENTS + 1):
        world.refresh()
    assert world.hold() == {"reason": "breach", "ends": "person"}


def test_released_by_hand_the_same_facts_are_not_held_twice(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")
    world.refresh()
    world.redis.delete(world.keys.service_hold(SYMBOL))
    assert world.try_again() == "known"
    assert world.hold() is None
    world.account.trade("8", "-0.001")
    assert world.try_again() == "held"


def test_a_hold_takes_an_unconsumed_permit_with_it(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")
    world.redis.set(world.keys.permit("plan-1"), "{}")
    world.redis.set(world.keys.reservation(SYMBOL), "plan-1")
    state = world.store.claim(SYMBOL)
    assert state is not None

    request = HoldRequest(reason=HoldReason.UNEXPLAINED, event_id="e", evidence_json='{"id":"e"}', fields={}, next_ms=0)
    assert world.store.hold(state, request) == "held"
    assert world.permit() is None
    assert world.reserved_by() is None


def test_a_repair_that_is_not_confirmed_is_held(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    world.refresh()
    world.account.amount = Decimal("0.020")
    world.refresh()
    assert world.hold()["reason"] == HoldReason.CONFIRMATION_FAILED  # type: ignore[index]


def test_a_held_position_is_still_repaired_when_its_trades_come(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    world.account.hidden = {"1"}
    world.try_for_a_minute()
    assert world.hold() is not None
    world.account.hidden = set()
    assert world.try_again() == "repaired"
    for _ in range(AGREEMENTS):
        world.refresh()
    assert world.hold() is None
    assert world.agrees


def test_observe_writes_its_own_keys_and_nothing_else(server: RedisServer) -> None:
    world = Reconciled(server, mode=Mode.OBSERVE)
    world.mark()
    lose_a_result(world)
    world.expire_reservation()
    world.put_position(world.account.shown)
    before = world.dump()
    assert world.reconcile() == "explained"
    after = world.dump()
    own = (world.keys.watermark(SYMBOL), world.keys.reconcile_case(SYMBOL), world.keys.reconcile_events)
    shared = (world.keys.budget, world.keys.reconcile_budget, world.keys.counters)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed <= {*own, *shared}
    assert world.reconcile_events() == ["explained"]
    assert world.classes() == ["late"]


def test_observe_never_holds(server: RedisServer) -> None:
    world = Reconciled(server, mode=Mode.OBSERVE)
    world.mark()
    world.account.amount = Decimal("0.030")
    world.try_for_a_minute()
    world.account.trade("7", "-0.001")
    world.try_for_a_minute()
    assert world.hold() is None
    assert world.ledger_amt() == "0.04"


def test_a_position_is_due_for_a_watermark_then_not_then_for_its_drift(server: RedisServer) -> None:
    world = Reconciled(server)
    assert world.store.due([SYMBOL]) == (SYMBOL,)
    world.mark()
    assert world.store.due([SYMBOL]) == ()
    world.account.amount = Decimal("0.030")
    world.put_position(world.account.shown)
    assert world.store.due([SYMBOL]) == (SYMBOL,)
    assert world.reconcile() == "wait"
    assert world.store.due([SYMBOL]) == ()
    world.back_date("next_ms", 10**7)
    assert world.store.due([SYMBOL]) == (SYMBOL,)


def test_drifts_come_before_watermarks(world: Reconciled) -> None:
    world.put_ledger("1", symbol="ETHUSDT")
    world.put_position("1", symbol="ETHUSDT")
    world.put_position("0.030")
    assert world.store.due(["ETHUSDT", SYMBOL]) == (SYMBOL, "ETHUSDT")


def test_one_drift_uses_at_most_its_weight(world: Reconciled) -> None:

    own = RedisRequestBudget(world.redis, world.keys, own_weight=240, venue_weight=240, is_reconcile=True)
    budget = ReconcileBudget(own, world.budget)
    for _ in range(4):
        budget.begin()
        budget.acquire(60)
        with pytest.raises(ExchangeBudgetSpentError):
            budget.acquire(1)
    budget.begin()
    with pytest.raises(ExchangeBudgetSpentError):
        budget.acquire(1)


def test_an_order_beyond_its_permit_whose_result_is_lost_is_counted_held_and_repaired(world: Reconciled) -> None:
    lose_a_result(world, quantity="-0.038")  # the permit was for 0.030
    assert [world.refresh(), world.refresh()] == ["moved", "repaired"]
    assert world.agrees
    hold = world.hold()
    assert hold is not None
    assert (hold["reason"], hold["ends"]) == (HoldReason.BREACH, "person")
    assert breaches(world, "quantity") == 1
    world.report("plan-1", ("of-plan-1", "SELL", "0.038"))  # the result comes after all
    assert breaches(world, "quantity") == 1
    assert world.agrees


def test_an_order_on_the_wrong_side_is_one(world: Reconciled) -> None:
    lose_a_result(world, quantity="0.010")
    assert world.refresh() == "moved"
    assert breaches(world, "side") == 1
    assert world.refresh() == "repaired"


def test_what_its_result_counted_is_not_counted_again(world: Reconciled) -> None:
    client_order_id = world.order()
    world.account.trade("7", "-0.038", client_order_id=client_order_id)
    world.report("plan-1", ("7", "SELL", "0.031"))  # a part of it, already too much
    assert breaches(world, "quantity") == 1
    world.end_cooldown()
    assert world.refresh() == "repaired"
    assert breaches(world, "quantity") == 1
    assert world.agrees


def test_within_its_permit_nothing_is_counted_or_held(world: Reconciled) -> None:
    lose_a_result(world)
    assert world.refresh() == "repaired"
    assert world.hold() is None
    assert not [name for name in world.redis.hkeys(world.keys.counters) if "breach" in name]


def test_where_breaches_hold_nothing_they_are_counted_all_the_same(world: Reconciled) -> None:
    world.store._hold_on_breach = False
    lose_a_result(world, quantity="-0.038")
    assert [world.refresh(), world.refresh()] == ["moved", "repaired"]
    assert (world.hold(), breaches(world, "quantity")) == (None, 1)
