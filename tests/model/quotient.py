"""States that nothing which can still happen could tell apart are one state.

Each part names the guards it relies on; where one of them is left out, that part is left out too. A test explores a
case with and without, and compares.
"""

from __future__ import annotations

from typing import Any

from tests.model.memo import of_one_case
from tests.model.scenario import Scenario
from tests.model.state import (
    JUDGING,
    OPEN,
    UNDECIDED,
    Judging,
    PlanState,
    Prepared,
    Recording,
    Redis,
    Snapshot,
    World,
)


def representative(c: Scenario, w: World) -> World:
    """The one state that stands for all that are like it."""
    return w._replace(
        redis=_redis(c, w.redis),
        on_disk=None if w.on_disk is None else _redis(c, w.on_disk),
        refreshers=_answers(c, w.refreshers),
        workers=tuple(worker for worker in w.workers if not _is_in_vain(c, w.redis, worker, bool(w.crashes))),
    )


@of_one_case
def _answers(c: Scenario, refreshers: tuple[Snapshot, ...]) -> tuple[Snapshot, ...]:
    if _no_stale_amounts(c) and c.on("refresh.time"):
        return tuple(sorted(_snapshot(c, answer) for answer in refreshers))
    return refreshers


@of_one_case
def _redis(c: Scenario, redis: Redis) -> Redis:
    for leg in reversed(c.sides[1:]):
        redis = c.at(redis, leg)
        redis = redis._replace(**_book(c, redis))
    redis = c.at(redis, 0)
    return redis._replace(plans=tuple(_plan(plan) for plan in redis.plans), **_book(c, redis))


def _book(c: Scenario, redis: Redis) -> dict[str, Any]:
    """What is different of the position in front."""
    snapshot = redis.snapshot
    if snapshot is not None and _no_stale_amounts(c):
        snapshot = _snapshot(c, snapshot)
    kept = redis.prepared if _comes_back(c) else tuple(p for p in redis.prepared if not _has_moved(c, redis, p))
    return {"snapshot": snapshot, "prepared": kept}


def _no_stale_amounts(c: Scenario) -> bool:
    """What a stale snapshot says is read by nobody."""
    return _all_on(c, "commit.snapshot_age", "consume.snapshot_age")


def _all_on(c: Scenario, *guards: str) -> bool:
    return c.removed.isdisjoint(guards)


def _plan(plan: PlanState) -> PlanState:
    """The age of a plan is asked for until it is decided."""
    return plan if plan.decision == UNDECIDED and plan.entry == OPEN else plan._replace(age=0)


def _snapshot(c: Scenario, snapshot: Snapshot) -> Snapshot:
    return snapshot._replace(amount=0, short=0) if snapshot.age > c.limits.stale else snapshot


@of_one_case
def _is_in_vain(c: Scenario, redis: Redis, worker: Judging | Recording, may_crash: bool) -> bool:  # noqa: FBT001
    """Whether a worker holds an allow that can't become final any more, whatever happens: it might as well be dead."""
    if not isinstance(worker, Judging):
        return False
    if may_crash and _comes_back(c):
        return False
    redis, limits = c.at(redis, c.leg_of(worker.plan)), c.limits
    if worker.kind != JUDGING:
        return _has_moved(c, redis, worker)
    plan = redis.plans[worker.plan]
    return (
        (plan.decision != UNDECIDED and c.on("commit.decision"))
        or _has_moved(c, redis, worker)
        or (plan.age > limits.plan_age and c.on("commit.plan_age"))
    )


def _comes_back(c: Scenario) -> bool:
    """Whether what a crash loses may bring back what was judged."""
    return bool(c.crashes) and not c.on("commit.run_id")


def _has_moved(c: Scenario, redis: Redis, allow: Judging | Prepared) -> bool:
    """Whether what an allow rests on is gone for good."""
    limits = c.limits
    return (
        (allow.run != redis.run and c.on("commit.run_id"))
        or (allow.snapshot_age > limits.stale and _all_on(c, "commit.snapshot", "commit.snapshot_age"))
        or (redis.snapshot != Snapshot(allow.amount, allow.snapshot_age, allow.run) and c.on("commit.snapshot"))
        or ((redis.ledger, redis.order_age) != (allow.ledger, allow.order_age) and c.on("commit.ledger"))
    )
