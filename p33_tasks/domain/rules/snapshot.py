"""The snapshot: known, of the position that the plan means, fresh, and requested after our own orders."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain.models import Deny, Facts, Leg, Policy, Snapshot
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules.case import Case, set_by


def exchange_snapshot_is_known(case: Case) -> Deny | None:
    """No snapshot, or one of another venue, or one from another life of Redis: nothing is known."""
    facts = case.facts
    retry: dict[str, Decimal | str | int | bool | None] = {"retry_after_sec": sec(case.policy.poll_ms)}
    if facts.snapshot is None:
        problem = {"problem": facts.snapshot_problem} if facts.snapshot_problem else {}
        return Deny(reason=Reason.NO_EXCHANGE_SNAPSHOT, details={**problem, **retry})
    if facts.snapshot.source != facts.source:
        found = {"snapshot_source": facts.snapshot.source, "source": facts.source}
        return Deny(reason=Reason.NO_EXCHANGE_SNAPSHOT, details={**found, **retry})
    if facts.snapshot.run_id != facts.run_id:
        found = {"snapshot_run_id": facts.snapshot.run_id, "run_id": facts.run_id}
        return Deny(reason=Reason.NO_EXCHANGE_SNAPSHOT, details={**found, **retry})
    of_another_life = other_life(facts, facts.snapshot, case.policy)
    if of_another_life:
        return Deny(reason=Reason.NO_EXCHANGE_SNAPSHOT, details={"problem": of_another_life, **retry})
    return None


def other_life(facts: Facts, snapshot: Snapshot, policy: Policy) -> str | None:
    """Why the snapshot isn't of this life of the store; None when it is (as the scripts' ``is_of_life``)."""
    if facts.life is None:  # recorded by a version that knew run_id only
        return None
    if facts.life == "":
        return "the store has no epoch: it was emptied, and the next refresh begins a new life"
    if snapshot.life is None:
        return None if policy.accept_old_life else "the snapshot names no life: version 0.1 wrote it"
    if snapshot.life != facts.life:
        return "the snapshot is from before a failover, or from before the store was emptied"
    return None


def position_side_is_named(case: Case) -> Deny | None:
    """In hedge mode a symbol has two positions, and a plan must say which one it closes."""
    position = case.known_snapshot.position
    if not position.hedge_mode:
        return None
    if case.facts.position_side is None:  # recorded by a version that knew no legs
        return Deny(reason=Reason.HEDGE_MODE_UNSUPPORTED)
    if case.facts.position_side is not Leg.BOTH:
        return None
    amounts = {f"{leg.leg.lower()}_amt": leg.position_amt for leg in position.legs}
    return Deny(reason=Reason.POSITION_SIDE_REQUIRED, details=amounts)


def named_side_is_the_positions(case: Case) -> Deny | None:
    """In one-way mode a plan that names a side means a position on that side, and no other."""
    named, amount = case.plan.position_side, case.position_amt
    if case.known_snapshot.position.hedge_mode or named.admits(amount):
        return None
    return Deny(
        reason=Reason.POSITION_SIDE_MISMATCH,
        details={"position_side": str(named), "exchange_position_amt": amount},
    )


def _snapshot_is_requested_for_the_emergency(case: Case) -> Deny | None:
    """Nothing else vouches for the position of an emergency close, so it is asked for anew."""
    if case.plan.emergency is None or case.known_snapshot.ts_ms > case.plan.issued_ms:
        return None
    return Deny(
        reason=Reason.STALE_EXCHANGE_STATE,
        details={
            "problem": "no snapshot was requested since the emergency close was asked for",
            "snapshot_age_sec": sec(case.snapshot_age_ms),
            "plan_age_sec": sec(case.facts.now_ms - case.plan.issued_ms),
            "retry_after_sec": sec(case.policy.poll_ms),
        },
    )


def rule_1_snapshot_is_fresh(case: Case) -> Deny | None:
    """Rule 1: an old snapshot, or one dated in the future, says nothing about now."""
    age_ms, limit_ms = case.snapshot_age_ms, case.policy.stale_threshold_ms
    if 0 <= age_ms <= limit_ms:
        return _snapshot_is_requested_for_the_emergency(case)
    return Deny(
        reason=Reason.STALE_EXCHANGE_STATE,
        details={
            "snapshot_age_sec": sec(age_ms),
            "threshold_sec": sec(limit_ms),
            **set_by("threshold_by", case.policy.threshold_by),
            "retry_after_sec": sec(case.policy.poll_ms),
        },
    )


def snapshot_is_later_than_the_last_order(case: Case) -> Deny | None:
    """A snapshot fetched before our last order doesn't show it."""
    ordered_ms = case.last_order_time_ms
    if ordered_ms is None or case.known_snapshot.ts_ms >= ordered_ms:
        return None
    return Deny(
        reason=Reason.STALE_EXCHANGE_STATE,
        details={
            "snapshot_age_sec": sec(case.snapshot_age_ms),
            "threshold_sec": sec(case.policy.stale_threshold_ms),
            "seconds_since_order": sec(case.facts.now_ms - ordered_ms),
            "retry_after_sec": sec(case.policy.poll_ms),
        },
    )


def snapshot_is_requested_after_the_barrier(case: Case) -> Deny | None:
    """Until its time to place was over, and the venue shows what was matched then, a consumption's order may be unseen.

    Whatever the executor said about it: a venue in trouble lets executors say more than they know.
    """
    ledger = case.facts.ledger
    if ledger is None or ledger.barrier_ms is None:
        return None
    barrier_ms = ledger.barrier_ms + case.policy.read_lag_ms
    if case.known_snapshot.ts_ms >= barrier_ms:
        return None
    ahead_ms = barrier_ms - case.facts.now_ms
    return Deny(
        reason=Reason.STALE_EXCHANGE_STATE,
        details={
            "snapshot_age_sec": sec(case.snapshot_age_ms),
            "threshold_sec": sec(case.policy.stale_threshold_ms),
            "barrier_in_sec": sec(ahead_ms),
            "read_lag_sec": sec(case.policy.read_lag_ms),
            "retry_after_sec": sec(max(ahead_ms, 0) + case.policy.poll_ms),
        },
    )
