"""The brain's acts, each one atomic, guard by guard as in the script of the same name.

An act returns its status word and Redis as it is afterwards. What a guard finds is the word that the script returns.
"""

from __future__ import annotations

from functools import lru_cache

from p33_tasks.domain.close_factors import close_factor
from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Facts, Ledger, Policy
from p33_tasks.domain.models import Snapshot as StoredSnapshot
from tests.factories import NOW_MS, make_facts, make_ledger, make_market, make_plan, make_policy, make_snapshot
from tests.model.scenario import Scenario
from tests.model.state import (
    ACKED,
    ALLOWED,
    DENIED,
    FILLED,
    JUDGING,
    NOT_EXECUTED,
    ORDER_ONLY,
    UNDECIDED,
    UNKNOWN,
    Judging,
    Limits,
    Order,
    Permit,
    Recording,
    Redis,
    Reservation,
    Result,
    Snapshot,
)

TICK_MS = 1_000
Acted = tuple[str, Redis]


# --- judging --------------------------------------------------------------------------------------------------------


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
) -> tuple[str, int]:
    run, snapshot, ledger, order_age, barrier, hold, reserved = facts
    amount = "0" if snapshot is None else str(snapshot.amount)
    stored: StoredSnapshot | None = None
    if snapshot is not None:
        stored = make_snapshot(amount, age_ms=snapshot.age * TICK_MS, run_id=str(snapshot.run))
    known: Ledger = make_ledger(
        None if ledger == UNKNOWN else str(ledger),
        last_order_time_ms=NOW_MS - order_age * TICK_MS,
        barrier_ms=NOW_MS - (barrier + limits.read_lag) * TICK_MS,
    )
    found: Facts = make_facts(
        amount,
        run_id=str(run),
        snapshot=stored,
        ledger=known,
        hold=hold,
        reserved_by="another plan" if reserved else None,
        market=make_market(step_size=1, min_qty=1),
    )
    plan = make_plan(action=action, close_factor=close_factor(action), issued_ms=NOW_MS - plan_age * TICK_MS)
    verdict = evaluate(plan, found, policy_of(limits))
    return ("allow", int(verdict.safe_close_qty)) if isinstance(verdict, Allow) else (str(verdict.reason), 0)


def judged(c: Scenario, redis: Redis, plan: int, *, at_use: bool = False) -> tuple[str, int]:
    """What the domain's own ``evaluate`` says now: ``allow`` and a quantity, or a reason.

    Args:
        c: The case.
        redis: The facts.
        plan: Which plan.
        at_use: Whether it still holds for the plan that was allowed: its own reservation and its age don't count.
    """
    facts = (
        redis.run,
        redis.snapshot,
        redis.ledger,
        redis.order_age,
        redis.barrier,
        redis.hold or redis.service_hold,
        redis.reservation is not None and not at_use,
    )
    return _judged(c.limits, c.actions[plan], 0 if at_use else redis.plans[plan].age, facts)


def load(c: Scenario, redis: Redis, plan: int) -> Judging | str:
    """load_facts.lua and ``evaluate``: a worker with an allow in its hands, a reason, or ``decided``."""
    if redis.plans[plan].decision != UNDECIDED:
        return "decided"
    word, qty = judged(c, redis, plan)
    snapshot = redis.snapshot
    if word != "allow" or snapshot is None:
        return word
    return Judging(JUDGING, plan, qty, snapshot.amount, snapshot.age, redis.run, redis.ledger, redis.order_age, since=0)


def commit_deny(c: Scenario, redis: Redis, index: int) -> Acted:
    """commit_verdict.lua for a deny. A worker that sleeps before it does this changes nothing: see ``deny`` below."""
    plan = redis.plans[index]
    if plan.decision != UNDECIDED and c.on("commit.decision"):
        return "exists", redis.with_plan(index, plan._replace(entry=ACKED))
    return "committed", redis.with_plan(index, plan._replace(entry=ACKED, decision=DENIED, permit=None))


