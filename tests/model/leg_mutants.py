"""Hedge mode with guards left out: what a leg in each key, and each comparison of legs, is for."""

from __future__ import annotations

from tests.model.mutants import Mutant, mutant
from tests.model.scenario import FULL
from tests.model.state import Limits

ALONE = "an_act_leaves_the_other_leg_alone"
COUNTS = "a_fill_counts_once"
DECIDES = "the_other_leg_decides_nothing"


def _legs(*without: str, breaks: str, **case: object) -> Mutant:
    two = {"name": "legs", "legs": (0, 1), "actions": (FULL, FULL), "start": 1}
    return mutant(*without, breaks=breaks, **{**two, **case})


AT_ONCE = {"refreshers": 0, "limits": Limits(place=0, stale=0, cooldown=1, ttl=1, plan_age=0)}
"""What happens within a tick."""

LEGS_BROKEN_BY: tuple[Mutant, ...] = (
    _legs("leg.snapshot", breaks=DECIDES, trades=1),
    _legs("leg.ledger", breaks=COUNTS),
    _legs("leg.reservation", breaks=DECIDES),
    _legs("leg.reservation", breaks=ALONE),
    _legs("leg.hold", breaks=DECIDES, service_holds=1),
    _legs("leg.prepared", breaks=ALONE, preparers=1),
    _legs("consume.leg", "consume.reservation", breaks=ALONE),
    _legs("result.leg", breaks=COUNTS, misnames=True, legs=(1,), actions=(FULL,)),
    _legs(
        "result.other_ledger",
        breaks=COUNTS,
        misroutes=True,
        rogues=1,
        slow_results=True,
        workers=2,
        legs=(1, 0),
        **AT_ONCE,
    ),
)

LEGS_SPARE: dict[str, str] = {
    "consume.leg": "the other leg's reservation is another plan's; for the order, which would name the wrong leg",
    "result.first_leg": "a quantity that was applied isn't applied again; for what is new in the later result",
    "result.other_cooldown": "the other leg's ledger moves, which stops what rests on it; for an order without a fill",
    "result.other_barrier": "such an order makes the other leg larger; a snapshot from before it shows less",
    "result.both_held": "the leg that is wrong drifts, which denies; for a drift within the tolerance",
}
"""Second nets: without one of them, nothing breaks."""
