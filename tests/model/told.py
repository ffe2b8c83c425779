"""What the model says Redis holds, in the words in which ``Clockwork.view`` tells what a real one holds."""

from __future__ import annotations

from typing import Any

from p33_tasks.domain.models import Leg
from tests.model import promotion_replay
from tests.model.judging import LEGS, signed
from tests.model.scenario import Scenario
from tests.model.state import OPEN, Permit, Redis


def legs_of(case: Scenario) -> tuple[Leg, ...]:
    """The symbol's positions."""
    return LEGS if case.legs else (Leg.BOTH,)


def leg_of(case: Scenario, plan: int) -> Leg:
    """The position that a plan closes."""
    return legs_of(case)[case.leg_of(plan)]


def view_of(c: Scenario, redis: Redis) -> dict[str, Any]:
    """What the model says Redis holds, as ``Clockwork.view`` tells it."""
    return {
        "positions": [_position_of(c.at(redis, at), leg) for at, leg in enumerate(legs_of(c))],
        "hold": redis.hold,
        "orders": {f"{order.plan}-{order.by}": str(order.qty) for order in redis.orders},
        "plans": [
            (
                plan.entry == OPEN,
                plan.decision,
                plan.permit and _permit_of(plan.permit, leg_of(c, index)),
                f"consumption-{index}-{plan.consumed}" if plan.consumed else None,
            )
            for index, plan in enumerate(redis.plans)
        ],
    }


def _position_of(redis: Redis, leg: Leg) -> dict[str, Any]:
    snapshot, held = redis.snapshot, redis.reservation
    assert snapshot is not None, "the replay begins with a snapshot"
    return {
        "barrier": redis.barrier,
        "snapshot": (signed(snapshot.amount, leg), snapshot.age),
        "ledger": signed(redis.ledger, leg),
        "order_age": redis.order_age,
        "service_hold": redis.service_hold,
        "unknown": (None if redis.unknown < 0 else f"plan-{redis.unknown}", [f"plan-{one}" for one in redis.held_for]),
        "reservation": (None, None) if held is None else (f"plan-{held.plan}", held.left),
        "prepared": promotion_replay.view_of(redis, leg),
    }


def _permit_of(permit: Permit, leg: Leg) -> tuple[str, str, str, int, int]:
    return leg.value, str(permit.qty), signed(permit.amount, leg), permit.age, permit.left
