"""What must hold, whatever happens in whatever order. Each function says what is wrong, or nothing.

Some look at a state, the others at a move and the moments before and after it. ARCHITECTURE.md lists them.
In hedge mode those that look at Redis see it once for each leg, with that leg's book in front.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.model.executors import Move
from tests.model.judging import judged
from tests.model.leg_invariants import an_act_leaves_the_other_leg_alone, the_other_leg_decides_nothing
from tests.model.memo import of_one_case
from tests.model.scenario import Scenario
from tests.model.state import (
    ACKED,
    ALLOWED,
    MAY_SEND,
    NOT_EXECUTED,
    UNDECIDED,
    UNKNOWN,
    Executor,
    Judging,
    Permit,
    Redis,
    World,
)

OfRedis = Callable[[Scenario, Redis], str | None]
OfState = Callable[[Scenario, World], str | None]
OfMove = Callable[[Scenario, World, Move, World], str | None]


def one_outstanding_allow(c: Scenario, w: World) -> str | None:
    """At most one allow of a position is outstanding: a permit that can be used, or an order that may still be sent."""
    sending = [e.plan for e in w.executors if e.phase == MAY_SEND and e.age <= c.limits.place]
    for leg in c.sides:
        plans = [index for index, _ in _usable(c, c.at(w.redis, leg))]
        plans += [index for index in sending if c.leg_of(index) == leg]
        if len(plans) > 1:
            return f"outstanding at once: an allow each of plans {sorted(plans)}"
    return None


def a_permit_is_covered(c: Scenario, redis: Redis) -> str | None:
    """While a permit can be used, the reservation is its plan's."""
    held = redis.reservation
    bare = [index for index, _ in _usable(c, redis) if held is None or held.plan != index]
    return f"plan {bare[0]} has a permit and no reservation" if bare else None


def no_permit_lies_under_a_service_hold(c: Scenario, redis: Redis) -> str | None:
    """What only does GET and DEL doesn't read the hold: there is no permit for it."""
    bare = [index for index, _ in _usable(c, redis)] if redis.service_hold else []
    return f"plan {bare[0]} has a permit under a hold of the service" if bare else None


def one_consumption_per_plan(c: Scenario, w: World) -> str | None:
    """A plan's permit is consumed at most once, unless Redis lost the first time."""
    counts = zip(w.consumptions, w.forgotten, strict=True)
    twice = [index for index, (count, forgotten) in enumerate(counts) if count - forgotten > 1]
    return f"plan {twice[0]} was consumed twice" if twice else None


def quantity_is_within_the_snapshot(c: Scenario, redis: Redis) -> str | None:
    """An allow's quantity is never above the position in the snapshot it names."""
    over = [index for index, permit in _usable(c, redis) if not 0 < permit.qty <= permit.amount]
    return f"plan {over[0]} is allowed more than its snapshot shows" if over else None


