"""Rules on holds (an operator's, the service's) and on limits that can't be read."""

from __future__ import annotations

from p33_tasks.domain.holds import AGREEMENTS, HeldBy, HoldEnds
from p33_tasks.domain.models import Deny, Details, DetailValue, Leg
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules.case import Case


def no_hold_is_set(case: Case) -> Deny | None:
    """Deny if an operator holds the symbol or the service holds the position; of two, the operator's is shown."""
    if not case.facts.hold or _emergency_passes_the_holds(case):
        return None
    return Deny(reason=Reason.RECONCILE_HOLD_ACTIVE, details=_hold_details(case))


def _emergency_passes_the_holds(case: Case) -> bool:
    """Emergency closes pass the service's hold, since they end its cause; an operator's only with the signed option."""
    emergency = case.plan.emergency
    if emergency is None:
        return False
    return emergency.passes_operator_hold or all(hold.held_by is HeldBy.SERVICE for hold in case.facts.holds)


def _leg_name(case: Case) -> str:
    leg = case.facts.position_side
    return "" if leg in {None, Leg.BOTH} else str(leg)


def _hold_details(case: Case) -> Details:
    if not case.facts.holds:  # recorded by version 0.1
        return {}
    first, *others = case.facts.holds
    found: dict[str, DetailValue] = {"held_by": str(first.held_by), "hold_reason": first.reason[:200]}
    if first.by:
        found["by"] = first.by[:80]
    if first.since_ms is not None:
        found |= {"since_ms": first.since_ms, "held_sec": sec(case.facts.now_ms - first.since_ms)}
    found |= {"ends": str(first.ends), "remedy": first.remedy(case.plan.symbol, _leg_name(case))}
    if others:
        found["also_held_by"] = f"{others[0].held_by}: {others[0].reason[:80]}"
    elif first.ends is HoldEnds.AGREEMENT:
        found["retry_after_sec"] = sec(AGREEMENTS * case.policy.poll_ms)
    elif first.until_ms is not None:
        found["retry_after_sec"] = sec(max(0, first.until_ms - case.facts.now_ms))
    return found


def limits_are_readable(case: Case) -> Deny | None:
    """Deny if a limit of this symbol can't be read: it may be tighter than the configured one."""
    problem = case.facts.limits_problem
    return None if problem is None else Deny(reason=Reason.LIMITS_UNREADABLE, details={"problem": problem})
