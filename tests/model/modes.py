"""A switch of the position mode, and fills that name no leg: every interleaving of a small case.

A model of its own, beside the protocol's: the account goes from one-way to hedge mode or back while it is flat, and two
positions take turns: the symbol's own, and its long leg. Nothing expires by itself; of time only the order of things is
known. ``mode_moves`` has the moves, ``played_modes`` plays them on the real scripts. ``GUARDS`` can be left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

OWN, LONG = 0, 1
"""The symbol's own position is judged by in one-way mode, the long leg in hedge mode: a mode has its place's number."""
NOBODY, NOTHING = -1, -99
UNDECIDED, ALLOWED, DENIED = range(3)
IDLE, MAY_SEND, SENT, REFUSED = range(4)

GUARDS = {
    "consume.mode": "the position is one of the symbol's mode",
    "consume.ledger": "its ledger has an amount",
    "put.retire": "a switch takes the ledgers away",
    "put.order_time": "... and keeps the latest order time",
    "put.take_over": "... and what an answer or a person must end",
    "begin.reserved": "no ledger begins while a plan holds one of the symbol's positions",
    "result.decided": "a fill is booked to the position that its plan was allowed, whatever the mode is now",
    "result.unnamed": "in hedge mode a fill without a leg and without an allow is booked to none",
    "result.zero": "... and remembered with quantity 0",
    "doubt.instead": "an unknown outcome that is said after a switch holds the positions of the mode",
}


SPARE = {
    "consume.mode": "a switch takes the ledger's amount, which denies too; for an emergency close, which needs none",
    "put.order_time": "no ledger begins while a plan holds a position; for an order that is told when none does",
}
"""Second nets: without one of them, nothing breaks."""


class Place(NamedTuple):
    """What Redis holds of one position; times are places in the order of things, 0 for never."""

    amount: int = NOTHING  # by the snapshot; NOTHING: there is none
    ledger: int = NOTHING
    seen: int = 0  # how many switches the snapshots had shown when its ledger began: nobody in the protocol knows
    ordered: int = 0
    barrier: int = 0
    plan: int = NOBODY  # the reservation
    note: int = NOBODY  # the plan of unknown outcome
    held_for: frozenset[int] = frozenset()  # those that the service's hold names
    held: bool = False  # for a reason that only a person ends
    released: frozenset[int] = frozenset()  # by a person


class Plan(NamedTuple):
    """A plan, its permit, its order and what was told of it. The last one is nobody's: an order around the gate."""

    decision: int = UNDECIDED
    place: int = OWN  # that it was allowed
    permit: int = NOTHING  # the position it rests on; NOTHING: there is none
    issued: int = 0
    seen: int = 0  # by then, as above
    since: int = 0  # how many switches the account had made when it was consumed
    consumed: int = 0
    settled: bool = False
    phase: int = IDLE
    qty: int = 0  # executed
    at: int = OWN  # where
    told: frozenset[str] = frozenset()
    memory: int = NOTHING  # quantity remembered of its order
    went: int = NOBODY  # the leg on record
    doubted: bool = False  # its outcome was told to be unknown, and nothing has ended that


class Held(NamedTuple):
    """A worker with an allow, or an answer of the venue that is not stored yet (``plan`` is NOBODY)."""

    plan: int
    place: int  # of an answer the mode
    amounts: tuple[int, int]
    at: int  # when it was judged, or asked for
    snap: int = 0
    ordered: int = 0