def commit_allow(c: Scenario, redis: Redis, held: Judging) -> Acted:
    """commit_verdict.lua for an allow."""
    plan, limits = redis.plans[held.plan], c.limits
    if plan.decision != UNDECIDED and c.on("commit.decision"):
        return "exists", redis.with_plan(held.plan, plan._replace(entry=ACKED))
    what = _moved(c, redis, held)
    if what:
        return f"moved {what.removeprefix('service_')}", redis
    permit = None if held.since >= limits.ttl else Permit(held.qty, held.amount, held.since, held.run)
    after = redis.with_plan(held.plan, plan._replace(entry=ACKED, decision=ALLOWED, permit=permit))
    return "committed", after._replace(reservation=Reservation(held.plan, limits.ttl + limits.cooldown - 1))


def _moved(c: Scenario, redis: Redis, held: Judging) -> str:
    snapshot, limits = redis.snapshot, c.limits
    checks = (
        ("hold", redis.hold),
        ("service_hold", redis.service_hold),  # the script says "hold" of both
        ("reservation", redis.reservation is not None),
        ("run_id", redis.run != held.run),
        ("snapshot", snapshot != Snapshot(held.amount, held.snapshot_age, held.run)),
        ("snapshot_age", snapshot is None or snapshot.age > limits.stale),
        ("ledger", (redis.ledger, redis.order_age) != (held.ledger, held.order_age)),
        ("barrier", snapshot is None or snapshot.age > redis.barrier),
        ("plan_age", redis.plans[held.plan].age > limits.plan_age),
        ("permit_age", held.since >= limits.ttl),
    )
    return next((name for name, found in checks if found and c.on(f"commit.{name}")), "")


# --- consuming ------------------------------------------------------------------------------------------------------


def consume(c: Scenario, redis: Redis, index: int, verified: Permit, number: int) -> Acted:
    """consume_permits.lua, with the governor's permit granted; ``verified`` is the permit as the executor read it."""
    plan, limits = redis.plans[index], c.limits
    refusal = _refusal(c, redis, index, verified)
    if refusal:
        return refusal, redis
    kept = plan.permit if not c.on("consume.delete") else None
    after = redis.with_plan(index, plan._replace(permit=kept, consumed=number, consumed_age=0))
    if not c.on("consume.renew"):
        return "consumed", after
    left = limits.ttl - 1
    if c.on("consume.renew_long_enough"):
        left = max(left, limits.unseen + limits.stale)
    return "consumed", after._replace(reservation=Reservation(index, left))


def _refusal(c: Scenario, redis: Redis, index: int, verified: Permit) -> str:
    plan, snapshot, held, limits = redis.plans[index], redis.snapshot, redis.reservation, c.limits
    checks = (
        ("permit", plan.permit != verified, "missing" if plan.permit is None else "changed"),
        ("already", plan.consumed > 0, "already_consumed"),
        ("expired", verified.age >= limits.ttl, "expired"),
        ("run_id", redis.run != verified.run, "other_redis_run"),
        ("reservation", held is None or held.plan != index, "reservation_lost"),
        ("hold", redis.hold, "reconcile_hold_active"),
        ("service_hold", redis.service_hold, "reconcile_hold_active"),
        ("order_since", redis.order_age <= verified.age, "order_since_permit"),
        ("snapshot_age", snapshot is None or snapshot.age > limits.stale, "stale_exchange_state"),
        ("barrier", snapshot is None or snapshot.age > redis.barrier, "stale_exchange_state"),
        ("snapshot_run", snapshot is None or snapshot.run != verified.run, "snapshot_of_another_run"),
        ("position", snapshot is None or snapshot.amount != verified.amount, "position_changed"),
    )
    return next((word for name, found, word in checks if found and c.on(f"consume.{name}")), "")


# --- results --------------------------------------------------------------------------------------------------------


def record(c: Scenario, redis: Redis, held: Recording) -> Acted:
    """record_result.lua, with the sums that ``apply_fill`` made from the base in the worker's hands."""
    result, plan = held.result, redis.plans[held.result.plan]
    names_order = result.kind in {ORDER_ONLY, FILLED}
    if names_order and _base_moved(c, redis, held):
        return "moved", redis
    if result not in redis.results and c.on("result.acknowledged"):
        return "already", redis
    left = set(redis.results) - {result}
    if not names_order and plan.decision == UNDECIDED:
        left.add(result._replace(is_open=False))
    increase, after = 0, redis._replace(results=tuple(sorted(left)))
    if names_order:
        increase, after = _with_fill(c, after, held)
        is_news = held.remembered == UNKNOWN or increase > 0
        if plan.decision == UNDECIDED and is_news and c.on("result.tombstone"):
            after = after.with_plan(result.plan, plan._replace(decision=DENIED))
    elif plan.decision == UNDECIDED and c.on("result.abandoned"):
        after = after.with_plan(result.plan, plan._replace(decision=DENIED))
    return _released(c, after, result, permit_there=plan.permit is not None, filled=increase > 0)


