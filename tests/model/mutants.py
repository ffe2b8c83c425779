"""The model with guards left out: what each guard is for, proven by what happens without it.

``BROKEN_BY``: without these guards an invariant breaks, in the small case beside them. ``SPARE``: without one of these
nothing breaks in the model, since another one stands behind it; why it is there all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.model.scenario import FULL, HALF, Scenario
from tests.model.state import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """Guards that are left out together, and the invariant that breaks."""

    without: tuple[str, ...]
    breaks: str
    case: Scenario

    @property
    def mutated(self) -> Scenario:
        """The case without the guards."""
        return replace(self.case, removed=frozenset(self.without))

    def __str__(self) -> str:
        return " and ".join(self.without)


def mutant(*without: str, breaks: str, **case: object) -> Mutant:
    """Without these guards this invariant breaks in this case."""
    fields: dict[str, object] = {"name": "mutant", "gives_up": False, **case}
    return Mutant(without=without, breaks=breaks, case=Scenario(**fields))  # type: ignore[arg-type]  # as named


OUTSTANDING = "one_outstanding_allow"
FINAL = "an_allow_is_true_when_it_becomes_final"
USED = "an_allow_is_true_when_it_is_used"
ABOVE = "no_order_is_above_the_position"
UNDER_HOLD = "no_permit_lies_under_a_service_hold"
COVERED = "a_permit_is_covered"
UNKNOWN = "no_allow_while_an_outcome_is_unknown"
DOUBTS = {"doubts": True, "executors": 2, "unfilled": True}

SHOWS_LATE = Limits(ttl=5, lag=2)
"""A venue that shows an order later than the gate knows: the reservation alone protects, and it lasts long enough."""

BROKEN_BY: tuple[Mutant, ...] = (
    # --- commit_verdict.lua
    mutant("commit.decision", breaks="the_first_verdict_stands", actions=(FULL,), workers=2),
    mutant("commit.reservation", breaks=ABOVE, workers=2),
    mutant("commit.hold", breaks=FINAL, actions=(FULL,), holds=1),
    mutant("commit.service_hold", breaks=UNDER_HOLD, actions=(FULL,), service_holds=1),
    mutant("commit.run_id", breaks=FINAL, actions=(FULL,), crashes=1),
    mutant("commit.snapshot", breaks=FINAL, actions=(FULL,), trades=1),
    mutant("commit.snapshot_age", breaks=FINAL, actions=(FULL,)),
    mutant("commit.ledger", breaks=FINAL, unfilled=True, limits=Limits(ttl=1)),
    mutant("commit.barrier", breaks=FINAL, lies=True, workers=2),
    mutant("commit.plan_age", breaks=FINAL, actions=(FULL,)),
    # --- the key of what was prepared
    mutant("promote.action", breaks=FINAL, preparers=1, workers=0),
    # --- consume_permits.lua
    mutant("consume.permit", "consume.already", breaks=ABOVE, executors=2, reads=True, actions=(FULL,)),
    mutant("consume.delete", breaks=OUTSTANDING, actions=(FULL,)),
    mutant("consume.delete", "consume.already", breaks=ABOVE, actions=(FULL,)),
    mutant("consume.run_id", breaks=ABOVE, actions=(FULL,), crashes=1),
    mutant("consume.hold", breaks=USED, actions=(FULL,), holds=1),
    mutant("consume.order_since", breaks=USED, executors=2, unfilled=True),
    mutant("consume.snapshot_age", breaks=USED, actions=(FULL,), limits=Limits(ttl=3)),
    mutant("consume.position", breaks=USED, actions=(FULL,), trades=1),
    mutant("consume.renew", breaks=ABOVE, executors=2, limits=Limits(cooldown=1)),
    mutant("consume.renew_long_enough", breaks=ABOVE, executors=2, limits=Limits(ttl=1)),
    mutant("consume.reservation", "result.delete", breaks=ABOVE, gives_up=True),
    # --- the executor
    mutant("send.window", breaks=ABOVE, executors=2),
    # --- record_result.lua
    mutant("result.ledger", breaks="a_fill_counts_once", rogues=2, slow_results=True, workers=2),
    mutant("result.remembered", "result.executed", breaks="no_fill_is_forgotten", rogues=1, slow_results=True,
            workers=2, ledger_known=False, actions=(HALF,)),
    mutant("result.increase", breaks="a_fill_counts_once", tells_twice=True, actions=(FULL,)),
    mutant("result.abandoned", breaks="who_gave_up_gets_no_permit", gives_up=True, actions=(FULL,)),
    mutant("result.own_reservation", breaks=COVERED, unfilled=True),
    mutant("result.unconsumed", "result.permit_there", breaks=ABOVE, gives_up=True, limits=SHOWS_LATE),
    mutant("result.permit_there", breaks=ABOVE, gives_up=True, getdel=True, executors=2),
    mutant("result.consume_id", breaks=ABOVE, strays=True, limits=SHOWS_LATE),
    mutant("result.barrier", breaks=ABOVE, lies=True),
    mutant("result.barrier", breaks=ABOVE, lies=True, owns_up=True),
    mutant("result.delete", breaks=COVERED, gives_up=True, actions=(FULL,)),
    # --- an outcome that isn't known
    mutant("load.unknown", "commit.unknown", breaks=UNKNOWN, **DOUBTS),
    mutant("commit.unknown", breaks=UNKNOWN, workers=2, **DOUBTS),
    mutant("doubt.renew", "load.unknown", "commit.unknown", breaks=UNKNOWN, **DOUBTS),
    mutant("doubt.limit", breaks="an_unknown_outcome_ends_as_a_hold", actions=(FULL,), **DOUBTS),
    mutant("doubt.late", breaks=UNKNOWN, **DOUBTS),
    mutant("doubt.other", breaks=UNKNOWN, **DOUBTS),
    mutant("result.settled", breaks="nothing_is_held_for_what_is_known", told_later=True, actions=(FULL,), **DOUBTS),
    mutant("put.hold", "refresh.time", breaks="an_unanswered_outcome_is_held", actions=(FULL,), **DOUBTS),
    mutant("put.cut_permit", breaks=COVERED, cuts=1, limits=Limits(ttl=4)),
    # --- hold_position.lua
    mutant("hold.withdraw", breaks=UNDER_HOLD, actions=(FULL,), service_holds=1),
    mutant("hold.withdraw", "consume.service_hold", breaks=USED, actions=(FULL,), service_holds=1),
    mutant("hold.consumed_stays", breaks=ABOVE, executors=2, service_holds=1, limits=SHOWS_LATE),
    # --- claim_refresh.lua, put_snapshots.lua
    mutant("refresh.time", breaks=ABOVE, executors=2),
    mutant("refresh.new_run", breaks=ABOVE, crashes=1, actions=(FULL,)),
    mutant("put.older", breaks="snapshots_go_forwards", refreshers=2, actions=(FULL,)),
)  # fmt: skip

SPARE: dict[str, str] = {
    "commit.permit_age": "a snapshot is too old before its permit is, or SET would refuse a time to live of 0",
    "consume.permit": "a consumption is on record as well; against a permit that somebody wrote",
    "consume.already": "the permit is gone as well; against a permit that somebody wrote again",
    "consume.expired": "Redis has taken the key away by then; against one that was written without a time to live",
    "consume.reservation": "a reservation ends after its permit, or with it; against a key that somebody deleted",
    "consume.barrier": "it moves where a reservation is released, and this plan holds that; against one set by hand",
    "consume.service_hold": "the hold takes the permit away; against one that somebody wrote",
    "consume.snapshot_run": "the permit is of another run too; against a snapshot that somebody wrote",
    "result.decision": "quantities don't rest on it; breaches do, which the model has none of",
    "result.executed": "the order's own quantity is compared too; for the sum that tells a breach",
    "result.remembered": "what the plan's orders executed is compared too; for an order that another plan names",
    "result.acknowledged": "quantities are cumulative; for the counters, and orders forgotten after 7 days",
    "result.tombstone": "the executor that went around the gate would have to execute the plan a second time",
    "result.cooldown": "the ledger drifts until a fill shows, which denies; for an order that executes late",
    "result.unconsumed": "a consumed permit isn't there any more, which denies too; lets a proven rejection release",
    "put.other_run": "the snapshot carries its run, and is none; leaves a newer one in its place",
}
"""Second nets: without one of them, nothing breaks in any of the small cases."""
