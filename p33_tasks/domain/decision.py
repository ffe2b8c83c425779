"""The verdict on a plan, as a pure function of plan, facts and policy."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Allow, Deny, Facts, MarketRules, OrderSide, Plan, Policy, Verdict
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.resting import left_of
from p33_tasks.domain.rules import RULES
from p33_tasks.domain.rules.case import Case

AWAIT_SNAPSHOT_MS = 10_000
"""How long an emergency close waits for a snapshot requested for it."""
_LACKS_SNAPSHOT = frozenset({Reason.NO_EXCHANGE_SNAPSHOT, Reason.STALE_EXCHANGE_STATE})


def evaluate(plan: Plan, facts: Facts, policy: Policy) -> Verdict:
    """The verdict on a plan: deny by the first rule that objects, else the quantity of rule 6.

    Args:
        plan: What to close.
        facts: What is known at ``facts.now_ms``; no clock is read here.
        policy: The limits in force.

    Returns:
        ``Allow`` with a quantity that is above zero, a multiple of the step, and never above the position
        in the snapshot it was made from; or ``Deny`` with the value found and the limit.
    """
    case = Case(plan=plan, facts=facts, policy=policy)
    for rule in RULES:
        objection = rule(case)
        if objection is not None:
            return objection
    return rule_6_safe_close_quantity(case)


def awaits_snapshot(plan: Plan, facts: Facts, policy: Policy, verdict: Verdict) -> bool:
    """Whether to evaluate an emergency close again: it was denied only because no snapshot was requested for it yet.

    Args:
        plan: The plan.
        facts: The facts of the verdict.
        policy: The limits in force.
        verdict: The verdict so far.
    """
    if plan.emergency is None or not isinstance(verdict, Deny) or verdict.reason not in _LACKS_SNAPSHOT:
        return False
    is_later = facts.snapshot is not None and facts.snapshot.ts_ms > plan.issued_ms
    return not is_later and facts.now_ms - plan.issued_ms <= min(AWAIT_SNAPSHOT_MS, policy.plan_max_age_ms)


def rule_6_safe_close_quantity(case: Case) -> Verdict:
    """Rule 6: the part of the position to close, floored to the step and capped at the venue's maximum.

    Resting orders that reduce the position are subtracted first: together with them, an order of this quantity never
    closes more than the position.
    """
    factor, market = case.plan.close_factor, case.facts.market
    if factor is None or market is None:
        raise AssertionError("rule 6 was reached without a close factor or market rules")
    wanted = q.multiply(q.magnitude(case.position_amt), factor)
    capped = wanted if market.max_market_qty is None else min(wanted, market.max_market_qty)
    left = left_of(case.position_amt, case.facts.resting if case.policy.subtract_resting else None)
    quantity = q.floor_to_step(min(capped, left), market.step_size)
    if quantity <= 0 or quantity < market.min_qty:
        if q.floor_to_step(capped, market.step_size) >= market.least_qty:
            return _covered(case, left, market)
        return Deny(
            reason=Reason.QTY_BELOW_STEP_SIZE,
            details={
                "exchange_position_amt": case.position_amt,
                "close_factor": factor,
                "wanted_qty": wanted,
                "step_size": market.step_size,
                "min_qty": market.min_qty,
            },
        )
    return Allow(
        safe_close_qty=quantity,
        order_side=OrderSide.closing(case.position_amt),
        exchange_position_amt=case.position_amt,
        ledger_position_amt=case.ledger_amt,
        snapshot_age_ms=case.snapshot_age_ms,
    )


def _covered(case: Case, left: Decimal, market: MarketRules) -> Deny:
    resting = case.facts.resting
    if resting is None:
        raise AssertionError("covered by orders that aren't known")
    return Deny(
        reason=Reason.RESTING_ORDERS_COVER_POSITION,
        details={
            "exchange_position_amt": case.position_amt,
            "resting_qty": resting.qty,
            "left_qty": left,
            "step_size": market.step_size,
            "min_qty": market.min_qty,
            "order_ids": " ".join(resting.order_ids),
            "resting_orders_age_sec": sec(case.facts.now_ms - resting.ts_ms),
        },
    )
