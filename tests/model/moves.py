"""Every move that somebody can make next: the brain, executors, the venue, an operator, time and misfortune.

A move is its name and what it was about, e.g. ``("consume", 0, "consumed")``: a trace of them tells the story, and can
be played again on the real scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.model import brain
from tests.model.scenario import Scenario
from tests.model.state import (
    FILLED,
    MAY_SEND,
    NOT_EXECUTED,
    ACKED,
    OPEN,
    ORDER_ONLY,
    READ,
    RECORDING,
    REJECTED,
    ROGUE,
    SENT,
    SENT_AND_TOLD,
    STRAY_REJECTION,
    UNPUBLISHED,
    Executor,
    Judging,
    Permit,
    Recording,
    Redis,
    Result,
    Snapshot,
    World,
    aged,
)

Move = tuple[object, ...]
Moves = Iterator[tuple[Move, World]]


def moves(c: Scenario, w: World) -> Moves:
    """All that can happen next. A move that changes nothing is told too: the replay tries refusals as well."""
    for kind in KINDS:
        yield from kind(c, w)


def _busy(w: World, worker: Judging | Recording) -> World:
    return w._replace(workers=tuple(sorted((*w.workers, worker))))


def _without(pool: tuple[object, ...], at: int) -> tuple[object, ...]:
    return (*pool[:at], *pool[at + 1 :])


# --- the brain ------------------------------------------------------------------------------------------------------


def _publish(c: Scenario, w: World) -> Moves:
    for index, plan in enumerate(w.redis.plans):
        if plan.entry == UNPUBLISHED:
            yield ("publish", index), w._replace(redis=w.redis.with_plan(index, plan._replace(entry=OPEN, age=0)))


def _judge(c: Scenario, w: World) -> Moves:
    """A worker takes up an entry. An allow stays in its hands; a deny is committed at once, since ``deny`` comes later."""
    for index, plan in enumerate(w.redis.plans):
        if plan.entry != OPEN:
            continue
        found = brain.load(c, w.redis, index)
        if isinstance(found, Judging):
            if len(w.workers) < c.workers:
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
        idle = w._replace(workers=_without(w.workers, at))
        yield ("die", worker), idle
        if isinstance(worker, Judging):
            word, redis = brain.commit_allow(c, w.redis, worker)
            yield ("commit", worker, word), idle._replace(redis=redis)
        else:
            word, redis = brain.record(c, w.redis, worker)
            yield ("record", worker, word), idle._replace(redis=redis)


def _record(c: Scenario, w: World) -> Moves:
    """A worker takes up a result; in one go, unless the base that it reads can move meanwhile."""
    for result in w.redis.results:
        if not result.is_open:
            continue
        base = _base(w.redis, result)
        if c.slow_results and result.kind in {ORDER_ONLY, FILLED}:
            if len(w.workers) < c.workers:
                yield ("read_ledger", base), _busy(w, base)
        else:
            word, redis = brain.record(c, w.redis, base)
            yield ("record", base, word), w._replace(redis=redis)


def _refresh(c: Scenario, w: World) -> Moves:
    """The venue is asked, and its answer is stored later."""
    settled = w.redis.run_age > c.limits.place or not c.on("refresh.new_run")
    if len(w.refreshers) < c.refreshers and settled:
        answer = Snapshot(w.shown, 0, w.redis.run)
        yield ("fetch", answer), w._replace(refreshers=tuple(sorted((*w.refreshers, answer))))
    for at, answer in enumerate(w.refreshers):
        word, redis = brain.put(c, w.redis, answer)
        yield ("put", answer, word), w._replace(redis=redis, refreshers=_without(w.refreshers, at))


# --- executors ------------------------------------------------------------------------------------------------------


def _executor(w: World, executor: Executor, at: int | None = None) -> World:
    others = w.executors if at is None else _without(w.executors, at)
    return w._replace(executors=tuple(sorted((*others, executor))))


def _take(c: Scenario, w: World) -> Moves:
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
        return ("consume", index, word), w if at is None else w._replace(executors=_without(w.executors, at))
    after = _executor(w, Executor(MAY_SEND, index, permit.qty, 0, number), at)
    return ("consume", index, word), _counted(after, index)._replace(redis=redis)


def _counted(w: World, index: int) -> World:
    counts = w.consumptions
    return w._replace(consumptions=(*counts[:index], counts[index] + 1, *counts[index + 1 :]))


def _execute(c: Scenario, w: World) -> Moves:
    for at, e in enumerate(w.executors):
        gone = w._replace(executors=_without(w.executors, at))
        yield ("vanish", e), gone
        if e.phase == READ:
            yield from _use(c, w, e, at)
        elif e.phase == MAY_SEND:
            yield from _send(c, w, e, at)
            yield from _tell(c, gone, e.plan, REJECTED, by=e.by)
        else:
            yield from _report(c, w, gone, e, at)


def _use(c: Scenario, w: World, e: Executor, at: int) -> Moves:
    plan = w.redis.plans[e.plan]
    if not c.getdel:
        yield _consumed(c, w, e.plan, Permit(e.qty, e.amount, e.age, e.run), at)
        return
    if plan.permit is None and not c.sloppy:
        yield ("del", e.plan, 0), w._replace(executors=_without(w.executors, at))
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
    for executed in {min(e.qty, w.position)} | ({0} if c.unfilled else set()):
        sent = _executor(w, Executor(SENT, e.plan, executed, 0, e.by), at)
        yield ("send", e.plan, e.qty, executed), _sold(c, sent, executed)


def _sold(c: Scenario, w: World, qty: int) -> World:
    hidden = w.hidden if not c.limits.lag or not qty else tuple(sorted((*w.hidden, (qty, 0))))
    return w._replace(position=w.position - qty, hidden=hidden)


def _report(c: Scenario, w: World, gone: World, e: Executor, at: int) -> Moves:
    if not e.qty or (c.tells_twice and e.phase == SENT):
        for move, after in _tell(c, gone, e.plan, ORDER_ONLY, by=e.by):
            yield move, _executor(after, e._replace(phase=SENT_AND_TOLD)) if e.qty else after
    if e.qty:
        yield from _tell(c, gone, e.plan, FILLED, by=e.by, qty=e.qty)


def _give_up(c: Scenario, w: World) -> Moves:
    """An executor that got no permit, or lost the race for it, says so; or says more than it knows."""
    kinds = ((NOT_EXECUTED,) if c.gives_up else ()) + ((STRAY_REJECTION,) if c.strays else ())
    for index, plan in enumerate(w.redis.plans):
        # Of the old way there is one executor at a time: it doesn't give up with a permit in its hands.
        holds = c.getdel and any((e.phase, e.plan) == (READ, index) for e in w.executors)
        for kind in kinds if plan.entry != UNPUBLISHED and not holds else ():
            yield from _tell(c, w, index, kind)


def _tell(c: Scenario, w: World, plan: int, kind: int, *, by: int = 0, qty: int = 0) -> Moves:
    """A result is published. Unless that makes a difference it is recorded in the same move: an executor that waits
    before it tells and an entry that waits to be recorded look the same to everybody else.
    """
    redis = brain.reported(w.redis, plan, kind, by=by, qty=qty)
    if redis is None:
        return
    told = w._replace(redis=redis)
    if c.told_later or c.slow_results:
        yield ("report", plan, kind, by, qty), told
        return
    result = Result(plan, kind, by, qty, is_open=True)
    word, redis = brain.record(c, redis, _base(redis, result))
    yield ("told", plan, kind, by, qty, word), told._replace(redis=redis)


def _base(redis: Redis, result: Result) -> Recording:
    return Recording(RECORDING, result, redis.ledger, redis.remembered(result.plan, result.by))


# --- everybody else -------------------------------------------------------------------------------------------------


def _outside(c: Scenario, w: World) -> Moves:
    if w.trades and w.position:
        yield ("trade",), _sold(c, w, 1)._replace(trades=w.trades - 1)
    if w.rogues and w.position:
        told: Redis | None = w.redis
        for kind, qty in ((ORDER_ONLY, 0), (FILLED, 1)):
            told = told and brain.reported(told, 0, kind, by=ROGUE, qty=qty)
        if told is not None:
            yield ("rogue",), _sold(c, w, 1)._replace(rogues=w.rogues - 1, redis=told)


def _show(c: Scenario, w: World) -> Moves:
    for at, fill in enumerate(w.hidden):
        yield ("show", fill), w._replace(hidden=_without(w.hidden, at))


def _hold(c: Scenario, w: World) -> Moves:
    if w.redis.hold:
        yield ("hold", "clear"), w._replace(redis=w.redis._replace(hold=False))
    elif w.holds:
        yield ("hold", "set"), w._replace(redis=w.redis._replace(hold=True), holds=w.holds - 1)


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
    _record,
    _refresh,
    _take,
    _execute,
    _give_up,
    _outside,
    _show,
    _hold,
    _crash,
    _tick,
)
