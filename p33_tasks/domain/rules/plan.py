"""The plan itself: well formed, of an allowed symbol, young, reduce-only, of a known action."""

from __future__ import annotations

from p33_tasks.domain.models import Deny
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules.case import Case

MAX_AHEAD_MS = 1_000
"""A signed time further ahead of Redis' is no time of ours."""


def plan_is_well_formed(case: Case) -> Deny | None:
    """A plan that could only be read in part is denied, whatever it asks for."""
    plan, limit_ms = case.plan, case.policy.plan_max_age_ms
    if plan.problem is not None:
        return Deny(reason=Reason.INVALID_PLAN, details={"problem": plan.problem})
    if plan.emergency is not None:
        return _emergency_is_not_expired(case)
    # A producer's own clock can lie; a plan from the far future would never expire.
    if not plan.from_stream and plan.issued_ms - case.facts.now_ms > limit_ms:
        return Deny(
            reason=Reason.INVALID_PLAN,
            details={
                "problem": "issued_ms lies in the future",
                "issued_in_sec": sec(plan.issued_ms - case.facts.now_ms),
                "max_sec": sec(limit_ms),
            },
        )
    return None


def _emergency_is_not_expired(case: Case) -> Deny | None:
    """By the signed time, whatever the entry's id says: a proof must not be kept for later."""
    age_ms, limit_ms = case.facts.now_ms - case.plan.issued_ms, case.policy.plan_max_age_ms
    if -MAX_AHEAD_MS <= age_ms <= limit_ms:
        return None
    return Deny(
        reason=Reason.INVALID_PLAN,
        details={
            "problem": "issued_ms is too old, or in the future: sign the close anew",
            "plan_age_sec": sec(age_ms),
            "max_age_sec": sec(limit_ms),
        },
    )


def symbol_is_allowed(case: Case) -> Deny | None:
    """Only symbols of the allowlist are traded."""
    if case.plan.symbol in case.policy.allowlist:
        return None
    return Deny(reason=Reason.SYMBOL_NOT_ALLOWED, details={"allowlist_size": len(case.policy.allowlist)})


def plan_is_not_expired(case: Case) -> Deny | None:
    """An old intention rests on an old market."""
    age_ms = case.facts.now_ms - case.plan.issued_ms
    if age_ms <= case.policy.plan_max_age_ms:
        return None
    return Deny(
        reason=Reason.PLAN_EXPIRED,
        details={"plan_age_sec": sec(age_ms), "max_age_sec": sec(case.policy.plan_max_age_ms)},
    )


def plan_is_reduce_only(case: Case) -> Deny | None:
    """An order that is not reduce-only can turn a position around."""
    return None if case.plan.reduce_only else Deny(reason=Reason.NOT_REDUCE_ONLY)


def action_is_known(case: Case) -> Deny | None:
    """An unknown action is never executed as a full close."""
    if case.plan.close_factor is not None:
        return None
    return Deny(reason=Reason.UNKNOWN_ACTION, details={"action": case.plan.action[:80]})
