"""Executors, and what they tell: each of several may take up any plan, at any time, and stop at any point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.model import brain, recording
from tests.model.scenario import Scenario
from tests.model.state import (
    DOUBT,
    FILLED,
    MAY_SEND,
    NOT_EXECUTED,
    ORDER_ONLY,
    READ,
    REJECTED,
    SENT,
    SENT_AND_TOLD,
    STRAY_REJECTION,
    UNPUBLISHED,
    Executor,
    Permit,
    Redis,
    Result,
    World,
)

Move = tuple[object, ...]
Moves = Iterator[tuple[Move, World]]


def without(pool: tuple[Any, ...], at: int) -> tuple[Any, ...]:
    """A pool with one place empty."""
    return (*pool[:at], *pool[at + 1 :])


def _executor(w: World, executor: Executor, at: int | None = None) -> World:
    others = w.executors if at is None else without(w.executors, at)
    return w._replace(executors=tuple(sorted((*others, executor))))


def take(c: Scenario, w: World) -> Moves:
    """An idle executor, one of several perhaps for the same plan, reads a permit, or consumes it at once."""
    if len(w.executors) >= c.executors:
        return
    for index, plan in enumerate(w.redis.plans):
        permit = plan.permit
        if permit is None:
            continue
        if c.getdel or c.reads:
            age = 0 if c.getdel else permit.age
            read = Executor(READ, index, permit.qty, age, 0, permit.amount, permit.run)
            yield ("get", index), _executor(w, read)
        else:
            yield _consumed(c, w, index, permit)


def _consumed(c: Scenario, w: World, index: int, permit: Permit, at: int | None = None) -> tuple[Move, World]:
    number = w.consumptions[index] + 1
    word, redis = brain.consume(c, w.redis, index, permit, number)
    if word != "consumed":
        return ("consume", index, word), w if at is None else w._replace(executors=without(w.executors, at))
    after = _executor(w, Executor(MAY_SEND, index, permit.qty, 0, number), at)
    return ("consume", index, word), _counted(after, index)._replace(redis=redis)


def _counted(w: World, index: int) -> World:
    counts = w.consumptions
    return w._replace(consumptions=(*counts[:index], counts[index] + 1, *counts[index + 1 :]))


def execute(c: Scenario, w: World) -> Moves:
    """Executors at work go on, or are never heard of again."""
    for at, e in enumerate(w.executors):
        gone = w._replace(executors=without(w.executors, at))
        yield ("vanish", e), gone
        if e.phase == READ:
            yield from _use(c, w, e, at)
        elif e.phase == MAY_SEND:
            yield from _send(c, w, e, at)
            yield from _tell(c, gone, Result(e.plan, REJECTED, e.by, 0, is_open=True))
        else:
            yield from _report(c, w, gone, e, at)


def _use(c: Scenario, w: World, e: Executor, at: int) -> Moves:
    plan = w.redis.plans[e.plan]
    if not c.getdel:
        yield _consumed(c, w, e.plan, Permit(e.qty, e.amount, e.age, e.run), at)
        return
    if plan.permit is None and not c.sloppy:
        yield ("del", e.plan, 0), w._replace(executors=without(w.executors, at))
        return
    # The placing window counts from the GET.
    number = w.consumptions[e.plan] + 1
    after = _executor(w, Executor(MAY_SEND, e.plan, e.qty, e.age, number), at)
    redis = w.redis.with_plan(e.plan, plan._replace(permit=None))
    yield ("del", e.plan, 1), _counted(after, e.plan)._replace(redis=redis)


def _send(c: Scenario, w: World, e: Executor, at: int) -> Moves:
    """The order reaches the venue, which executes it and may cut it: it is reduce-only."""
    if e.age > c.limits.place and c.on("send.window"):
        return
    leg = c.leg_of(e.plan)
    for executed in {min(e.qty, w.position_of(leg))} | ({0} if c.unfilled else set()):
        sent = _executor(w, Executor(SENT, e.plan, executed, 0, e.by, leg=leg), at)
        yield ("send", e.plan, e.qty, executed), sent.traded(leg, executed, is_late=c.limits.lag > 0)
    if c.misroutes:
        # What closes one leg opens the other.
        sent = _executor(w, Executor(SENT, e.plan, e.qty, 0, e.by, leg=1 - leg), at)
        yield ("send", e.plan, e.qty, e.qty, "other leg"), sent.traded(1 - leg, -e.qty, is_late=c.limits.lag > 0)


def _report(c: Scenario, w: World, gone: World, e: Executor, at: int) -> Moves:
    if c.lies:
        yield from _tell(c, w if c.owns_up else gone, Result(e.plan, REJECTED, e.by, 0, is_open=True))
    if c.doubts:
        yield from _tell(c, w, Result(e.plan, DOUBT, e.by, 0, is_open=True))
    for leg in {e.leg} | ({1 - e.leg} if c.misnames else set()):
        if not e.qty or (c.tells_twice and e.phase == SENT):
            for move, after in _tell(c, gone, Result(e.plan, ORDER_ONLY, e.by, 0, is_open=True, leg=leg)):
                yield move, _executor(after, e._replace(phase=SENT_AND_TOLD)) if e.qty else after
        if e.qty:
            # Told once or, by an executor that isn't sure, again and again.
            fill = Result(e.plan, FILLED, e.by, e.qty, is_open=True, leg=leg)
            yield from _tell(c, w if c.tells_twice else gone, fill)


def give_up(c: Scenario, w: World) -> Moves:
    """An executor that got no permit, or lost the race for it, says so; or says more than it knows."""
    kinds = ((NOT_EXECUTED,) if c.gives_up else ()) + ((STRAY_REJECTION,) if c.strays else ())
    for index, plan in enumerate(w.redis.plans):
        # Of the old way there is one executor at a time: it doesn't give up with a permit in its hands.
        holds = c.getdel and any((e.phase, e.plan) == (READ, index) for e in w.executors)
        for kind in kinds if plan.entry != UNPUBLISHED and not holds else ():
            yield from _tell(c, w, Result(index, kind, 0, 0, is_open=True))


def _tell(c: Scenario, w: World, result: Result) -> Moves:
    """A result is published.

    Unless that makes a difference it is recorded in the same move: an executor that waits before it tells, and an entry
    that waits to be recorded, look the same to everybody else.
    """
    about = (result.plan, result.kind, result.by, result.qty, result.leg)
    if c.told_later or c.slow_results:
        redis = recording.reported(w.redis, result)
        if redis is not None:
            yield ("report", *about), w._replace(redis=redis)
        return
    told = recording.told(c, w.redis, result)
    if told is not None:
        word, redis = told
        yield ("told", *about, word), recorded(w, redis, result)


def recorded(w: World, redis: Redis, result: Result) -> World:
    """A result was recorded. What is in doubt afterwards is the world's own count: no guard decides it."""
    doubts, plan = set(w.doubts), w.redis.plans[result.plan]
    if result.kind == DOUBT and 0 < plan.consumed == result.by and not plan.settled:
        doubts.add(result.plan)
    elif result.by == plan.consumed and (result.kind == REJECTED or (result.kind == FILLED and result.qty)):
        doubts.discard(result.plan)
    return w._replace(redis=redis, doubts=tuple(sorted(doubts)))