class State(NamedTuple):
    """Everything at one moment."""

    plans: tuple[Plan, ...]
    places: tuple[Place, Place]
    held: tuple[int, int]  # at the venue
    mode: int = OWN  # of the account
    era: int = 0  # how many switches there were
    known: int = OWN  # the mode by the symbol's snapshot
    snap: int = 1  # when it was asked for
    seen: int = 0  # how many of them the snapshots have shown
    now: int = 2
    worker: Held | None = None
    answer: Held | None = None
    switches: int = 0  # how often each of these may still happen
    opens: int = 0
    closes: int = 0
    rogues: int = 0

    def with_plan(self, index: int, **changes: object) -> State:
        """With one plan changed."""
        plan = self.plans[index]._replace(**changes)  # type: ignore[arg-type]  # fields of a plan
        return self._replace(plans=(*self.plans[:index], plan, *self.plans[index + 1 :]))

    def with_place(self, at: int, **changes: object) -> State:
        """With one position changed."""
        place = self.places[at]._replace(**changes)  # type: ignore[arg-type]  # fields of a place
        return self._replace(places=(place, self.places[LONG]) if at == OWN else (self.places[OWN], place))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What one exploration contains."""

    name: str
    names_leg: tuple[bool, ...]  # a plan each: whether it says LONG
    mode: int = OWN
    start: int = 2
    switches: int = 1
    opens: int = 1
    closes: int = 1
    rogues: int = 0
    doubts: bool = False
    removed: frozenset[str] = field(default_factory=frozenset)

    def on(self, guard: str) -> bool:
        """Whether a guard is in its place."""
        return guard not in self.removed

    def first(self) -> State:
        """Exchange and ledger agree."""
        place = Place(amount=self.start, ledger=self.start)
        places = (place, Place()) if self.mode == OWN else (Place(amount=self.start), place)
        return State(
            plans=(Plan(),) * (len(self.names_leg) + 1),
            places=places,
            held=(self.start, 0) if self.mode == OWN else (0, self.start),
            mode=self.mode,
            known=self.mode,
            switches=self.switches,
            opens=self.opens,
            closes=self.closes,
            rogues=self.rogues,
        )


Move = tuple[object, ...]
Moves = Iterator[tuple[Move, State, str]]
"""A move, the state behind it, and what it breaks."""


def is_held(place: Place) -> bool:
    """Whether a verdict finds a hold: also a note whose reservation is gone."""
    return place.held or bool(place.held_for) or place.note not in {NOBODY, place.plan}


def with_hold(s: State, at: int, *, plan: int = NOBODY) -> State:
    """The service holds a position, and its permit that nobody consumed goes, with its reservation."""
    place = s.places[at]
    if plan in place.held_for or (plan == NOBODY and place.held):
        return s
    held_for = place.held_for if plan == NOBODY else place.held_for | {plan}
    s = s.with_place(at, held=place.held or plan == NOBODY, held_for=held_for)
    if place.plan != NOBODY and s.plans[place.plan].permit != NOTHING:
        s = s.with_plan(place.plan, permit=NOTHING).with_place(at, plan=NOBODY)
    return s


def ranked(s: State) -> State:
    """The same with the smallest times that are in the same order; what no move reads any more is left out."""
    plans = tuple(
        p._replace(
            issued=p.issued if p.permit != NOTHING else 0,
            consumed=p.consumed if p.phase in {MAY_SEND, SENT, REFUSED} else 0,
        )
        for p in s.plans
    )
    worker, answer = s.worker, s.answer
    times = {s.snap, *(p.issued for p in plans), *(p.consumed for p in plans)}
    times |= {t for place in s.places for t in (place.ordered, place.barrier)}
    times |= {worker.at, worker.snap, worker.ordered} if worker else set()
    times |= {answer.at} if answer else set()
    rank = {time: at for at, time in enumerate(sorted(times | {0}))}
    if worker:
        worker = worker._replace(at=rank[worker.at], snap=rank[worker.snap], ordered=rank[worker.ordered])
    return s._replace(
        plans=tuple(p._replace(issued=rank[p.issued], consumed=rank[p.consumed]) for p in plans),
        places=tuple(p._replace(ordered=rank[p.ordered], barrier=rank[p.barrier]) for p in s.places),  # type: ignore[arg-type]  # two
        worker=worker,
        answer=answer._replace(at=rank[answer.at]) if answer else None,
        snap=rank[s.snap],
        now=len(rank),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an exploration saw; ``trace`` is a shortest way to what breaks."""

    states: int
    broken: str = ""
    trace: tuple[Move, ...] = ()


def explore(c: Case, moves: object, *, only: str = "", most: int = 400_000) -> Found:
    """Every state that can be reached; ends at the first move that breaks something, or ``only`` that."""
    first = ranked(c.first())
    came_from: dict[State, tuple[State, Move] | None] = {first: None}
    waiting = deque([first])
    while waiting:
        before = waiting.popleft()
        for move, after, wrong in moves(c, before):  # type: ignore[operator]  # as moves.all_moves
            if wrong and only in wrong:
                return Found(states=len(came_from), broken=wrong, trace=(*_way(came_from, before), move))
            after = ranked(after._replace(now=after.now + 1))  # noqa: PLW2901 - one state for all that are like it
            if after not in came_from:
                came_from[after] = (before, move)
                waiting.append(after)
        assert len(came_from) <= most, f"{c.name}: more than {most} states; nothing was proven"
    return Found(states=len(came_from))


def _way(came_from: dict[State, tuple[State, Move] | None], state: State) -> tuple[Move, ...]:
    steps: list[Move] = []
    while (step := came_from[state]) is not None:
        state, move = step
        steps.append(move)
    return tuple(reversed(steps))
