"""Verdicts ahead of their plans: prepared by a task in two steps, promoted by the ingest in one.

The ingest promotes through commit_verdict.lua, so its checks are those of ``brain.commit_allow``; what is different is
where the allow comes from. Everybody may take up an open entry at any time: also while a worker judges it.
"""

from __future__ import annotations

from tests.model import brain, judging
from tests.model.executors import Moves
from tests.model.scenario import Scenario
from tests.model.state import OPEN, PREPARING, Judging, Prepared, Redis, World


def prepare(c: Scenario, w: World) -> Moves:
    """A task evaluates what is expected of each action, for a plan of now; a deny is not kept."""
    if sum(worker.kind == PREPARING for worker in w.workers) >= c.preparers:
        return
    for index in _distinct(c):
        found = _evaluated(c, w.redis, index)
        if isinstance(found, Judging):
            yield ("prepare", index, "allow"), w._replace(workers=tuple(sorted((*w.workers, found))))
        else:
            yield ("prepare", index, found), w


def saved(c: Scenario, redis: Redis, held: Judging) -> Redis:
    """``RedisPreparedStore.save``: what was prepared for the action before gives way."""
    redis = c.at(redis, c.leg_of(held.plan))
    others = [one for one in redis.prepared if one.action != held.plan]
    mine = Prepared(
        held.plan,
        held.qty,
        held.amount,
        held.snapshot_age,
        held.run,
        held.ledger,
        held.order_age,
        c.limits.stale,
    )
    return c.at(redis._replace(prepared=tuple(sorted((*others, mine)))), 0)


def promote(c: Scenario, w: World) -> Moves:
    """The ingest has a plan's entry, and something is prepared for its action."""
    for index, plan in enumerate(w.redis.plans):
        if plan.entry != OPEN:
            continue
        for one in c.at(w.redis, c.leg_of(index)).prepared:
            if c.actions[one.action] != c.actions[index] and c.on("promote.action"):
                continue
            held = Judging(0, index, one.qty, one.amount, one.snapshot_age, one.run, one.ledger, one.order_age, since=0)
            word, redis = brain.commit_allow(c, w.redis, held)
            yield ("promote", held, word), w._replace(redis=redis)


def _distinct(c: Scenario) -> list[int]:
    """The first plan of each action on each leg: its number stands for both."""
    parts = [(action, c.leg_of(index)) for index, action in enumerate(c.actions)]
    return [index for index, part in enumerate(parts) if parts.index(part) == index]


def _evaluated(c: Scenario, redis: Redis, index: int) -> Judging | str:
    word, qty = judging.judged(c, redis, index, is_new=True)
    redis = c.at(redis, c.leg_of(index))
    snapshot = redis.snapshot
    if word != "allow" or snapshot is None:
        return word
    return Judging(PREPARING, index, qty, snapshot.amount, snapshot.age, redis.run, redis.ledger, redis.order_age, 0)
