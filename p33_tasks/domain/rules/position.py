"""Rules on the position: not flat, no order in flight, exchange and ledger agree, step size known."""

from __future__ import annotations

from decimal import Decimal

from p33_tasks.domain import quantities as q
from p33_tasks.domain.models import Deny, Details, DetailValue, Facts, PositionSide
from p33_tasks.domain.quantities import sec
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.resting import Resting
from p33_tasks.domain.rules.case import Case, set_by


def rule_2_position_exists(case: Case) -> Deny | None:
    """Rule 2: deny below epsilon, where there is no position to close."""
    if q.magnitude(case.position_amt) >= case.epsilon:
        return None
    return Deny(
        reason=Reason.NO_POSITION,
        details={"exchange_position_amt": case.position_amt, "epsilon": case.epsilon},
    )


def rule_5_cooldown_is_over(case: Case) -> Deny | None:
    """Rule 5: deny during the cooldown after an order, because an order in flight looks like drift."""
    ordered_ms, emergency = case.last_order_time_ms, case.plan.emergency
    if ordered_ms is None or (emergency is not None and emergency.passes_cooldown):
        return None
    since_ms, limit_ms = case.facts.now_ms - ordered_ms, case.policy.cooldown_ms
    if since_ms >= limit_ms:
        return None
    return Deny(
        reason=Reason.COOLDOWN_IN_FLIGHT,
        details={
            "seconds_since_order": sec(since_ms),
            "cooldown_sec": sec(limit_ms),
            **set_by("cooldown_by", case.policy.cooldown_by),
            **_adapted_from(case),
            "retry_after_sec": sec(limit_ms - since_ms),
        },
    )


def _adapted_from(case: Case) -> Details:
    """The cause of a cooldown that the service set, for the details of a deny."""
    limits, by = case.facts.limits, case.policy.cooldown_by
    if by != limits.adaptive_by or limits.adaptive_base_ms is None or limits.adaptive_measured is None:
        return {}
    name = "settle_p95_sec" if by == "settlement" else "volatility_ratio"
    return {"cooldown_base_sec": sec(limits.adaptive_base_ms), name: limits.adaptive_measured}


def symbol_is_not_reserved(case: Case) -> Deny | None:
    """Deny while another allow on the position is outstanding: two would close the position twice."""
    facts = case.facts
    if facts.reserved_by is None:
        return None
    wait = {} if facts.reservation_ttl_ms is None else {"retry_after_sec": sec(facts.reservation_ttl_ms)}
    return Deny(reason=Reason.PERMIT_IN_FLIGHT, details={"in_flight_plan_id": facts.reserved_by[:200], **wait})


def ledger_is_known(case: Case) -> Deny | None:
    """Deny if the ledger is unknown: there is nothing to compare the exchange with."""
    ledger = case.facts.ledger
    if ledger is not None and ledger.last_known_amt is not None:
        return None
    # If the ledger can't be read, the time of the last order is unknown: that denies an emergency close too.
    if case.plan.emergency is not None and case.facts.ledger_problem is None:
        return None
    problem = {"problem": case.facts.ledger_problem} if case.facts.ledger_problem else {}
    return Deny(reason=Reason.MISSING_LEDGER, details={"exchange_position_amt": case.position_amt, **problem})


def rule_3_sides_agree(case: Case) -> Deny | None:
    """Rule 3: deny if one of exchange and ledger is long and the other short."""
    if case.plan.emergency is not None:
        return None
    amount, ledger = case.position_amt, case.known_ledger_amt
    if ledger == 0 or PositionSide.of(ledger) is PositionSide.of(amount):
        return None
    return Deny(
        reason=Reason.SIDE_MISMATCH,
        details={"exchange_position_amt": amount, "ledger_position_amt": ledger},
    )


def rule_4_quantities_agree(case: Case) -> Deny | None:
    """Rule 4: deny a drift above the tolerance, in percent of the absolute exchange position.

    Compared as ``|amt - led| * 100 > tolerance * |amt|``, so that no division rounds at the limit.
    """
    if case.plan.emergency is not None:
        return None
    amount, ledger = case.position_amt, case.known_ledger_amt
    drift, position = q.magnitude(q.subtract(amount, ledger)), q.magnitude(amount)
    if q.multiply(drift, q.HUNDRED) <= q.multiply(case.policy.qty_tolerance_pct, position):
        return None
    return Deny(
        reason=Reason.QTY_MISMATCH,
        details={
            "exchange_position_amt": amount,
            "ledger_position_amt": ledger,
            "diff_pct": q.percent_of(drift, position),
            "tolerance_pct": case.policy.qty_tolerance_pct,
            **set_by("tolerance_by", case.policy.tolerance_by),
        },
    )


def step_size_is_known(case: Case) -> Deny | None:
    """Deny if the step size is unknown or old: the venue may use another one now."""
    facts, market, limit_ms = case.facts, case.facts.market, case.policy.market_max_age_ms
    retry: dict[str, Decimal | str | int | bool | None] = {"retry_after_sec": sec(case.policy.poll_ms)}
    if market is None:
        problem = {"problem": facts.market_problem} if facts.market_problem else {}
        return Deny(reason=Reason.MISSING_MARKET_METADATA, details={**problem, **retry})
    if market.fetched_ms is None or 0 <= facts.now_ms - market.fetched_ms <= limit_ms:
        return None
    age = {"market_rules_age_sec": sec(facts.now_ms - market.fetched_ms), "max_age_sec": sec(limit_ms)}
    return Deny(
        reason=Reason.MISSING_MARKET_METADATA,
        details={"problem": "the market rules are too old, or dated in the future", **age, **retry},
    )


def resting_orders_are_known(case: Case) -> Deny | None:
    """Deny on an old or missing answer if resting orders are subtracted: one may already close the position."""
    facts, policy, resting = case.facts, case.policy, case.facts.resting
    if not policy.subtract_resting:
        return None
    retry: dict[str, DetailValue] = {"retry_after_sec": sec(policy.poll_ms)}
    problem = _resting_problem(facts, resting)
    if resting is None or problem is not None:
        return Deny(reason=Reason.RESTING_ORDERS_UNKNOWN, details={"problem": problem, **retry})
    age_ms = facts.now_ms - resting.ts_ms
    if 0 <= age_ms <= policy.resting_max_age_ms:
        return None
    age = {"resting_orders_age_sec": sec(age_ms), "max_age_sec": sec(policy.resting_max_age_ms)}
    return Deny(reason=Reason.RESTING_ORDERS_UNKNOWN, details={**age, **retry})


def _resting_problem(facts: Facts, resting: Resting | None) -> str | None:
    if resting is None:
        return facts.resting_problem or "the open orders were not read yet"
    if resting.source != facts.source:
        return f"the open orders were read from {resting.source}"
    if resting.life != facts.life:
        return "the open orders are from before a failover, or from before the store was emptied"
    return None
