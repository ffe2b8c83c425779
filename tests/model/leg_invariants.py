"""What must hold in hedge mode besides: each of the symbol's two positions is a world of its own.

Both compare a move with the same one in a world where the other leg is another, or the book of it before and after.
"""

from __future__ import annotations

from tests.model.executors import Move
from tests.model.judging import judged
from tests.model.scenario import Scenario
from tests.model.state import Judging, Recording, World


def the_other_leg_decides_nothing(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """A verdict is the same whatever the other leg's book says: as if nothing had ever happened there."""
    match move:
        case ("judge", int(index), str(word)) if c.legs and word != "decided":
            leg = c.leg_of(index)
            untouched = c.first().redis.book._asdict()
            alone = c.at(c.at(before.redis, 1 - leg)._replace(**untouched), 0)
            found = judged(c, alone, index)[0]
            return None if found == word else f"plan {index} is {word}, and were it not for the other leg {found}"
    return None


def an_act_leaves_the_other_leg_alone(c: Scenario, before: World, move: Move, after: World) -> str | None:
    """Verdicts, consumptions and results of one leg change nothing of the other, unless an order names it or did."""
    if not c.legs:
        return None
    match move:
        case ("told", int(plan), _, int(by), _, int(leg), _):
            named = {leg, before.redis.went_to(plan, by)}
        case (_, Recording() as held, *_):
            plan, named = held.result.plan, {held.result.leg, before.redis.went_to(held.result.plan, held.result.by)}
        case (_, Judging() as held, *_):
            plan, named = held.plan, set()
        case (_, int(plan), *_):
            named = set()
    other = 1 - c.leg_of(plan)
    if other in named or c.at(before.redis, other).book == c.at(after.redis, other).book:
        return None
    return f"plan {plan} changed what is kept of the other leg"
