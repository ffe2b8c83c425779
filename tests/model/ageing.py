"""Time goes on: everything is a tick older, and what can't matter any more stops ageing."""

from __future__ import annotations

from typing import Any

from tests.model.memo import of_one_case
from tests.model.state import (
    MAY_SEND,
    PREPARING,
    READ,
    UNKNOWN_BARRIER,
    UNPUBLISHED,
    Book,
    Executor,
    Judging,
    Limits,
    PlanState,
    Prepared,
    Recording,
    Redis,
    Snapshot,
    World,
)


def aged(world: World, limits: Limits) -> World:
    """One tick later."""
    redis = _aged_redis(limits, world.redis)
    older = (
        world.hidden
        if not world.hidden
        else tuple((qty, age + 1, leg) for qty, age, leg in world.hidden if age + 1 < limits.lag)
    )
    return world._replace(
        redis=redis,
        # What is a tick old is on disk.
        on_disk=None if world.on_disk is None else redis,
        hidden=older,
        workers=tuple(sorted(aged_worker(worker, limits) for worker in world.workers)),
        executors=tuple(sorted(aged_executor(executor, limits) for executor in world.executors)),
        refreshers=tuple(sorted(aged_snapshot(answer, limits) for answer in world.refreshers)),
    )


def aged_worker(worker: Judging | Recording, limits: Limits) -> Judging | Recording:
    """A worker that slept for a tick."""
    if isinstance(worker, Recording):
        return worker
    return worker._replace(
        snapshot_age=min(worker.snapshot_age + 1, limits.forget_snapshot),
        order_age=min(worker.order_age + 1, limits.forget_order),
        since=0 if worker.kind == PREPARING else min(worker.since + 1, limits.ttl),
    )


def aged_executor(executor: Executor, limits: Limits) -> Executor:
    """An executor that slept for a tick."""
    if executor.phase == READ:
        return executor._replace(age=min(executor.age + 1, max(limits.ttl, limits.place + 1)))
    if executor.phase == MAY_SEND:
        return executor._replace(age=min(executor.age + 1, limits.place + 1))
    return executor


def aged_snapshot(snapshot: Snapshot, limits: Limits) -> Snapshot:
    """A snapshot, or an answer on its way, a tick later."""
    return snapshot._replace(age=min(snapshot.age + 1, limits.forget_snapshot))


def _aged_plan(plan: PlanState, limits: Limits) -> PlanState:
    if plan.entry == UNPUBLISHED:
        return plan
    permit = plan.permit
    if permit is not None:
        permit = permit._replace(age=permit.age + 1, left=permit.left - 1) if permit.left > 0 else None
    consumed_age = min(plan.consumed_age + 1, limits.forget_consumption) if plan.consumed else 0
    return plan._replace(age=min(plan.age + 1, limits.plan_age + 1), permit=permit, consumed_age=consumed_age)


@of_one_case
def _aged_redis(limits: Limits, redis: Redis) -> Redis:
    other = redis.other
    return redis._replace(
        plans=tuple(_aged_plan(plan, limits) for plan in redis.plans),
        run_age=min(redis.run_age + 1, limits.place + 1),
        other=None if other is None else other._replace(**_aged_book(other, limits)),
        **_aged_book(redis, limits),
    )


def _aged_book(book: Book | Redis, limits: Limits) -> dict[str, Any]:
    """What is different of a position a tick later."""
    held = book.reservation
    if held is not None:
        held = held._replace(left=held.left - 1) if held.left > 0 else None
    return {
        "snapshot": None if book.snapshot is None else aged_snapshot(book.snapshot, limits),
        "order_age": min(book.order_age + 1, limits.forget_order),
        "barrier": book.barrier + 1 if book.barrier < limits.forget_snapshot else UNKNOWN_BARRIER,
        "reservation": held,
        "prepared": tuple(_aged_prepared(one, limits) for one in book.prepared if one.left > 0),
    }


def _aged_prepared(one: Prepared, limits: Limits) -> Prepared:
    return one._replace(
        snapshot_age=min(one.snapshot_age + 1, limits.forget_snapshot),
        order_age=min(one.order_age + 1, limits.forget_order),
        left=one.left - 1,
    )
