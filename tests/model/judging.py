"""What the domain's own ``evaluate`` says of the model's facts."""

from __future__ import annotations

from functools import lru_cache

from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Facts, Ledger, Leg, Policy
from p33_tasks.domain.models import Snapshot as StoredSnapshot
from tests.factories import NOW_MS, make_facts, make_ledger, make_market, make_plan, make_policy, make_snapshot
from tests.model.scenario import Scenario
from tests.model.state import NOBODY, UNKNOWN, Limits, Redis, Snapshot

TICK_MS = 1_000
LEGS = (Leg.LONG, Leg.SHORT)


def signed(amount: int, leg: Leg) -> str:
    """A magnitude of the model as the amount that is stored."""
    return str(-amount if leg is Leg.SHORT else amount)


def policy_of(limits: Limits) -> Policy:
    """The limits as the domain knows them."""
    return make_policy(
        stale_threshold_ms=limits.stale * TICK_MS,
        cooldown_ms=limits.cooldown * TICK_MS,
        plan_max_age_ms=limits.plan_age * TICK_MS,
        permit_ttl_ms=limits.ttl * TICK_MS,
        read_lag_ms=limits.read_lag * TICK_MS,
    )


@lru_cache(maxsize=200_000)
def _judged(
    limits: Limits,
    action: str,
    plan_age: int,
    facts: tuple[int, Snapshot | None, int, int, int, bool, bool],
    leg: Leg = Leg.BOTH,
) -> tuple[str, int]:
    run, snapshot, ledger, order_age, barrier, hold, reserved = facts
    amount = "0" if snapshot is None else signed(snapshot.amount, leg)
    stored: StoredSnapshot | None = None
    if snapshot is not None:
        is_hedged = leg is not Leg.BOTH
        stored = make_snapshot(amount, age_ms=snapshot.age * TICK_MS, run_id=str(snapshot.run), hedge_mode=is_hedged)
    known: Ledger = make_ledger(
        None if ledger == UNKNOWN else signed(ledger, leg),
        last_order_time_ms=NOW_MS - order_age * TICK_MS,
        barrier_ms=NOW_MS - (barrier + limits.read_lag) * TICK_MS,
    )
    found: Facts = make_facts(
        amount,
        run_id=str(run),
        position_side=leg,
        snapshot=stored,
        ledger=known,
        hold=hold,
        reserved_by="another plan" if reserved else None,
        market=make_market(step_size=1, min_qty=1),
    )
    plan = make_plan(
        action=action, close_factor=close_factor(action), issued_ms=NOW_MS - plan_age * TICK_MS, position_side=leg
    )
    verdict = evaluate(plan, found, policy_of(limits))
    return ("allow", int(verdict.safe_close_qty)) if isinstance(verdict, Allow) else (str(verdict.reason), 0)


def judged(c: Scenario, redis: Redis, plan: int, *, at_use: bool = False, is_new: bool = False) -> tuple[str, int]:
    """What the domain's own ``evaluate`` says now: ``allow`` and a quantity, or a reason.

    Args:
        c: The case.
        redis: The facts.
        plan: Which plan.
        at_use: Whether it still holds for the plan that was allowed: its own reservation and its age don't count.
        is_new: Whether it would hold for such a plan of now.
    """
    redis = c.at(redis, c.leg_of(plan))
    facts = (
        redis.run,
        redis.snapshot,
        redis.ledger,
        redis.order_age,
        redis.barrier,
        redis.hold or redis.service_hold or _is_in_doubt(c, redis),
        redis.reservation is not None and not at_use,
    )
    leg = LEGS[c.leg_of(plan)] if c.legs else Leg.BOTH
    return _judged(c.limits, c.actions[plan], 0 if at_use or is_new else redis.plans[plan].age, facts, leg)


def _is_in_doubt(c: Scenario, redis: Redis) -> bool:
    """``decode_holds``: the reservation of a plan of unknown outcome is gone."""
    held = redis.reservation
    by_note = redis.unknown != NOBODY and (held is None or held.plan != redis.unknown)
    return by_note and c.on("load.unknown")
