"""States that nothing which can still happen could tell apart are one state.

Each part names the guards it relies on; where one of them is left out, that part is left out too. A test explores a
case with and without, and compares.
"""

from __future__ import annotations

from tests.model.scenario import Scenario
from tests.model.state import OPEN, RECORDING, UNDECIDED, Judging, PlanState, Recording, Redis, Snapshot, World


def representative(c: Scenario, w: World) -> World:
    """The one state that stands for all that are like it."""
    refreshers = w.refreshers
    if _no_stale_amounts(c) and c.on("refresh.time"):
        refreshers = tuple(sorted(_snapshot(c, answer) for answer in refreshers))
    return w._replace(
        redis=_redis(c, w.redis),
        on_disk=None if w.on_disk is None else _redis(c, w.on_disk),
        refreshers=refreshers,
        workers=tuple(worker for worker in w.workers if not _is_in_vain(c, w, worker)),
    )


def _redis(c: Scenario, redis: Redis) -> Redis:
    snapshot = redis.snapshot
    if snapshot is not None and _no_stale_amounts(c):
        snapshot = _snapshot(c, snapshot)
    return redis._replace(plans=tuple(_plan(plan) for plan in redis.plans), snapshot=snapshot)


def _no_stale_amounts(c: Scenario) -> bool:
    """What a stale snapshot says is read by nobody."""
    return _all_on(c, "commit.snapshot_age", "consume.snapshot_age")


def _all_on(c: Scenario, *guards: str) -> bool:
    return c.removed.isdisjoint(guards)


def _plan(plan: PlanState) -> PlanState:
    """The age of a plan is asked for until it is decided."""
    return plan if plan.decision == UNDECIDED and plan.entry == OPEN else plan._replace(age=0)


def _snapshot(c: Scenario, snapshot: Snapshot) -> Snapshot:
    return snapshot._replace(amount=0) if snapshot.age > c.limits.stale else snapshot


def _is_in_vain(c: Scenario, w: World, worker: Judging | Recording) -> bool:
    """Whether a worker holds an allow that can't become final any more, whatever happens: it might as well be dead."""
    if worker.kind == RECORDING or not isinstance(worker, Judging):
        return False
    if w.crashes and not c.on("commit.run_id"):
        return False  # what is lost may bring back what was judged
    redis, limits = w.redis, c.limits
    plan = redis.plans[worker.plan]
    return (
        (plan.decision != UNDECIDED and c.on("commit.decision"))
        or (worker.run != redis.run and c.on("commit.run_id"))
        or (worker.snapshot_age > limits.stale and _all_on(c, "commit.snapshot", "commit.snapshot_age"))
        or (redis.snapshot != Snapshot(worker.amount, worker.snapshot_age, worker.run) and c.on("commit.snapshot"))
        or ((redis.ledger, redis.order_age) != (worker.ledger, worker.order_age) and c.on("commit.ledger"))
        or (plan.age > limits.plan_age and c.on("commit.plan_age"))
    )
