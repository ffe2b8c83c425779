"""One order, its results lost, late, in part or doubled, against repair, commit and consume: every interleaving.

A model of its own, beside the protocol's: it knows one position, one plan after the other and the order of the first
one. ``Guards`` takes a check of the repair script away.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Guards:
    """What ``repair_ledger.lua`` and the decision before it check."""

    compares_ledger_and_memory: bool = True
    waits_for_final: bool = True
    remembers_orders: bool = True
    repair_is_final: bool = True  # a later `unknown` of the repaired plan holds nothing
    repair_ends_unknown: bool = True  # what its unknown outcome held ends with it
    part_ends_nothing: bool = True  # in `record_result.lua`: more of the order may follow
    unknown_holds: bool = True  # ... and an `unknown` holds the position


@dataclass(frozen=True, slots=True)
class Reading:
    """What a repair rests on."""

    ledger: int
    memory: int
    executed: int
    is_final: bool
    reservation: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything that counts; amounts in steps."""

    start: int  # of the position
    order: int  # of the order
    ledger: int
    snapshot: int
    executed: int = 0  # of the order, at the venue
    is_final: bool = False
    memory: int = 0  # of the order, applied
    is_later: bool = True  # the snapshot was requested after the last order time
    reservation: str = ""  # "", "issued", "consumed"
    was_sent: bool = False
    settled: bool = False  # by a repair of the first plan's order
    held: bool = False  # by the first plan's unknown outcome
    doubted: bool = False  # that was said, and nothing has ended it
    results: frozenset[int] = frozenset()  # cumulative quantities; each may be delivered again, or never
    reading: Reading | None = None
    wrong: str = ""

    @property
    def position(self) -> int:
        """The venue's."""
        return self.start - self.executed


def explore(guards: Guards, *, start: int = 7, order: int = 4) -> tuple[set[State], list[State]]:
    """Every state that can be reached, and those in which an invariant is broken; sizes in steps."""
    first = State(start=start, order=order, ledger=start, snapshot=start)
    seen, waiting = {first}, deque([first])
    while waiting:
        for state in moves(waiting.popleft(), guards):
            if state not in seen:
                seen.add(state)
                if not broken(state):
                    waiting.append(state)
    return seen, [state for state in seen if broken(state)]


def broken(state: State) -> str:
    """Which invariant doesn't hold; empty where all do."""
    if state.wrong:
        return state.wrong
    if state.ledger < state.position:
        return "an execution was applied twice"
    if state.memory > state.executed:
        return "more is remembered than was executed"
    if state.settled and state.held:
        return "a position is held for a plan whose order was repaired"
    return ""


def moves(state: State, guards: Guards) -> Iterator[State]:
    """Each next step of anybody."""
    yield from _gate(state)
    yield from _venue(state)
    yield from _results(state, guards)
    yield from _repair(state, guards)


def _gate(s: State) -> Iterator[State]:
    if not s.reservation and not s.held and s.is_later and s.snapshot == s.ledger and s.snapshot > 0:
        is_open = s.was_sent and not s.is_final
        wrong = "a plan was allowed while an order could still be executed" if is_open else ""
        wrong = wrong or ("a plan was allowed while an outcome was unknown" if s.doubted else "")
        yield replace(s, reservation="issued", wrong=wrong)
    if s.reservation == "issued":
        yield replace(s, reservation="")  # it expired
        if s.is_later and s.snapshot == s.ledger:
            stale = s.snapshot != s.position
            yield replace(
                s, reservation="consumed", was_sent=True, wrong="a permit rested on an old position" if stale else ""
            )
    if s.reservation == "consumed" and s.is_final:
        # It outlasts the order, not its result; and it is a barrier: an older snapshot doesn't count any more.
        yield replace(s, reservation="", is_later=False)


def _venue(s: State) -> Iterator[State]:
    if s.was_sent and not s.is_final:
        if s.executed < s.order:
            done = s.executed + 1
            yield replace(s, executed=done, is_final=done == s.order, results=s.results | {done})
        yield replace(s, is_final=True)
    yield replace(s, snapshot=s.position, is_later=True)


def _results(s: State, guards: Guards) -> Iterator[State]:
    if s.was_sent and not s.settled:
        # The executor doesn't know what became of its order, whatever it said before.
        yield replace(s, held=guards.unknown_holds, doubted=True)
    elif s.settled and not guards.repair_is_final:
        yield replace(s, held=True)
    for quantity in s.results:
        increase = max(quantity - s.memory, 0)
        ends = s.is_final or not guards.part_ends_nothing
        released = "" if s.reservation == "consumed" and ends else s.reservation
        yield replace(
            s,
            ledger=s.ledger - increase,
            memory=s.memory + increase,
            is_later=s.is_later and not increase and released == s.reservation,
            reservation=released,
            held=s.held and not ends,
            doubted=s.doubted and not ends,
        )


def _repair(s: State, guards: Guards) -> Iterator[State]:
    if s.snapshot != s.ledger and s.is_later:
        yield replace(s, reading=Reading(s.ledger, s.memory, s.executed, s.is_final, s.reservation))
    r = s.reading
    if r is None:
        return
    if guards.waits_for_final and not r.is_final:
        return
    if s.reservation != r.reservation or r.reservation == "issued":
        return
    if guards.compares_ledger_and_memory and (s.ledger, s.memory) != (r.ledger, r.memory):
        return
    missing = r.executed - r.memory
    yield replace(
        s,
        ledger=s.ledger - missing,
        memory=r.executed if guards.remembers_orders else s.memory,
        is_later=False,
        reservation="",  # of the order's own plan
        settled=True,
        held=s.held and not guards.repair_ends_unknown,
        doubted=False,
        reading=None,
    )


def can_agree(states: set[State], guards: Guards) -> set[State]:
    """The states from which ledger and exchange can become equal, though no further result comes."""
    good = {state for state in states if state.ledger == state.position}
    before: dict[State, set[State]] = {}
    for state in states:
        for after in (*_gate(state), *_venue(state), *_repair(state, guards)):
            before.setdefault(after, set()).add(state)
    waiting = deque(good)
    while waiting:
        for state in before.get(waiting.popleft(), ()):
            if state not in good:
                good.add(state)
                waiting.append(state)
    return good
