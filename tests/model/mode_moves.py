"""Every move of ``modes``: the scripts' acts, guard by guard, and what anybody else does."""

from __future__ import annotations

from tests.model.mode_results import BOTH_PLACES, results
from tests.model.modes import (
    ALLOWED,
    DENIED,
    IDLE,
    LONG,
    MAY_SEND,
    NOBODY,
    NOTHING,
    OWN,
    REFUSED,
    SENT,
    UNDECIDED,
    Case,
    Held,
    Moves,
    State,
    is_held,
    with_hold,
)

OTHER_MODE = "a ledger of the other mode was used"
OTHER_PERMIT = "a permit of the other mode was used"
IN_DOUBT = "a plan was allowed or consumed while an outcome was unknown"
ABOVE = "an order was above the position"
LOST_DOUBT = "an unknown outcome was lost"


def all_moves(c: Case, s: State) -> Moves:
    """All that can happen next."""
    yield from _judge(c, s)
    yield from _consume(c, s)
    yield from _order(c, s)
    yield from results(c, s)
    yield from _refresh(c, s)
    yield from _others(c, s)


def _doubts(s: State, but: int) -> bool:
    return any(plan.doubted for index, plan in enumerate(s.plans) if index != but)


def _judge(c: Case, s: State) -> Moves:
    for index, names_leg in enumerate(c.names_leg):
        if s.plans[index].decision != UNDECIDED or (s.worker and s.worker.plan == index):
            continue
        at, place = s.known, s.places[s.known]
        agrees = 0 < place.amount == place.ledger and s.snap > place.ordered and s.snap >= place.barrier
        named = at == OWN or names_leg
        if agrees and named and place.plan == NOBODY and not is_held(place):
            if not s.worker:
                amounts = (place.amount, place.ledger)
                worker = Held(index, at, amounts, s.now, s.snap, place.ordered)
                yield ("judge", index, "allow"), s._replace(worker=worker), ""
        else:
            yield ("judge", index, "deny"), s.with_plan(index, decision=DENIED, permit=NOTHING), ""
    if s.worker:
        yield ("die",), s._replace(worker=None), ""
        yield from _commit(c, s, s.worker)


def _commit(c: Case, s: State, w: Held) -> Moves:
    plan, place, idle = s.plans[w.plan], s.places[w.place], s._replace(worker=None)
    if plan.decision != UNDECIDED:
        yield ("commit", "exists"), idle, ""
        return
    held = place.held or place.held_for or place.note != NOBODY or place.plan != NOBODY
    snap = s.snap if w.place == OWN or s.known == LONG else 0
    moved = (place.amount, place.ledger) != w.amounts or (snap, place.ordered) != (w.snap, w.ordered)
    if held or moved or s.snap < place.barrier or s.known != w.place:
        yield ("commit", "moved"), idle, ""
        return
    wrong = OTHER_MODE if place.seen != s.seen else IN_DOUBT if _doubts(s, w.plan) else ""
    after = idle.with_plan(
        w.plan, decision=ALLOWED, place=w.place, permit=place.amount, issued=w.at, seen=s.seen
    ).with_place(w.place, plan=w.plan)
    yield ("commit", "committed"), after, wrong


def _consume(c: Case, s: State) -> Moves:
    for index, plan in enumerate(s.plans[:-1]):
        if plan.permit == NOTHING:
            continue
        place = s.places[plan.place]
        refused = (
            place.plan != index
            or place.held
            or bool(place.held_for)
            or (place.ledger == NOTHING and c.on("consume.ledger"))
            or place.ordered >= plan.issued
            or place.amount != plan.permit
            or s.snap < place.barrier
            or (s.known != plan.place and c.on("consume.mode"))
        )
        if refused:
            yield ("consume", index, "refused"), s, ""
            continue
        wrong = OTHER_PERMIT if plan.seen != s.seen else IN_DOUBT if _doubts(s, index) else ""
        after = s.with_plan(index, permit=NOTHING, consumed=s.now, phase=MAY_SEND, qty=plan.permit, since=s.era)
        yield ("consume", index, "consumed"), after, wrong


def _order(c: Case, s: State) -> Moves:
    for index, plan in enumerate(s.plans):
        # An account isn't emptied, switched twice and filled again within the time in which an order may be sent.
        if plan.phase == MAY_SEND and s.era <= plan.since + 1:
            if s.mode != plan.place:
                yield ("send", index), s.with_plan(index, phase=REFUSED, qty=0), ""
                continue
            wrong = ABOVE if plan.qty > s.held[s.mode] and not (c.closes or c.rogues) else ""
            executed = min(plan.qty, s.held[s.mode])
            phase = SENT if executed else REFUSED
            sent = s.with_plan(index, phase=phase, qty=executed, at=s.mode, consumed=s.now)
            yield ("send", index), _traded(sent, -executed), wrong
    if s.rogues and s.held[s.mode] and s.plans[-1].phase == IDLE:
        last = len(s.plans) - 1
        yield ("rogue",), _traded(s.with_plan(last, phase=SENT, qty=1, at=s.mode), -1)._replace(rogues=0), ""