def an_allow_is_true_when_it_becomes_final(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """No allow from a stale or doubtful fact: judged again at the commit, the plan is allowed as much."""
    match move:
        case ("commit" | "promote", Judging() as held, "committed"):
            word, qty = judged(c, before.redis, held.plan)
            return None if (word, qty) == ("allow", held.qty) else f"plan {held.plan} was allowed, now it is {word}"
    return None


def an_allow_is_true_when_it_is_used(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """... and at the consumption: no hold, no order since, a fresh snapshot of this run, the same position."""
    match move:
        case ("consume", int(index), "consumed"):
            permit, snapshot = _consumed_permit(before, index), c.at(before.redis, c.leg_of(index)).snapshot
            word, _ = judged(c, before.redis, index, at_use=True)
            if permit is not None and permit.run != before.redis.run:
                word = "the permit of another run"
            elif permit is not None and (snapshot is None or snapshot.amount != permit.amount):
                word = "another position"
            elif permit is not None and permit.age >= c.limits.ttl:
                word = "expired"
            return None if word == "allow" else f"plan {index} was consumed, by now it is: {word}"
    return None


def the_first_verdict_stands(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """A decision is never made again while Redis knows the first."""
    for index, (was, now) in enumerate(zip(before.redis.plans, after.redis.plans, strict=True)):
        if was.decision not in {UNDECIDED, now.decision}:
            return f"plan {index}'s verdict changed"
    match move:
        case ("commit" | "promote", Judging() as held, "committed") if (
            before.redis.plans[held.plan].decision != UNDECIDED
        ):
            return f"plan {held.plan} was allowed twice"
    return None


def an_acknowledged_entry_has_a_verdict(c: Scenario, redis: Redis) -> str | None:
    """No plan is taken off the stream without a verdict."""
    mute = [i for i, plan in enumerate(redis.plans) if plan.entry == ACKED and plan.decision == UNDECIDED]
    return f"plan {mute[0]} was acknowledged without a verdict" if mute else None


def who_gave_up_gets_no_permit(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """A plan whose executor's giving up is on record isn't allowed any more."""
    match move:
        case ("commit" | "promote", Judging() as held, "committed"):
            gone = {(r.plan, r.kind) for r in before.redis.results if not r.is_open}
            return f"plan {held.plan} is allowed for nobody" if (held.plan, NOT_EXECUTED) in gone else None
    return None


def a_fill_counts_once(c: Scenario, redis: Redis) -> str | None:
    """The ledger is where it began, less every order's quantity, each once; what closes one leg opens the other."""
    its = [order for order in redis.orders if order.leg == redis.leg]
    sold = sum(order.qty if c.leg_of(order.plan) == order.leg else -order.qty for order in its)
    if redis.ledger not in {UNKNOWN, c.start - sold}:
        return f"the ledger says {redis.ledger}, the orders {c.start} - {sold}"
    return None


def no_fill_is_forgotten(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """What an order is known to have executed never shrinks."""
    for order in before.redis.orders:
        if after.redis.remembered(order.plan, order.by) < order.qty:
            return f"of order {order} a part was forgotten"
    return None


def snapshots_go_forwards(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """A stored snapshot never gives way to an older one."""
    for leg in c.sides:
        was, now = c.at(before.redis, leg).snapshot, c.at(after.redis, leg).snapshot
        if move[0] == "put" and was is not None and now is not None and now.age > was.age:
            return "an older snapshot replaced a newer one"
    return None


def no_order_is_above_the_position(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """What all others are for: no order is larger than the position it meets at the venue.

    Not where somebody outside trades too: no gate can know a trade that the venue doesn't show yet.
    """
    match move:
        case ("send", int(index), int(qty), _) if not (c.trades or c.rogues):
            held = before.position_of(c.leg_of(index))
            return f"plan {index} sold {qty} of {held}" if qty > held else None
    return None


def no_allow_while_an_outcome_is_unknown(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """From the moment that an outcome is said to be unknown until it is known, nothing is allowed or consumed."""
    match move:
        case ("commit" | "promote", Judging() as held, "committed") if doubts := _doubts(c, before, held.plan):
            return f"plan {held.plan} is allowed, and the outcome of plan {doubts[0]} is unknown"
        case ("consume", int(index), "consumed") if set(doubts := _doubts(c, before, index)) - {index}:
            return f"plan {index} is consumed, and the outcome of plan {doubts[0]} is unknown"
    return None


def _doubts(c: Scenario, w: World, plan: int) -> list[int]:
    return [index for index in w.doubts if c.leg_of(index) == c.leg_of(plan)]


def an_unknown_outcome_ends_as_a_hold(c: Scenario, redis: Redis) -> str | None:
    """It keeps the reservation no longer than its limit."""
    held, index = redis.reservation, redis.unknown
    if held is None or held.plan != index:
        return None
    longest = max(c.limits.doubt, c.limits.unseen + c.limits.stale + 1, c.limits.ttl)
    beyond = held.left + redis.plans[index].consumed_age >= longest
    return f"plan {index} keeps the position for {held.left} ticks more" if beyond else None


def nothing_is_held_for_what_is_known(c: Scenario, redis: Redis) -> str | None:
    """A plan whose outcome is known holds nothing by an unknown one."""
    over = [index for index in (*redis.held_for, redis.unknown) if index >= 0 and redis.plans[index].settled]
    return f"the position is held for plan {over[0]}, whose outcome is known" if over else None


def an_unanswered_outcome_is_held(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """A snapshot leaves no plan of unknown outcome without reservation and without hold."""
    for redis in (c.at(after.redis, leg) for leg in c.sides if move[-1] == "ok"):
        holder = None if redis.reservation is None else redis.reservation.plan
        if redis.unknown >= 0 and redis.unknown != holder and redis.unknown not in redis.held_for:
            return f"nobody is told that the outcome of plan {redis.unknown} is unknown"
    return None


OF_REDIS: tuple[OfRedis, ...] = (
    an_unknown_outcome_ends_as_a_hold,
    nothing_is_held_for_what_is_known,
    a_permit_is_covered,
    no_permit_lies_under_a_service_hold,
    quantity_is_within_the_snapshot,
    an_acknowledged_entry_has_a_verdict,
    a_fill_counts_once,
)

OF_STATES: tuple[OfState, ...] = (one_outstanding_allow, one_consumption_per_plan)

ISSUED: tuple[OfMove, ...] = (
    the_first_verdict_stands,
    an_allow_is_true_when_it_becomes_final,
    who_gave_up_gets_no_permit,
    no_allow_while_an_outcome_is_unknown,
    an_act_leaves_the_other_leg_alone,
)

RECORDED: tuple[OfMove, ...] = (the_first_verdict_stands, no_fill_is_forgotten, an_act_leaves_the_other_leg_alone)

OF_MOVES: dict[str, tuple[OfMove, ...]] = {
    "commit": ISSUED,
    "promote": ISSUED,
    "judge": (the_first_verdict_stands, the_other_leg_decides_nothing),
    "deny": (the_first_verdict_stands,),
    "save": (an_act_leaves_the_other_leg_alone,),
    "consume": (
        an_allow_is_true_when_it_is_used,
        no_allow_while_an_outcome_is_unknown,
        an_act_leaves_the_other_leg_alone,
    ),
    "record": RECORDED,
    "told": RECORDED,
    "put": (snapshots_go_forwards, an_unanswered_outcome_is_held),
    "send": (no_order_is_above_the_position,),
}

Broken = tuple[str, str]


def broken_by(c: Scenario, before: World, move: Move, after: World, only: str = "") -> Broken | None:
    """The first invariant that a move breaks, and how; of one, if it is named."""
    for invariant in OF_MOVES.get(str(move[0]), ()):
        if not only or invariant.__name__ == only:
            found = invariant(c, before, move, after)
            if found is not None:
                return invariant.__name__, found
    return None


def broken_in(c: Scenario, w: World, only: str = "") -> Broken | None:
    """The first invariant that a state breaks, and how; of one, if it is named."""
    found = _broken_in_redis(c, w.redis, only)
    if found is not None:
        return found
    for invariant in OF_STATES:
        if not only or invariant.__name__ == only:
            wrong = invariant(c, w)
            if wrong is not None:
                return invariant.__name__, wrong
    return None


@of_one_case
def _broken_in_redis(c: Scenario, redis: Redis, only: str) -> Broken | None:
    for invariant in OF_REDIS:
        if only and invariant.__name__ != only:
            continue
        for leg in c.sides:
            found = invariant(c, c.at(redis, leg))
            if found is not None:
                return invariant.__name__, found
    return None


@of_one_case
def _usable(c: Scenario, redis: Redis) -> tuple[tuple[int, Permit], ...]:
    return tuple(
        (index, plan.permit)
        for index, plan in enumerate(redis.plans)
        if plan.decision == ALLOWED
        and plan.permit is not None
        and plan.permit.run == redis.run
        and c.leg_of(index) == redis.leg
    )


def _consumed_permit(before: World, index: int) -> Permit | None:
    """The permit that was consumed: as its executor read it, or as it lay there."""
    readers: list[Executor] = [e for e in before.executors if e.plan == index and e.amount]
    return (
        Permit(readers[0].qty, readers[0].amount, readers[0].age, readers[0].run)
        if readers
        else (before.redis.plans[index].permit)
    )
