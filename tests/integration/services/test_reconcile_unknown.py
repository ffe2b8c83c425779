"""A repair of a plan's own order is final: what the venue's trades tell of an outcome isn't doubted again."""

from __future__ import annotations

from typing import Any

import pytest

from p33_tasks.apply import Consumed
from p33_tasks.domain import exact_json
from p33_tasks.domain.holds import AGREEMENTS, HoldReason
from p33_tasks.domain.models import Leg
from tests.support.gate import SYMBOL
from tests.support.reconciling import Reconciled
from tests.support.redis_server import RedisServer


@pytest.fixture(params=list(Leg), ids=str)
def world(request: pytest.FixtureRequest, server: RedisServer) -> Reconciled:
    """0.040 in this position, on both sides, with a watermark."""
    leg: Leg = request.param
    made = Reconciled(server, amount="-0.040" if leg is Leg.SHORT else "0.040", leg=leg)
    made.mark()
    return made


def consume(world: Reconciled, plan_id: str = "plan-1") -> Consumed:
    world.put(world.account.position)
    world.allow(plan_id, position_side=world.leg)
    taken: Consumed = world.consume(plan_id)
    return taken


def execute(world: Reconciled, plan_id: str = "plan-1", **changes: Any) -> None:
    """The venue executed the plan's order; nobody has reported it."""
    client_order_id = changes.pop("client_order_id", world.own_order(plan_id))
    world.account.trade(f"of-{plan_id}", world.closing("0.030"), client_order_id=client_order_id, **changes)


def say_unknown(world: Reconciled, taken: Consumed, *fills: tuple[str, str, str], **changes: Any) -> None:
    world.report("plan-1", *fills, executed=False, unknown=True, consume_id=taken.consume_id, **changes)


def end_reservation(world: Reconciled) -> None:
    """Its time is over, and so is the barrier's."""
    world.expire_reservation()
    world.redis.hdel(world.keys.ledger(SYMBOL, world.leg), "barrier_ms")


def drift_and_undo(world: Reconciled) -> None:
    """Held for somebody else's trade, and agreeing again, one snapshot short of the end."""
    world.account.trade("7", world.closing("0.010"))
    assert world.refresh() == "held"
    world.account.trade("8", world.closing("-0.010").replace("--", ""))
    assert "released" not in [world.refresh() for _ in range(AGREEMENTS - 1)]


def join_and_leave(world: Reconciled, taken: Consumed) -> None:
    """An unknown outcome joins the hold, and becomes known."""
    world.redis.hset(world.keys.consumed("plan-1"), "consumed_ms", world.now_ms() - 600_001)
    say_unknown(world, taken)
    world.report("plan-1", executed=False, rejected=True, consume_id=taken.consume_id)
    end_reservation(world)


def holds_nothing(world: Reconciled) -> bool:
    note = world.redis.hget(world.keys.ledger(SYMBOL, world.leg), "unknown_plan_id")
    return not note and world.hold() is None and world.reserved_by(leg=world.leg) is None


@pytest.mark.parametrize("is_reserved", [True, False])
def test_an_unknown_that_is_said_after_the_repair_holds_nothing(world: Reconciled, *, is_reserved: bool) -> None:
    taken = consume(world)
    if not is_reserved:
        end_reservation(world)
    execute(world)
    assert world.refresh() == "repaired"
    say_unknown(world, taken)
    assert holds_nothing(world)
    world.put(world.account.position)
    assert holds_nothing(world)


@pytest.mark.parametrize("is_reserved", [True, False])
def test_an_unknown_that_is_said_before_the_repair_ends_with_it_and_stays_so(
    world: Reconciled, *, is_reserved: bool
) -> None:
    taken = consume(world)
    say_unknown(world, taken)
    if not is_reserved:
        end_reservation(world)
    execute(world)
    assert world.refresh() == "repaired"
    assert holds_nothing(world)
    say_unknown(world, taken)
    world.put(world.account.position)
    assert holds_nothing(world)


def test_one_that_is_said_before_the_repair_and_recorded_after_it_holds_nothing(world: Reconciled) -> None:
    taken = consume(world)
    end_reservation(world)
    said = world.publish_result()
    execute(world)
    assert world.refresh() == "repaired"
    say_unknown(world, taken, entry=said)
    assert holds_nothing(world)


