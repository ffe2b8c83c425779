"""In hedge mode each leg is reconciled apart: its trades, its hold, its watermark; identity is per symbol."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from p33_tasks.contract.positions import position_key
from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.models import Leg, PositionSide
from p33_tasks.domain.trades import ForcedKind
from p33_tasks.ports import ExecutionResult
from tests.support.gate import SYMBOL, make_result
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer

OTHER = {Leg.LONG: Leg.SHORT, Leg.SHORT: Leg.LONG}


@pytest.fixture(params=[Leg.LONG, Leg.SHORT], ids=str)
def world(request: pytest.FixtureRequest, server: RedisServer) -> Reconciled:
    """0.040 in this leg and 0.020 in the other, on both sides, with a watermark."""
    amount = "0.040" if request.param is Leg.LONG else "-0.040"
    made = Reconciled(server, amount=amount, leg=request.param)
    made.mark()
    return made


def lose_a_result(world: Reconciled, leg: Leg | None = None) -> None:
    world.account.trade("7", world.closing("0.030"), client_order_id=world.order(), leg=leg)


def result(quantity: str, side: PositionSide | None, world: Reconciled) -> ExecutionResult:
    order_side = "SELL" if world.leg is Leg.LONG else "BUY"
    found = make_result("plan-1", ("7", order_side, quantity))
    return found if side is None else make_result_of(found, side)


def make_result_of(found: ExecutionResult, side: PositionSide) -> ExecutionResult:
    return replace(found, fills=tuple(replace(fill, leg=side) for fill in found.fills))


def test_a_lost_result_of_a_leg_is_repaired_at_once_and_releases_that_leg(world: Reconciled) -> None:
    lose_a_result(world)
    other = world.ledger(leg=OTHER[world.leg])
    assert world.refresh() == "repaired"
    assert world.agrees
    assert world.reserved_by(leg=world.leg) is None
    assert world.ledger(leg=OTHER[world.leg])["last_known_amt"] == other["last_known_amt"]
    assert "barrier_ms" not in world.ledger(leg=OTHER[world.leg])
    assert world.count(f"p33_reconcile_total|{world.position}|repaired") == 1


def test_a_result_after_the_repair_changes_nothing(world: Reconciled) -> None:
    lose_a_result(world)
    world.refresh()
    before = world.dump()
    for side in (None, PositionSide(str(world.leg))):
        world.recorder.record(result("0.030", side, world), world.publish_result())
    assert world.agrees
    assert world.count(f"p33_permit_breach_total|{world.position}|leg") == 0
    assert world.hold() is None
    ledger = world.keys.ledger(SYMBOL, world.leg)
    assert world.dump()[ledger] == before[ledger]


def test_an_order_that_no_leg_could_be_told_for_is_repaired_once(world: Reconciled) -> None:
    """Remembered with 0; the repair books it to the venue's leg, a later report that names the leg adds nothing."""
    world.account.trade("7", world.closing("0.010"), client_order_id="web_7", kind=ForcedKind.ADL)
    world.recorder.record(
        make_result("plan-of-nobody", ("7", "SELL" if world.leg is Leg.LONG else "BUY", "0.010")),
        world.publish_result(),
    )
    assert not world.agrees
    world.end_cooldown(leg=world.leg)
    assert world.refresh() == "repaired"
    assert world.agrees
    world.recorder.record(result("0.010", PositionSide(str(world.leg)), world), world.publish_result())
    assert world.agrees


def test_trades_of_the_other_leg_explain_nothing(world: Reconciled) -> None:
    world.account.trade("7", world.closing("0.010"), kind=ForcedKind.ADL, leg=OTHER[world.leg])
    world.account.amount += Decimal(world.closing("0.010"))
    world.account.other_amount -= Decimal(world.closing("0.010"))
    assert world.refresh() == "wait"
    world.try_for_a_minute()
    assert (world.hold() or {})["reason"] == HoldReason.UNEXPLAINED
    assert not world.agrees


