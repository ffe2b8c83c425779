"""Rules on the plan: well formed, allowed symbol, not expired, reduce-only, known action."""

from __future__ import annotations

from p33_tasks.domain.models import Deny
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules.case import Case

MAX_AHEAD_MS = 1_000
"""How far a signed time may be ahead of Redis TIME."""


def plan_is_well_formed(case: Case) -> Deny | None:
    """Deny a plan that can't be read completely."""
    plan, limit_ms = case.plan, case.policy.plan_max_age_ms
    if plan.problem is not None:
        return Deny(reason=Reason.INVALID_PLAN, details={"problem": plan.problem})
    if plan.emergency is not None:
        return _emergency_is_not_expired(case)
    # A producer's clock can be wrong; a plan dated far in the future would never expire.
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
    """Deny by the signed time, not the entry's id: a signed plan must not be usable later."""
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
    """Deny symbols that aren't in the allowlist."""
    if case.plan.symbol in case.policy.allowlist:
        return None
    return Deny(reason=Reason.SYMBOL_NOT_ALLOWED, details={"allowlist_size": len(case.policy.allowlist)})


def plan_is_not_expired(case: Case) -> Deny | None:
    """Deny an old plan: the market has changed since it was made."""
    age_ms = case.facts.now_ms - case.plan.issued_ms
    if age_ms <= case.policy.plan_max_age_ms:
        return None
    return Deny(
        reason=Reason.PLAN_EXPIRED,
        details={"plan_age_sec": sec(age_ms), "max_age_sec": sec(case.policy.plan_max_age_ms)},
    )


def plan_is_reduce_only(case: Case) -> Deny | None:
    """Deny a plan that isn't reduce-only: its order could reverse the position."""
    return None if case.plan.reduce_only else Deny(reason=Reason.NOT_REDUCE_ONLY)


def action_is_known(case: Case) -> Deny | None:
    """Deny an unknown action: it must never be executed as a full close."""
    if case.plan.close_factor is not None:
        return None
    return Deny(reason=Reason.UNKNOWN_ACTION, details={"action": case.plan.action[:80]})