def _base_moved(c: Scenario, redis: Redis, held: Recording) -> bool:
    plan, result = redis.plans[held.result.plan], held.result
    return (
        (redis.ledger != held.ledger and c.on("result.ledger"))
        or (plan.decision != held.decision and c.on("result.decision"))
        or (redis.executed(result.plan) != held.executed and c.on("result.executed"))
        or (redis.remembered(result.plan, result.by) != held.remembered and c.on("result.remembered"))
    )


def _with_fill(c: Scenario, redis: Redis, held: Recording) -> tuple[int, Redis]:
    result, known = held.result, max(held.remembered, 0)
    increase = max(result.qty - known, 0) if c.on("result.increase") else result.qty
    others = [o for o in redis.orders if (o.plan, o.by) != (result.plan, result.by)]
    order = Order(result.plan, result.by, max(known, result.qty))
    after = redis._replace(
        orders=tuple(sorted([*others, order])),
        ledger=redis.ledger if held.ledger == UNKNOWN else held.ledger - increase,
    )
    is_news = held.remembered == UNKNOWN or increase > 0
    if is_news and c.on("result.cooldown"):
        after = after._replace(order_age=0)
    return increase, after


def _released(c: Scenario, redis: Redis, result: Result, *, permit_there: bool, filled: bool) -> Acted:
    held, plan = redis.reservation, redis.plans[result.plan]
    if held is None or (held.plan != result.plan and c.on("result.own_reservation")):
        return "recorded none", redis
    if result.kind in {ORDER_ONLY, FILLED}:
        release = filled
    elif plan.consumed and c.on("result.unconsumed"):
        by_name = result.by == plan.consumed or not c.on("result.consume_id")
        release = result.kind != NOT_EXECUTED and by_name
    else:
        release = permit_there or not c.on("result.permit_there")
    if not release:
        return "recorded kept", redis
    left = plan.permit if not c.on("result.delete") else None
    barrier = redis.barrier
    if plan.consumed and c.on("result.barrier"):
        barrier = min(barrier, plan.consumed_age - c.limits.unseen - 1)
    free = redis.with_plan(result.plan, plan._replace(permit=left))
    return "recorded released", free._replace(reservation=None, barrier=barrier)


def reported(redis: Redis, plan: int, kind: int, *, by: int = 0, qty: int = 0) -> Redis | None:
    """The result stream with one entry more; None when it says this already."""
    result = Result(plan, kind, by, qty, is_open=True)
    if result in redis.results:
        return None
    return redis._replace(results=tuple(sorted((*redis.results, result))))


# --- holds -----------------------------------------------------------------------------------------------------------


def hold_position(c: Scenario, redis: Redis) -> Acted:
    """hold_position.lua: the reserved plan's permit goes, and its reservation, while that permit is there."""
    after, held = redis._replace(service_hold=True), redis.reservation
    if held is None:
        return "set", after
    plan = redis.plans[held.plan]
    if c.on("hold.withdraw") and (plan.permit is not None or not c.on("hold.consumed_stays")):
        after = after.with_plan(held.plan, plan._replace(permit=None))._replace(reservation=None)
        return f"set plan-{held.plan}" if plan.permit else "set", after
    return "set", after


# --- snapshots ------------------------------------------------------------------------------------------------------


def put(c: Scenario, redis: Redis, answer: Snapshot) -> Acted:
    """put_snapshots.lua."""
    if not c.on("refresh.time"):
        answer = answer._replace(age=0)
    if redis.run != answer.run and c.on("put.other_run"):
        return "other_run", redis
    if redis.snapshot is not None and redis.snapshot.age < answer.age and c.on("put.older"):
        return "older", redis
    return "ok", redis._replace(snapshot=answer)