def _traded(s: State, by: int) -> State:
    held = (s.held[OWN] + by, s.held[LONG]) if s.mode == OWN else (s.held[OWN], s.held[LONG] + by)
    return s._replace(held=held)


def _refresh(c: Case, s: State) -> Moves:
    if s.answer is None:
        yield ("fetch",), s._replace(answer=Held(NOBODY, s.mode, s.held, s.now)), ""
        return
    answer, after = s.answer, s._replace(answer=None)
    if s.known != answer.place:
        after = _switched(c, after._replace(seen=s.seen + 1), answer.place)
    amounts = (answer.amounts[OWN] if answer.place == OWN else answer.amounts[LONG], answer.amounts[LONG])
    after = after.with_place(OWN, amount=amounts[OWN])._replace(known=answer.place, snap=answer.at)
    if answer.place == LONG:
        after = after.with_place(LONG, amount=amounts[LONG])
    after = _kept(c, after, answer)
    lost = [i for i, plan in enumerate(after.plans) if plan.doubted and not _is_kept(after, i)]
    yield ("put",), after, LOST_DOUBT if lost else ""


def _is_kept(s: State, index: int) -> bool:
    place = s.places[s.known]
    return place.note == index or index in place.held_for


def _switched(c: Case, s: State, mode: int) -> State:
    """``change_mode``: the ledgers go, and what must be ended goes over."""
    ordered = max(place.ordered for place in s.places)
    barrier = max(place.barrier for place in s.places)
    plans = frozenset().union(*({place.note} | place.held_for for place in s.places)) - {NOBODY}
    released = frozenset().union(*(place.released for place in s.places))
    held = any(place.held for place in s.places)
    for one in BOTH_PLACES:
        if c.on("put.retire"):
            s = s.with_place(one, ledger=NOTHING, ordered=0, barrier=0)
        s = s.with_place(one, note=NOBODY, held_for=frozenset(), held=False, released=frozenset())
    s = s.with_place(1 - mode, amount=NOTHING)
    if c.on("put.order_time"):
        s = s.with_place(mode, ordered=ordered, barrier=barrier)
    if not c.on("put.take_over"):
        return s
    s = with_hold(s, mode) if held else s
    s = s.with_place(mode, released=released)
    for plan in sorted(plans - released):
        s = with_hold(s, mode, plan=plan)
    return s


def _kept(c: Case, s: State, answer: Held) -> State:
    """``keep_ledger``: one begins where no order can be under way that the snapshot doesn't show."""
    at, place = s.known, s.places[s.known]
    is_reserved = any(one.plan != NOBODY for one in s.places) and c.on("begin.reserved")
    is_later = answer.at > place.ordered and answer.at >= place.barrier
    if place.ledger == NOTHING and not is_reserved and is_later:
        s = s.with_place(at, ledger=place.amount, seen=s.seen)
    place = s.places[at]
    return with_hold(s, at, plan=place.note) if place.note not in {NOBODY, place.plan} else s


def _others(c: Case, s: State) -> Moves:
    if s.switches and not s.held[s.mode]:
        yield ("switch",), s._replace(mode=1 - s.mode, era=s.era + 1, switches=s.switches - 1), ""
    if s.opens and not s.held[s.mode]:
        yield ("open",), _traded(s, c.start)._replace(opens=s.opens - 1), ""
    if s.closes and s.held[s.mode]:
        yield ("close",), _traded(s, -s.held[s.mode])._replace(closes=s.closes - 1), ""
    for at in BOTH_PLACES:
        yield from _expire(s, at)
    place = s.places[s.known]
    if place.held or place.held_for:
        plans = place.held_for | ({place.note} - {NOBODY})
        after = s.with_place(s.known, held=False, held_for=frozenset(), note=NOBODY, released=place.released | plans)
        for plan in plans:
            after = after.with_plan(plan, doubted=False)
        yield ("release", s.known), after, ""


def _expire(s: State, at: int) -> Moves:
    """A reservation ends: with its permit, or once every snapshot that counts was asked for after its order."""
    index = s.places[at].plan
    if index == NOBODY:
        return
    plan = s.plans[index]
    is_shown = s.snap > plan.consumed and (s.answer is None or s.answer.at > plan.consumed)
    if plan.permit == NOTHING and not is_shown:
        return
    after = s.with_place(at, plan=NOBODY).with_plan(index, permit=NOTHING)
    if plan.phase == MAY_SEND:
        after = after.with_plan(index, phase=IDLE, qty=0)
    yield ("expire", at, index), after, ""
