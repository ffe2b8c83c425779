"""Every move that somebody can make next: the brain, executors, the venue, an operator, time and misfortune.

A move is its name and what it was about, e.g. ``("consume", 0, "consumed")``: a trace of them tells the story, and can
be played again on the real scripts.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model import brain, executors, promotion, recording
from tests.model.ageing import aged
from tests.model.executors import Moves
from tests.model.scenario import Scenario
from tests.model.state import (
    ACKED,
    FILLED,
    OPEN,
    ORDER_ONLY,
    PREPARING,
    ROGUE,
    UNPUBLISHED,
    Judging,
    Recording,
    Redis,
    Result,
    Snapshot,
    World,
)


def moves(c: Scenario, w: World) -> Moves:
    """All that can happen next. A move that changes nothing is told too: the replay tries refusals as well."""
    for kind in KINDS:
        yield from kind(c, w)


def _busy(w: World, worker: Judging | Recording) -> World:
    return w._replace(workers=tuple(sorted((*w.workers, worker))))


def _is_idle(c: Scenario, w: World) -> bool:
    """Whether a worker is free; those that prepare are others."""
    return sum(worker.kind != PREPARING for worker in w.workers) < c.workers


# --- the brain ------------------------------------------------------------------------------------------------------


def _publish(c: Scenario, w: World) -> Moves:
    for index, plan in enumerate(w.redis.plans):
        if plan.entry == UNPUBLISHED:
            yield ("publish", index), w._replace(redis=w.redis.with_plan(index, plan._replace(entry=OPEN, age=0)))


def _judge(c: Scenario, w: World) -> Moves:
    """A worker takes up an entry. An allow stays in its hands; a deny is committed at once: ``_deny`` comes later."""
    for index, plan in enumerate(w.redis.plans):
        if plan.entry != OPEN:
            continue
        found = brain.load(c, w.redis, index)
        if isinstance(found, Judging):
            if _is_idle(c, w):
                yield ("judge", index, "allow"), _busy(w, found)
        elif found == "decided":
            yield ("judge", index, found), w._replace(redis=w.redis.with_plan(index, plan._replace(entry=ACKED)))
        else:
            yield ("judge", index, found), w._replace(redis=brain.commit_deny(c, w.redis, index)[1])


def _deny(c: Scenario, w: World) -> Moves:
    """Without facts: delivered too often, or they kept moving. The same as a worker that slept on a deny."""
    for index, plan in enumerate(w.redis.plans):
        if plan.entry == OPEN:
            word, redis = brain.commit_deny(c, w.redis, index)
            yield ("deny", index, word), w._replace(redis=redis)


def _work(c: Scenario, w: World) -> Moves:
    """Workers finish what they hold, or die; then somebody else takes the entry up."""
    for at, worker in enumerate(w.workers):
        idle = w._replace(workers=executors.without(w.workers, at))
        yield ("die", worker), idle
        if isinstance(worker, Judging) and worker.kind == PREPARING:
            yield ("save", worker), idle._replace(redis=promotion.saved(c, w.redis, worker))
        elif isinstance(worker, Judging):
            word, redis = brain.commit_allow(c, w.redis, worker)
            yield ("commit", worker, word), idle._replace(redis=redis)
        else:
            word, redis = recording.record(c, w.redis, worker)
            yield ("record", worker, word), executors.recorded(idle, redis, worker.result)


def _record(c: Scenario, w: World) -> Moves:
    """A worker takes up a result; in one go, unless the base that it reads can move meanwhile."""
    for result in w.redis.results:
        if not result.is_open:
            continue
        base = recording.base_of(c, w.redis, result)
        if c.slow_results and result.kind in {ORDER_ONLY, FILLED}:
            if _is_idle(c, w):
                yield ("read_ledger", base), _busy(w, base)
        else:
            word, redis = recording.record(c, w.redis, base)
            yield ("record", base, word), executors.recorded(w, redis, result)


def _refresh(c: Scenario, w: World) -> Moves:
    """The venue is asked, and its answer is stored later."""
    if len(w.refreshers) < c.refreshers:
        answer = Snapshot(w.shown(0), 0, w.redis.run, w.shown(1) if c.legs else 0)
        if w.redis.run_age <= c.limits.place and c.on("refresh.new_run"):
            yield ("fetch", answer, "paused"), w
        else:
            yield ("fetch", answer, "mine"), w._replace(refreshers=tuple(sorted((*w.refreshers, answer))))
    for at, answer in enumerate(w.refreshers):
        word, redis = brain.put(c, w.redis, answer, lowered=bool(c.cuts) and not w.cuts)
        yield ("put", answer, word), w._replace(redis=redis, refreshers=executors.without(w.refreshers, at))


# --- everybody else -------------------------------------------------------------------------------------------------


def _outside(c: Scenario, w: World) -> Moves:
    is_late = c.limits.lag > 0
    for leg in c.sides if w.trades else ():
        if w.position_of(leg):
            yield ("trade", leg), w.traded(leg, 1, is_late=is_late)._replace(trades=w.trades - 1)
    plan = (c.rogues - w.rogues) % len(c.actions)
    leg = c.leg_of(plan)
    if w.rogues and w.position_of(leg):
        told: Redis | None = w.redis
        for kind, qty in ((ORDER_ONLY, 0), (FILLED, 1)):
            told = told and recording.reported(told, Result(plan, kind, ROGUE, qty, is_open=True, leg=leg))
        if told is not None:
            yield ("rogue", plan), w.traded(leg, 1, is_late=is_late)._replace(rogues=w.rogues - 1, redis=told)


def _show(c: Scenario, w: World) -> Moves:
    for at, fill in enumerate(w.hidden):
        yield ("show", fill), w._replace(hidden=executors.without(w.hidden, at))


def _hold(c: Scenario, w: World) -> Moves:
    if w.redis.hold:
        yield ("hold", "clear", 0), w._replace(redis=w.redis._replace(hold=False))
    elif w.holds:
        yield ("hold", "set", 0), w._replace(redis=w.redis._replace(hold=True), holds=w.holds - 1)
    for leg in c.sides:
        if c.at(w.redis, leg).service_hold:
            left = tuple(plan for plan in w.doubts if c.leg_of(plan) != leg)
            yield ("hold", "release", leg), w._replace(redis=brain.release(c, w.redis, leg), doubts=left)
        elif w.service_holds:
            word, redis = brain.hold_position(c, w.redis, leg)
            yield ("hold_position", leg, word), w._replace(redis=redis, service_holds=w.service_holds - 1)


def _lower(c: Scenario, w: World) -> Moves:
    """The workers are restarted with a lower P33_PERMIT_TTL."""
    if w.cuts:
        yield ("lower",), w._replace(cuts=w.cuts - 1)


def _crash(c: Scenario, w: World) -> Moves:
    """Redis restarts at once: with all that it knew, or without what it wrote in this tick."""
    if not w.crashes or w.on_disk is None:
        return
    for what, redis in (("kept", w.redis), ("lost", w.on_disk)):
        left = redis._replace(run=w.redis.run + 1, run_age=0)
        gone = tuple(
            count + bool(was.consumed and not now.consumed)
            for count, was, now in zip(w.forgotten, w.redis.plans, redis.plans, strict=True)
        )
        on_disk = left if w.crashes > 1 else None
        yield ("crash", what), w._replace(redis=left, on_disk=on_disk, forgotten=gone, crashes=w.crashes - 1)


def _tick(c: Scenario, w: World) -> Moves:
    yield ("tick",), aged(w, c.limits)


KINDS: tuple[Callable[[Scenario, World], Moves], ...] = (
    _publish,
    _judge,
    _deny,
    _work,
    promotion.prepare,
    promotion.promote,
    _record,
    _refresh,
    executors.take,
    executors.execute,
    executors.give_up,
    _outside,
    _show,
    _hold,
    _lower,
    _crash,
    _tick,
)
