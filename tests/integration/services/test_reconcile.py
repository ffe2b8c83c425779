"""A drift is explained, repaired or held; every hold ends; what is in doubt is waited for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.domain.holds import HoldReason
from p33_tasks.domain.reconciling import ExternalPolicy
from p33_tasks.domain.trades import ForcedKind
from tests.support.gate import SYMBOL
from tests.support.reconciling import Reconciled, lose_a_result
from tests.support.redis_server import RedisServer


def test_the_reserving_plans_own_final_order_is_repaired_at_once_and_releases(world: Reconciled) -> None:
    lose_a_result(world)
    assert world.refresh() == "repaired"
    assert world.agrees
    assert world.reserved_by() is None
    assert world.ledger()["barrier_ms"]
    assert (world.reconcile_events(), world.classes()[0]) == (["repaired"], "late")


def test_a_repair_of_an_order_of_unknown_outcome_ends_what_it_held(world: Reconciled) -> None:
    lose_a_result(world)
    ledger = world.keys.ledger(SYMBOL)
    world.redis.hset(ledger, "unknown_plan_id", "plan-1")
    world.redis.delete(world.keys.reservation(SYMBOL))
    world.redis.hdel(ledger, "barrier_ms")
    world.refresh()
    assert world.events() == ["service_hold_set", "service_hold_released"]
    assert world.agrees
    assert world.redis.get(world.keys.service_hold(SYMBOL)) is None
    assert world.redis.hget(ledger, "unknown_plan_id") is None


def test_a_repair_is_confirmed_by_the_next_snapshot(world: Reconciled) -> None:
    lose_a_result(world)
    world.refresh()
    world.redis.hdel(world.keys.ledger(SYMBOL), "barrier_ms")  # as if its time were over
    world.refresh()
    assert world.reconcile_events() == ["repaired", "confirmed"]
    world.refresh()
    assert world.reconcile_events() == ["repaired", "confirmed"]


def test_a_result_after_the_repair_changes_nothing(world: Reconciled) -> None:
    lose_a_result(world)
    world.refresh()
    before = world.ledger()
    world.report("plan-1", ("of-plan-1", "SELL", "0.030"))
    assert world.ledger() == before
    assert world.count(f"p33_unpermitted_execution_total|{SYMBOL}") == 0


def test_a_result_before_the_repair_leaves_nothing_to_repair(world: Reconciled) -> None:
    lose_a_result(world)
    world.report("plan-1", ("of-plan-1", "SELL", "0.030"))
    world.refresh()
    assert world.agrees
    assert world.reconcile_events() == []


def test_a_partial_result_is_completed_and_not_counted_twice(world: Reconciled) -> None:
    client_order_id = world.order()
    world.account.trade("7", "-0.010", client_order_id=client_order_id)
    world.report("plan-1", ("7", "SELL", "0.010"))
    world.account.trade("7", "-0.020", client_order_id=client_order_id)
    world.end_cooldown()
    assert world.refresh() == "repaired"
    assert world.agrees
    world.report("plan-1", ("7", "SELL", "0.030"))
    assert world.agrees


def test_an_order_in_flight_is_waited_for(world: Reconciled) -> None:
    client_order_id = world.order()
    world.account.trade("7", "-0.010", client_order_id=client_order_id, is_final=False)
    assert world.try_for_a_minute() == "wait"
    world.account.trade("7", "-0.020", client_order_id=client_order_id)
    assert world.try_again() == "repaired"
    assert world.agrees


@pytest.mark.parametrize("kind", list(ForcedKind))
def test_the_venues_own_trades_are_repaired(world: Reconciled, kind: ForcedKind) -> None:
    world.account.trade("7", "-0.010", client_order_id="autoclose-1", kind=kind)
    assert world.refresh() == "repaired"
    assert world.agrees
    assert world.classes() == [str(kind)]


def test_the_venues_marker_in_a_persons_order_is_external(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", client_order_id="adl_autoclose")
    assert world.refresh() == "held"
    assert world.hold()["reason"] == HoldReason.EXTERNAL  # type: ignore[index]


def test_an_order_with_our_prefix_and_no_consumption_is_external(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", client_order_id=world.own_order("plan-9"))
    assert world.refresh() == "held"
    assert world.ledger_amt() == "0.04"


def test_external_trades_are_held_with_the_numbers(world: Reconciled) -> None:
    world.account.trade("7", "-0.010")
    assert world.refresh() == "held"
    hold = world.hold()
    assert hold is not None
    (evidence,) = hold["evidence"]
    assert (hold["reason"], evidence["exchange"], evidence["ledger"]) == (HoldReason.EXTERNAL, "0.03", "0.04")
    assert evidence["shares"][0]["order_id"] == "7"
    assert hold["ends"] == "agreement"
    assert abs(hold["since_ms"] - world.now_ms()) < 60_000
    assert world.ledger_amt() == "0.04"


def test_external_trades_are_adopted_where_the_setting_says(server: RedisServer) -> None:
    world = Reconciled(server, external=ExternalPolicy.ADOPT)
    world.mark()
    world.account.trade("7", "-0.010")
    assert world.refresh() == "repaired"
    assert world.agrees
    assert world.classes() == ["external"]


def test_a_drift_without_trades_is_held_after_a_minute_and_not_before(world: Reconciled) -> None:
    world.account.amount = Decimal("0.030")
    assert world.refresh() == "wait"
    assert world.hold() is None
    assert world.try_for_a_minute() in {"held", "known"}
    assert world.hold()["reason"] == HoldReason.UNEXPLAINED  # type: ignore[index]
    assert world.ledger_amt() == "0.04"


def test_a_missing_trade_is_waited_for_and_repaired_when_it_is_listed(world: Reconciled) -> None:
    lose_a_result(world)
    world.expire_reservation()
    world.account.hidden = {world.account.trades[0].trade_id}
    assert world.refresh() == "wait"
    world.account.hidden = set()
    assert world.try_again() == "repaired"
    assert world.agrees


def test_a_position_that_lags_behind_its_trades_is_waited_for(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    world.account.trade("8", "-0.010", kind=ForcedKind.ADL)
    world.account.unseen = Decimal("-0.010")
    assert world.refresh() == "wait"
    world.account.unseen = Decimal(0)
    assert world.try_again() == "repaired"
    assert world.agrees


def test_a_trade_that_one_list_lacked_is_not_new_when_it_is_listed_again(world: Reconciled) -> None:
    first = world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    assert world.refresh() == "repaired"
    world.account.hidden = {first.trade_id}
    world.account.trade("8", "-0.010", kind=ForcedKind.ADL)
    assert world.refresh() == "repaired"
    world.account.hidden = set()
    world.account.trade("9", "-0.010", kind=ForcedKind.ADL)
    assert world.refresh() == "repaired"
    assert world.agrees


def test_an_order_from_before_the_watermark_is_read_in_full(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.LIQUIDATION, old_order=True)
    assert world.refresh() == "repaired"
    assert "order trades" in world.account.asked
    assert world.agrees


def test_a_side_flip_is_held_though_it_is_explained(world: Reconciled) -> None:
    world.account.trade("7", "-0.050", kind=ForcedKind.ADL)
    assert world.refresh() == "held"
    assert world.hold()["reason"] == HoldReason.SIDE_FLIP  # type: ignore[index]


def test_what_no_rule_denies_is_told_and_not_held(world: Reconciled) -> None:
    world.account.trade("7", "-0.0001")
    assert world.refresh() == "explained"
    assert world.hold() is None
    assert world.reconcile_events() == ["explained"]


def test_without_a_watermark_a_drift_is_held_since_its_history_is_missing(server: RedisServer) -> None:
    world = Reconciled(server)
    world.account.amount = Decimal("0.030")
    assert world.refresh() == "wait"
    world.try_for_a_minute()
    assert world.hold()["reason"] == HoldReason.HISTORY_MISSING  # type: ignore[index]
    assert world.account.asked == []


def test_a_venue_that_cannot_be_asked_explains_nothing_and_holds_nothing(world: Reconciled) -> None:
    world.account.amount = Decimal("0.030")
    world.account.is_down = True
    for _ in range(5):
        assert world.try_again() == "unread"
    assert world.hold() is None
    assert world.reconcile_events() == []


def test_a_reservation_is_waited_for(world: Reconciled) -> None:
    world.order()
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    assert world.try_for_a_minute() == "wait"
    assert world.reserved_by() == "plan-1"
    world.expire_reservation()
    assert world.try_again() == "repaired"
    assert world.agrees


def test_a_snapshot_from_before_the_barrier_is_waited_for(world: Reconciled) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    world.redis.hset(world.keys.ledger(SYMBOL), "barrier_ms", world.now_ms())
    assert world.refresh() == "wait"
    assert "trades" not in world.account.asked[3:]


def test_one_reconciles_at_a_time(world: Reconciled) -> None:
    first = world.store.claim(SYMBOL)
    assert first is not None
    assert world.refresh() == "busy"
    world.store.release(first)
    assert world.refresh() == "agreed"


def test_a_symbol_outside_the_allowlist_is_left_alone(world: Reconciled) -> None:
    assert world.service.reconcile("XRPUSDT") == "not_allowed"


@pytest.mark.parametrize("field", ["last_known_amt", "last_order_time_ms", "barrier_ms"])
def test_a_ledger_that_moved_meanwhile_is_not_repaired(world: Reconciled, field: str) -> None:
    world.account.trade("7", "-0.010", kind=ForcedKind.ADL)
    ask = world.account.fetch_positions

    def moved(symbols: object) -> object:
        value = "0.035" if field == "last_known_amt" else str(world.now_ms())
        world.redis.hset(world.keys.ledger(SYMBOL), field, value)
        return ask(symbols)  # type: ignore[arg-type]

    world.account.fetch_positions = moved  # type: ignore[method-assign,assignment]
    before = world.redis.hgetall(world.keys.fills(SYMBOL))
    assert world.refresh() == "moved"
    assert world.redis.hgetall(world.keys.fills(SYMBOL)) == before
    assert world.reconcile_events() == []


def test_a_result_that_is_recorded_meanwhile_is_not_repaired_again(world: Reconciled) -> None:
    lose_a_result(world)
    ask = world.account.fetch_positions

    def reported(symbols: object) -> object:
        world.report("plan-1", ("of-plan-1", "SELL", "0.030"))
        return ask(symbols)  # type: ignore[arg-type]

    world.account.fetch_positions = reported  # type: ignore[method-assign,assignment]
    world.refresh()
    world.account.fetch_positions = ask  # type: ignore[method-assign]
    assert world.agrees


def test_the_same_task_twice_repairs_once(world: Reconciled) -> None:
    lose_a_result(world)
    world.refresh()
    amount, events = world.ledger_amt(), world.reconcile_events()
    world.redis.hdel(world.keys.ledger(SYMBOL), "barrier_ms")
    assert world.reconcile() == "wait"
    assert (world.ledger_amt(), world.reconcile_events()) == (amount, events)
