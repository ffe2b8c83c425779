"""Recording results: record_result.lua, guard by guard.

A result is booked to the leg that its order names first: the venue's fact counts, not what was decided.
"""

from __future__ import annotations

from tests.model.brain import Acted, held_for, hold, on_its_leg
from tests.model.memo import of_one_case
from tests.model.scenario import Scenario
from tests.model.state import (
    ALLOWED,
    DENIED,
    DOUBT,
    FILLED,
    NOBODY,
    NOT_EXECUTED,
    ORDER_ONLY,
    RECORDING,
    UNDECIDED,
    UNKNOWN,
    Order,
    Recording,
    Redis,
    Reservation,
    Result,
)


@of_one_case
@on_its_leg
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
    increase, is_breach, after = 0, False, redis._replace(results=tuple(sorted(left)))
    if names_order:
        increase, is_breach, after = _with_fill(c, after, held)
        is_news = held.remembered == UNKNOWN or increase > 0
        if plan.decision == UNDECIDED and is_news and c.on("result.tombstone"):
            after = after.with_plan(result.plan, plan._replace(decision=DENIED))
    elif plan.decision == UNDECIDED and c.on("result.abandoned"):
        after = after.with_plan(result.plan, plan._replace(decision=DENIED))
    word, after = _released(c, after, result, permit_there=plan.permit is not None, filled=increase > 0)
    return word, _both_held(c, after) if is_breach and c.on("result.both_held") else after


def _base_moved(c: Scenario, redis: Redis, held: Recording) -> bool:
    plan, result = redis.plans[held.result.plan], held.result
    return (
        (redis.ledger != held.ledger and c.on("result.ledger"))
        or (plan.decision != held.decision and c.on("result.decision"))
        or (redis.executed(result.plan) != held.executed and c.on("result.executed"))
        or (redis.remembered(result.plan, result.by) != held.remembered and c.on("result.remembered"))
        or (_other_ledger(c, redis, result) != held.other_ledger and c.on("result.other_ledger"))
    )


def _with_fill(c: Scenario, redis: Redis, held: Recording) -> tuple[int, bool, Redis]:
    """What is new of an order's quantity, whether it breaks its permit's leg for the first time, and the books."""
    result, known, leg = held.result, max(held.remembered, 0), _leg_of(redis, held.result)
    is_elsewhere = leg != result.leg and c.on("result.first_leg")
    qty = 0 if is_elsewhere else result.qty
    increase = max(qty - known, 0) if c.on("result.increase") else qty
    was = [o for o in redis.orders if (o.plan, o.by) == (result.plan, result.by)]
    names_other = bool(c.legs) and result.leg != c.leg_of(result.plan)
    is_breach = is_elsewhere or (names_other and redis.plans[result.plan].decision == ALLOWED)
    order = Order(result.plan, result.by, max(known, qty), leg, is_breach or any(o.is_breach for o in was))
    after = redis._replace(orders=tuple(sorted([*(o for o in redis.orders if o not in was), order])))
    is_other = bool(c.legs) and leg != c.leg_of(result.plan) and c.on("result.leg")
    # A result that contradicts what is on record may have been another order: it stands for one.
    is_news = held.remembered == UNKNOWN or increase > 0 or is_elsewhere
    if is_other:
        after = _in_other(c, after, held, increase, is_news=is_news)
    elif held.ledger != UNKNOWN:
        after = after._replace(ledger=held.ledger - increase)
    if is_news and c.on("result.cooldown"):
        after = after._replace(order_age=0)
    return increase, is_breach and not any(o.is_breach for o in was), after


def _leg_of(redis: Redis, result: Result) -> int:
    """Where an order belongs: the leg that it named first."""
    known = redis.went_to(result.plan, result.by)
    return result.leg if known is None else known


def _other_ledger(c: Scenario, redis: Redis, result: Result) -> int:
    """The other leg's ledger where an order belongs to that leg."""
    leg = _leg_of(redis, result)
    return UNKNOWN if not c.legs or leg == c.leg_of(result.plan) else c.at(redis, leg).ledger


def _in_other(c: Scenario, redis: Redis, held: Recording, increase: int, *, is_news: bool) -> Redis:
    """An order of the other leg: what closes one leg makes the other larger."""
    leg, plan = redis.leg, redis.plans[held.result.plan]
    other = c.at(redis, 1 - leg)
    other = other._replace(ledger=UNKNOWN if held.other_ledger == UNKNOWN else held.other_ledger + increase)
    if is_news and c.on("result.other_cooldown"):
        other = other._replace(order_age=0)
    if plan.consumed and c.on("result.other_barrier"):
        other = other._replace(barrier=_barrier(c, other, plan.consumed_age))
    return c.at(other, leg)