def test_an_order_remembered_for_one_leg_is_never_applied_to_the_other(world: Reconciled) -> None:
    """The report named the wrong leg; the venue's trades say the other. Both legs are left to a person."""
    world.recorder.record(result("0.010", PositionSide(str(OTHER[world.leg])), world), world.publish_result())
    world.account.trade("7", world.closing("0.010"))
    world.end_cooldown(leg=world.leg)
    before = world.ledger_amt(leg=world.leg)
    world.try_for_a_minute()
    assert world.hold() is not None
    assert world.ledger_amt(leg=world.leg) == before


def test_a_hold_of_one_leg_is_none_of_the_other_and_ends_by_its_own_agreement(world: Reconciled) -> None:
    other = OTHER[world.leg]
    world.account.trade("7", world.closing("0.010"))
    assert world.refresh() == "held"
    assert world.redis.get(world.keys.service_hold(SYMBOL, other)) is None
    for _ in range(AGREEMENTS + 1):  # the other leg agrees all the time, and frees nobody but itself
        world.refresh()
        world.service.reconcile(position_key(SYMBOL, other))
    assert world.hold() is not None
    world.account.trade("8", world.closing("-0.010").replace("--", ""))
    for _ in range(AGREEMENTS):
        world.refresh()
    assert world.hold() is None


def test_both_legs_are_due_and_the_symbol_is_not(world: Reconciled) -> None:
    world.account.trade("7", world.closing("0.010"))
    world.put(world.account.position)
    assert world.store.due([SYMBOL]) == (world.position, position_key(SYMBOL, OTHER[world.leg]))
    world.put_ledger("1")
    assert world.service.reconcile(SYMBOL) == "unknown"


def test_a_switch_of_the_mode_ends_the_watermark_and_the_repair(world: Reconciled) -> None:
    """What was known of a leg is void once the symbol has left hedge mode, also when it comes back."""
    world.account.trade("7", world.closing("0.010"), kind=ForcedKind.ADL)
    ask = world.account.fetch_positions

    def switched(symbols: object) -> object:
        world.put_position("0")
        return ask(symbols)  # type: ignore[arg-type]

    world.account.fetch_positions = switched
    assert world.refresh() == "moved"
    world.account.fetch_positions = ask
    assert world.reconcile() == "unknown"
    assert world.store.due([SYMBOL]) == (SYMBOL,)
    world.put(world.account.position)
    assert world.reconcile() == "unknown"  # no amount: the leg begins anew
    world.put_ledger(world.account.shown + 1, leg=world.leg, last_order_time_ms="1")
    world.redis.set(world.keys.ledger_origin(SYMBOL, world.leg), world.now_ms())
    assert world.try_for_a_minute() in {"held", "known"}
    assert (world.hold() or {})["reason"] == HoldReason.HISTORY_MISSING


def test_a_repair_is_not_written_once_the_symbol_has_another_mode(world: Reconciled) -> None:
    world.account.trade("7", world.closing("0.010"), kind=ForcedKind.ADL)
    ask = world.account.fetch_positions

    def switched(symbols: object) -> object:
        world.redis.hset(world.keys.snapshot(SYMBOL), "position_mode", "one_way")
        return ask(symbols)  # type: ignore[arg-type]

    world.account.fetch_positions = switched
    before = world.ledger(leg=world.leg)
    assert world.refresh() == "moved"
    assert world.ledger(leg=world.leg) == before


def test_a_symbol_that_left_hedge_mode_explains_no_leg(world: Reconciled) -> None:
    """The venue's answer to the last question is another mode's: nothing is known then."""
    world.account.trade("7", world.closing("0.010"), kind=ForcedKind.ADL)
    world.put(world.account.position)
    world.account.leg = Leg.BOTH
    assert world.reconcile() == "unread"
    assert not world.agrees
