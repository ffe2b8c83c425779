"""Rules on the snapshot: known, of the plan's position, fresh, and requested after our own orders."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain.models import Deny, Facts, Leg, Policy, Snapshot
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules.case import Case, set_by


def exchange_snapshot_is_known(case: Case) -> Deny | None:
    """Deny if there is no snapshot, or it is of another venue or another life of Redis."""
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
    """Why the snapshot isn't of this life of the store; None if it is (same check as the scripts' ``is_of_life``)."""
    if facts.life is None:  # recorded by a version that had run_id only
        return None
    if facts.life == "":
        return "the store has no epoch: it was emptied, and the next refresh begins a new life"
    if snapshot.life is None:
        return None if policy.accept_old_life else "the snapshot names no life: version 0.1 wrote it"
    if snapshot.life != facts.life:
        return "the snapshot is from before a failover, or from before the store was emptied"
    return None


def position_side_is_named(case: Case) -> Deny | None:
    """Deny in hedge mode if the plan doesn't name the leg to close."""
    position = case.known_snapshot.position
    if not position.hedge_mode:
        return None
    if case.facts.position_side is None:  # recorded by a version without legs
        return Deny(reason=Reason.HEDGE_MODE_UNSUPPORTED)
    if case.facts.position_side is not Leg.BOTH:
        return None
    amounts = {f"{leg.leg.lower()}_amt": leg.position_amt for leg in position.legs}
    return Deny(reason=Reason.POSITION_SIDE_REQUIRED, details=amounts)


def named_side_is_the_positions(case: Case) -> Deny | None:
    """Deny in one-way mode if the plan names a side and the position is on the other side."""
    named, amount = case.plan.position_side, case.position_amt
    if case.known_snapshot.position.hedge_mode or named.admits(amount):
        return None
    return Deny(
        reason=Reason.POSITION_SIDE_MISMATCH,
        details={"position_side": str(named), "exchange_position_amt": amount},
    )


def _snapshot_is_requested_for_the_emergency(case: Case) -> Deny | None:
    """An emergency close passes the comparison with the ledger, so it needs a snapshot requested for it."""
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
    """Rule 1: deny on an old snapshot, or one with a time in the future."""
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
    """Deny on a snapshot requested before our last order: it doesn't show that order."""
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
    """Deny on a snapshot requested before the barrier of a consumption: it may not show that consumption's order.

    The executor's report doesn't shorten this: with a venue in trouble, executors may report wrong outcomes.
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