def test_of_two_plans_each_repaired_one_is_known_and_the_other_is_not(world: Reconciled) -> None:
    first = consume(world)
    end_reservation(world)
    execute(world)
    assert world.refresh() == "repaired"
    world.end_cooldown(leg=world.leg)
    world.put(world.account.position)
    world.allow("plan-2", position_side=world.leg, action="CLOSE_FULL")
    second = world.consume("plan-2")
    say_unknown(world, first)
    assert world.hold() is None
    world.report("plan-2", executed=False, unknown=True, consume_id=second.consume_id)
    end_reservation(world)
    world.put(world.account.position)
    (evidence,) = (world.hold() or {})["evidence"]
    assert evidence["plan_id"] == "plan-2"


def test_a_repair_ends_it_at_each_position_that_a_switch_of_the_mode_took_it_to(world: Reconciled) -> None:
    taken = consume(world)
    say_unknown(world, taken)
    end_reservation(world)
    about: Any = {"reason": HoldReason.OUTCOME_UNKNOWN, "evidence_id": "unknown", "evidence": {"plan_id": "plan-1"}}
    for leg in Leg:
        world.service_holds.set(SYMBOL, leg, **about)
    execute(world)
    assert world.refresh() == "repaired"
    assert holds_nothing(world)
    assert [world.service_holds.read(SYMBOL, leg) for leg in Leg] == [None] * 3


def test_a_repair_of_an_order_that_only_a_result_named_says_nothing_of_the_plans_others(world: Reconciled) -> None:
    """Its client order id isn't the plan's: the executor may have sent a second order for the plan."""
    taken = consume(world)
    side = "BUY" if world.leg is Leg.SHORT else "SELL"
    say_unknown(world, taken, ("of-plan-1", side, "0"))
    end_reservation(world)
    execute(world, client_order_id="the-executors-own")
    world.end_cooldown(leg=world.leg)
    world.refresh()
    assert world.agrees
    hold = exact_json.loads_object(world.redis.get(world.keys.service_hold(SYMBOL, world.leg)) or "{}")
    assert hold["reason"] == "outcome_unknown"
    world.report("plan-1", ("of-plan-1", side, "0.030"))
    assert world.hold() is None


def test_a_hold_of_a_drift_that_an_unknown_outcome_joined_ends_by_agreement_once_that_is_known(
    world: Reconciled,
) -> None:
    taken = consume(world)
    end_reservation(world)
    world.account.trade("7", world.closing("0.010"))  # somebody else's
    assert world.refresh() == "held"
    world.redis.hset(world.keys.consumed("plan-1"), "consumed_ms", world.now_ms() - 600_001)
    say_unknown(world, taken)
    assert (world.hold() or {})["ends"] == "person"
    world.report("plan-1", executed=False, rejected=True, consume_id=taken.consume_id)
    end_reservation(world)
    world.account.trade("8", world.closing("-0.010").replace("--", ""))  # undone
    assert [world.refresh() for _ in range(AGREEMENTS)][-1] == "released"
    assert world.hold() is None


def test_agreements_from_before_an_unknown_outcome_joined_dont_count(world: Reconciled) -> None:
    """What came in between isn't known: the count begins anew with what is left of the hold."""
    taken = consume(world)
    end_reservation(world)
    drift_and_undo(world)
    join_and_leave(world, taken)
    assert "released" not in [world.refresh() for _ in range(AGREEMENTS - 1)]
    assert world.refresh() == "released"


def test_a_hold_that_was_reduced_is_never_the_one_from_before(world: Reconciled) -> None:
    """It has the same reasons again, and agreements are counted of a hold as it is written."""
    taken = consume(world)
    end_reservation(world)
    drift_and_undo(world)
    for _ in range(2):
        before = world.hold()
        join_and_leave(world, taken)
        assert world.hold() is not None
        assert world.hold() != before
        assert "released" not in [world.refresh() for _ in range(AGREEMENTS - 1)]
    assert world.refresh() == "released"


def test_a_snapshot_that_differs_ends_the_count_also_while_an_order_may_be_in_flight(world: Reconciled) -> None:
    """An emergency close passes the hold; the snapshots in a row are those that were seen."""
    consume(world)
    end_reservation(world)
    drift_and_undo(world)
    ledger = world.keys.ledger(SYMBOL, world.leg)
    world.account.trade("9", world.closing("0.010"))
    world.redis.hset(ledger, "barrier_ms", world.now_ms() + 60_000)
    assert world.refresh() == "wait"
    world.account.trade("10", world.closing("-0.010").replace("--", ""))
    world.redis.hdel(ledger, "barrier_ms")
    assert "released" not in [world.refresh() for _ in range(AGREEMENTS - 1)]
    assert world.refresh() == "released"
