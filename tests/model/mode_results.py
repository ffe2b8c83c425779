"""Results of ``modes``: record_result.lua, guard by guard, and the sums that Python makes for it."""

from __future__ import annotations

from tests.model.modes import (
    ALLOWED,
    DENIED,
    LONG,
    NOBODY,
    NOTHING,
    OWN,
    REFUSED,
    SENT,
    UNDECIDED,
    Case,
    Move,
    Moves,
    State,
    with_hold,
)

OTHER_FILL = "a fill of another position moved a ledger"
LOST_FILL = "a fill was lost"
BOTH_PLACES = (OWN, LONG)


def results(c: Case, s: State) -> Moves:
    for index, plan in enumerate(s.plans):
        is_rogue = index == len(s.plans) - 1
        if plan.phase == SENT:
            words = ("unnamed", "named") if plan.at == LONG else ("unnamed",)
            for word in words:
                if word not in plan.told:
                    yield _filled(c, s, index, word)
        if is_rogue or plan.phase not in {SENT, REFUSED}:
            continue
        if plan.phase == REFUSED and "rejected" not in plan.told:
            after = _settled(s.with_plan(index, told=plan.told | {"rejected"}), index, plan.place)
            yield ("told", index, "rejected"), after, ""
        if c.doubts and not plan.told:
            yield ("told", index, "unknown"), _doubted(c, s.with_plan(index, told=plan.told | {"unknown"}), index), ""


def _filled(c: Case, s: State, index: int, word: str) -> tuple[Move, State, str]:
    """An order and its fill are told, with its leg or without."""
    plan, leg = s.plans[index], LONG if word == "named" else NOBODY
    s = s.with_plan(index, told=plan.told | {word})
    at = _place_of(c, s, index, leg)
    went = plan.went if plan.went != NOBODY else (OWN if plan.memory > 0 else NOBODY)
    says = at if OWN in {at, went} else leg
    elsewhere = at != NOBODY and NOBODY not in {went, says} and went != says
    booked = 0 if elsewhere or (at == NOBODY and c.on("result.zero")) else plan.qty
    is_news = elsewhere or plan.memory == NOTHING or booked > plan.memory
    increase = max(booked - max(plan.memory, 0), 0)
    leg_after = plan.went if elsewhere or at == OWN else at
    decision = DENIED if plan.decision == UNDECIDED and is_news else plan.decision
    after = s.with_plan(index, memory=max(plan.memory, booked), went=leg_after, decision=decision)
    after = after if plan.decision != UNDECIDED else after.with_plan(index, permit=NOTHING)
    own = at if at != NOBODY else LONG
    instead = (s.known,) if own != s.known else ()
    ordered = BOTH_PLACES if at == NOBODY else (own, *instead)
    for one in ordered if is_news else ():
        after = after.with_place(one, ordered=s.now)
    wrong, before = "", after.places[own].ledger
    if at != NOBODY and increase and before != NOTHING:
        after = after.with_place(own, ledger=before - increase)
        wrong = OTHER_FILL if plan.at != own and plan.decision == ALLOWED else ""
    if plan.memory == 0 and word == "named" and s.known == LONG and not elsewhere and before != NOTHING:
        wrong = wrong or ("" if after.places[own].ledger == before - plan.qty else LOST_FILL)
    if word == "named" and plan.told == {"unnamed"} and plan.memory > 0 and plan.went == NOBODY and at == LONG:
        wrong = wrong or LOST_FILL
    if plan.decision == ALLOWED and after.plans[index].memory > 0:
        after = _settled(after, index, own)
    for one in (own, *instead) if elsewhere else ():
        after = with_hold(after, one)
    return ("told", index, word), after, wrong


def _place_of(c: Case, s: State, index: int, leg: int) -> int:
    """``position_of``: the position of the plan's allow, else in hedge mode the leg that is named, or was."""
    plan = s.plans[index]
    if plan.decision == ALLOWED and c.on("result.decided"):
        return plan.place
    if s.known == OWN:
        return OWN
    found = leg if leg != NOBODY else plan.went
    return OWN if found == NOBODY and not c.on("result.unnamed") else found


def _settled(s: State, index: int, own: int) -> State:
    """What became of a consumption is known."""
    plan = s.plans[index]
    if plan.consumed or plan.phase in {SENT, REFUSED}:
        barriers = {own} | ({s.known} if s.known != own else set())
        for one in barriers:
            s = s.with_place(one, barrier=max(s.places[one].barrier, plan.consumed))
    for one in BOTH_PLACES:
        place = s.places[one]
        s = s.with_place(one, note=NOBODY if place.note == index else place.note, held_for=place.held_for - {index})
    if s.places[own].plan == index:
        s = s.with_place(own, plan=NOBODY).with_plan(index, permit=NOTHING)
    return s.with_plan(index, settled=True, doubted=False)


def _doubted(c: Case, s: State, index: int) -> State:
    """The executor doesn't know what became of its order."""
    own = s.plans[index].place
    if s.plans[index].settled or any(index in place.released for place in s.places):
        return s
    if own != s.known and c.on("doubt.instead"):
        s = with_hold(s, s.known, plan=index)
    place = s.places[own]
    s = s.with_plan(index, doubted=True)
    if place.plan not in {NOBODY, index} or place.note not in {NOBODY, index}:
        return with_hold(s, own, plan=index)
    return s.with_place(own, note=index, plan=index)
