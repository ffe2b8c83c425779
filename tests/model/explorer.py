"""Every reachable state of a scenario, breadth first; the first trace that breaks an invariant is a shortest one."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tests.model.executors import Move
from tests.model.invariants import broken_by, broken_in
from tests.model.moves import moves
from tests.model.quotient import representative
from tests.model.scenario import Scenario
from tests.model.state import World

Step = tuple[World, Move, World]
ANSWERED = {"hold_position", "judge", "commit", "deny", "consume", "record", "told", "fetch", "put", "del", "prepare"}
ANSWERED |= {"promote"}
"""Moves whose last word is an answer."""


class TooManyStatesError(AssertionError):
    """The scenario is larger than it was meant to be; nothing was proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An invariant broken, and how it came about."""

    invariant: str
    what: str
    trace: tuple[Move, ...]

    def __str__(self) -> str:
        steps = "\n".join(f"  {number}. {' '.join(map(str, move))}" for number, move in enumerate(self.trace, 1))
        return f"{self.invariant}: {self.what}\n{steps}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What an exploration saw."""

    visited: Collection[World]
    moves: int
    depth: int  # moves of the longest of the shortest ways
    seconds: float
    violation: Violation | None = None

    @property
    def states(self) -> int:
        """How many different ones."""
        return len(self.visited)


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """States are tuples of tuples, which refer to nothing that refers to them: looking for cycles finds none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_without_collector()
def explore(c: Scenario, *, max_states: int = 3_000_000, reduced: bool = True, only: str = "") -> Explored:
    """Visit every state that can be reached, checking every move out of each.

    Args:
        c: The case.
        max_states: Give up beyond so many.
        reduced: Visit one state of those that can't be told apart.
        only: Look at one invariant; the others may break.

    Raises:
        TooManyStatesError: There are more than ``max_states``.
    """
    began, first = time.perf_counter(), c.first()
    came_from: dict[World, tuple[World, Move] | None] = {first: None}
    frontier, depth, seen_moves = [first], 0, 0
    while frontier:
        following: list[World] = []
        for before in frontier:
            for move, after in moves(c, before):
                seen_moves += 1
                is_new = after not in came_from
                found = broken_by(c, before, move, after, only) or (broken_in(c, after, only) if is_new else None)
                if found is not None:
                    violation = Violation(invariant=found[0], what=found[1], trace=(*_trace(came_from, before), move))
                    return _explored(came_from, seen_moves, depth + 1, began, violation)
                if not is_new:
                    continue
                stands_for_it, way = representative(c, after) if reduced else after, (before, move)
                if came_from.setdefault(stands_for_it, way) is way:
                    following.append(stands_for_it)
        if len(came_from) > max_states:
            raise TooManyStatesError(f"{c.name}: more than {max_states} states at depth {depth}")
        frontier, depth = following, depth + bool(following)
    return _explored(came_from, seen_moves, depth, began, None)


@cache
def violation_of(c: Scenario, invariant: str) -> Violation | None:
    """A shortest way to break one invariant; None when there is none."""
    return explore(c, only=invariant).violation


def walk(c: Scenario, seed: int, length: int) -> list[Step]:
    """One random way through a scenario. Time goes on seldom, or every permit would expire unused."""
    chance, world = random.Random(seed), c.first()
    steps = []
    for _ in range(length):
        options = list(moves(c, world))
        weights = [_WEIGHTS.get(str(move[0]), 1.0) for move, _ in options]
        move, after = chance.choices(options, weights)[0]
        steps.append((world, move, after))
        world = after
    return steps


def followed(c: Scenario, trace: Iterable[Move]) -> list[Step]:
    """A trace of another case, gone in this one: until something is answered otherwise, or can't be done at all."""
    world, steps = c.first(), []
    for wanted in trace:
        options = [(move, after) for move, after in moves(c, world) if _asks(move) == _asks(wanted)]
        exact = [option for option in options if option[0] == wanted]
        if not options:
            break
        move, after = (exact or options)[0]
        steps.append((world, move, after))
        world = after
        if not exact:
            break
    return steps


def _asks(move: Move) -> Move:
    """A move without its answer."""
    return move[:-1] if move[0] in ANSWERED else move


_WEIGHTS = {"tick": 0.7, "deny": 0.1, "die": 0.1, "vanish": 0.15, "crash": 0.2, "judge": 3.0, "commit": 2.0}


def _trace(came_from: dict[World, tuple[World, Move] | None], world: World) -> tuple[Move, ...]:
    steps: list[Move] = []
    step = came_from[world]
    while step is not None:
        steps.append(step[1])
        step = came_from[step[0]]
    return tuple(reversed(steps))


def _explored(
    came_from: dict[World, tuple[World, Move] | None], seen: int, depth: int, began: float, violation: Violation | None
) -> Explored:
    return Explored(
        visited=came_from.keys(), moves=seen, depth=depth, seconds=time.perf_counter() - began, violation=violation
    )
