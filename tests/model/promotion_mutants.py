"""Promotion without one of its comparisons: what each is for, where no worker judges and every allow is a promotion.

The line of ``commit_verdict.lua`` that a guard stands for is in ``breaks.BREAKS``.
"""

from __future__ import annotations

from tests.model.mutants import ABOVE, DOUBTS, FINAL, UNDER_HOLD, UNKNOWN, Mutant, mutant
from tests.model.scenario import FULL
from tests.model.state import Limits


def _foreseen(*without: str, breaks: str, **case: object) -> Mutant:
    return mutant(*without, breaks=breaks, **{"name": "foreseen", "preparers": 1, "workers": 0, **case})


FORESEEN: tuple[Mutant, ...] = (
    _foreseen("commit.decision", breaks="the_first_verdict_stands", actions=(FULL,), gives_up=True),
    _foreseen("commit.reservation", breaks=ABOVE),
    _foreseen("commit.hold", breaks=FINAL, actions=(FULL,), holds=1),
    _foreseen("commit.service_hold", breaks=UNDER_HOLD, actions=(FULL,), service_holds=1),
    _foreseen("commit.run_id", breaks=FINAL, actions=(FULL,), crashes=1),
    _foreseen("commit.snapshot", breaks=FINAL, actions=(FULL,), trades=1),
    _foreseen("commit.snapshot_age", breaks=FINAL, actions=(FULL,)),
    _foreseen("commit.ledger", breaks=FINAL, unfilled=True, limits=Limits(ttl=1)),
    _foreseen("commit.barrier", breaks=FINAL, lies=True),
    _foreseen("commit.plan_age", breaks=FINAL, actions=(FULL,)),
    _foreseen("commit.unknown", breaks=UNKNOWN, **DOUBTS),
)