def _barrier(c: Scenario, redis: Redis, consumed_age: int) -> int:
    """A position's barrier behind a consumption."""
    barrier = min(redis.barrier, consumed_age - c.limits.unseen - 1)
    return barrier if barrier <= c.limits.forget_snapshot else redis.barrier


def _both_held(c: Scenario, redis: Redis) -> Redis:
    """Which of two legs is wrong isn't known."""
    leg, after = redis.leg, hold(c, redis)[1]
    return c.at(hold(c, c.at(after, 1 - leg))[1], leg)


def _released(c: Scenario, redis: Redis, result: Result, *, permit_there: bool, filled: bool) -> Acted:
    held, plan = redis.reservation, redis.plans[result.plan]
    word = "none" if held is None or held.plan != result.plan else "kept"
    proven = plan.consumed > 0 and (result.by == plan.consumed or not c.on("result.consume_id"))
    settles = filled if result.kind in {ORDER_ONLY, FILLED} else result.kind not in {NOT_EXECUTED, DOUBT} and proven
    if settles:
        after = _settled(c, redis, result)
    elif result.kind == DOUBT:
        if not proven or (plan.settled and c.on("result.settled")):
            return f"recorded {word}", redis
        return _in_doubt(c, redis, result.plan)
    else:
        free = not plan.consumed or not c.on("result.unconsumed")
        names_order = result.kind in {ORDER_ONLY, FILLED}
        if names_order or not free or not (permit_there or not c.on("result.permit_there")):
            return f"recorded {word}", redis
        after = redis
    if held is None or (held.plan != result.plan and c.on("result.own_reservation")):
        return f"recorded {word}", after
    plan = after.plans[result.plan]
    left = plan.permit if not c.on("result.delete") else None
    return "recorded released", after.with_plan(result.plan, plan._replace(permit=left))._replace(reservation=None)


def _settled(c: Scenario, redis: Redis, result: Result) -> Redis:
    """What became of a plan's consumption is known: it stays a barrier, and what its unknown outcome held is free."""
    plan, barrier = redis.plans[result.plan], redis.barrier
    if plan.consumed:
        redis = redis.with_plan(result.plan, plan._replace(settled=True))
        if c.on("result.barrier"):
            barrier = _barrier(c, redis, plan.consumed_age)
    left = tuple(one for one in redis.held_for if one != result.plan)
    return redis._replace(
        barrier=barrier,
        unknown=NOBODY if redis.unknown == result.plan else redis.unknown,
        held_for=left,
        service_hold=redis.service_hold and (bool(left) or not redis.held_for),
    )


def _in_doubt(c: Scenario, redis: Redis, index: int) -> Acted:
    """An unknown outcome: by the reservation until the limit; behind it, or where that is another's, by the hold."""
    held, age = redis.reservation, redis.plans[index].consumed_age
    left = c.limits.doubt - age - 1 if c.on("doubt.limit") else c.limits.doubt - 1
    other = held is not None and held.plan != index and c.on("doubt.other")
    if left < 0 or other or redis.unknown not in {NOBODY, index}:
        return "recorded held", held_for(c, redis, index) if c.on("doubt.late") else redis
    after = redis._replace(unknown=index)
    if held is not None and held.left > left:
        return "recorded renewed", after
    if held is None and not c.on("doubt.late"):
        return "recorded taken", redis
    if not c.on("doubt.renew"):
        return "recorded renewed", after
    return f"recorded {'taken' if held is None else 'renewed'}", after._replace(reservation=Reservation(index, left))


def reported(redis: Redis, result: Result) -> Redis | None:
    """The result stream with one entry more; None when it says this already."""
    if result in redis.results:
        return None
    return redis._replace(results=tuple(sorted((*redis.results, result))))


@of_one_case
def told(c: Scenario, redis: Redis, result: Result) -> Acted | None:
    """Published and recorded at once; None when the stream says this already."""
    published = reported(redis, result)
    return None if published is None else record(c, published, base_of(c, published, result))


@of_one_case
def base_of(c: Scenario, redis: Redis, result: Result) -> Recording:
    """load_ledger.lua."""
    redis, decision = c.at(redis, c.leg_of(result.plan)), redis.plans[result.plan].decision
    remembered, executed = redis.remembered(result.plan, result.by), redis.executed(result.plan)
    other = _other_ledger(c, redis, result)
    return Recording(RECORDING, result, redis.ledger, remembered, decision, executed, other)
