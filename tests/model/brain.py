"""The brain's acts, each one atomic, guard by guard as in the script of the same name.

An act returns its status word and Redis as it is afterwards. What a guard finds is the word that the script returns.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from tests.model.judging import judged
from tests.model.memo import of_one_case
from tests.model.scenario import Scenario
from tests.model.state import (
    ACKED,
    ALLOWED,
    DENIED,
    JUDGING,
    NOBODY,
    UNDECIDED,
    Judging,
    Permit,
    Recording,
    Redis,
    Reservation,
    Snapshot,
)

CUT_TTL = 1
"""P33_PERMIT_TTL after it was lowered, in ticks."""
Acted = tuple[str, Redis]


def on_its_leg(act: Callable[..., Acted]) -> Callable[..., Acted]:
    """An act about a plan has the book of the plan's position in front."""

    @wraps(act)
    def acted(c: Scenario, redis: Redis, about: int | Judging | Recording, *facts: object) -> Acted:
        if not c.legs:
            return act(c, redis, about, *facts)
        leg = c.leg_of(plan_of(about))
        if act.__name__ == "consume" and not c.on("consume.leg"):
            leg = 0
        word, after = act(c, c.at(redis, leg), about, *facts)
        return word, c.at(after, 0)

    return acted


def plan_of(about: int | Judging | Recording) -> int:
    """Which plan an act is about."""
    if isinstance(about, int):
        return about
    return about.plan if isinstance(about, Judging) else about.result.plan


# --- judging --------------------------------------------------------------------------------------------------------


@of_one_case
def load(c: Scenario, redis: Redis, plan: int) -> Judging | str:
    """load_facts.lua and ``evaluate``: a worker with an allow in its hands, a reason, or ``decided``."""
    if redis.plans[plan].decision != UNDECIDED:
        return "decided"
    word, qty = judged(c, redis, plan)
    redis = c.at(redis, c.leg_of(plan))
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


@of_one_case
@on_its_leg
def commit_allow(c: Scenario, redis: Redis, held: Judging) -> Acted:
    """commit_verdict.lua for an allow."""
    plan, limits = redis.plans[held.plan], c.limits
    if plan.decision != UNDECIDED and c.on("commit.decision"):
        return "exists", redis.with_plan(held.plan, plan._replace(entry=ACKED))
    what = _moved(c, redis, held)
    if what:
        return f"moved {what}", redis
    permit = None
    if held.since < limits.ttl:
        permit = Permit(held.qty, held.amount, held.since, held.run, limits.ttl - 1 - held.since)
    after = redis.with_plan(held.plan, plan._replace(entry=ACKED, decision=ALLOWED, permit=permit))
    return "committed", after._replace(reservation=Reservation(held.plan, limits.ttl + limits.cooldown - 1))


def _moved(c: Scenario, redis: Redis, held: Judging) -> str:
    snapshot, limits = redis.snapshot, c.limits
    checks = (
        ("hold", redis.hold),
        ("service_hold", redis.service_hold),
        ("reservation", redis.reservation is not None),
        ("run_id", redis.run != held.run),
        ("snapshot", snapshot != Snapshot(held.amount, held.snapshot_age, held.run)),
        ("snapshot_age", snapshot is None or snapshot.age > limits.stale),
        ("ledger", (redis.ledger, redis.order_age) != (held.ledger, held.order_age)),
        ("barrier", snapshot is None or snapshot.age > redis.barrier),
        ("unknown", redis.unknown != NOBODY),
        ("plan_age", redis.plans[held.plan].age > limits.plan_age),
        ("permit_age", held.since >= limits.ttl),
    )
    return next((name for name, found in checks if found and c.on(f"commit.{name}")), "")


# --- consuming ------------------------------------------------------------------------------------------------------


@of_one_case
@on_its_leg
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
        (
            "permit",
            plan.permit is None or plan.permit[:4] != verified[:4],
            "missing" if plan.permit is None else "changed",
        ),
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


# --- holds -----------------------------------------------------------------------------------------------------------


@of_one_case
def hold_position(c: Scenario, redis: Redis, leg: int) -> Acted:
    """hold_position.lua."""
    word, after = hold(c, c.at(redis, leg))
    return word, c.at(after, 0)


def hold(c: Scenario, redis: Redis) -> Acted:
    """The reserved plan's permit goes, and its reservation, while that permit is there."""
    after, held = redis._replace(service_hold=True), redis.reservation
    if held is None:
        return "set", after
    plan = redis.plans[held.plan]
    if c.on("hold.withdraw") and (plan.permit is not None or not c.on("hold.consumed_stays")):
        after = after.with_plan(held.plan, plan._replace(permit=None))._replace(reservation=None)
        return f"set plan-{held.plan}" if plan.permit else "set", after
    return "set", after


def held_for(c: Scenario, redis: Redis, index: int) -> Redis:
    """The service holds the position because a plan's outcome is unknown."""
    if index in redis.held_for:
        return redis
    return hold(c, redis)[1]._replace(held_for=tuple(sorted((*redis.held_for, index))))


# --- snapshots ------------------------------------------------------------------------------------------------------


def put(c: Scenario, redis: Redis, answer: Snapshot, *, lowered: bool = False) -> Acted:
    """put_snapshots.lua; ``lowered``: by a worker that was restarted with a lower P33_PERMIT_TTL."""
    word, after = _put(c, redis, answer._replace(short=0), lowered)
    if not c.legs or word != "ok":
        return word, after
    # One request tells both legs, and one script writes them.
    after = _put(c, c.at(after, 1), Snapshot(answer.short, answer.age, answer.run), lowered)[1]
    return word, c.at(after, 0)


@of_one_case
def _put(c: Scenario, redis: Redis, answer: Snapshot, lowered: bool) -> Acted:  # noqa: FBT001 - a fact
    if not c.on("refresh.time"):
        answer = answer._replace(age=0)
    if redis.run != answer.run and c.on("put.other_run"):
        return "other_run", redis
    if redis.snapshot is not None and redis.snapshot.age < answer.age and c.on("put.older"):
        return "older", redis
    after = redis._replace(snapshot=answer)
    if lowered:
        after = _cut(c, after)
    held = after.reservation
    if after.unknown != NOBODY and (held is None or held.plan != after.unknown) and c.on("put.hold"):
        after = held_for(c, after, after.unknown)
    return "ok", after


def _cut(c: Scenario, redis: Redis) -> Redis:
    """A reservation with longer to live than the settings give one, and its plan's permit, which lives for less."""
    held, limits = redis.reservation, c.limits
    if held is None or held.plan == redis.unknown:
        return redis
    longest = max(CUT_TTL + limits.cooldown, limits.unseen + limits.stale + 1) - 1
    if held.left <= longest:
        return redis
    plan, after = redis.plans[held.plan], redis._replace(reservation=held._replace(left=longest))
    if plan.permit is None or not c.on("put.cut_permit"):
        return after
    permit = plan.permit._replace(left=min(plan.permit.left, CUT_TTL - 1))
    return after.with_plan(held.plan, plan._replace(permit=permit))


def release(c: Scenario, redis: Redis, leg: int) -> Redis:
    """release_position.lua: a person knows what became of the plans that the hold names, and of the note's."""
    redis = c.at(redis, leg)
    plans = {*redis.held_for, *((redis.unknown,) if redis.unknown != NOBODY else ())}
    for index in plans:
        redis = redis.with_plan(index, redis.plans[index]._replace(settled=True))
    return c.at(redis._replace(service_hold=False, unknown=NOBODY, held_for=()), 0)
