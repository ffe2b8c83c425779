"""The decision table of CONTRACT section 5: one function per rule, in one ordered list.

A rule looks at a ``Case`` and returns a ``Deny``, or None when it has no objection. ``RULES`` is the order;
the first objection is the verdict. Rule 5 stands before 3 and 4, because an order in flight looks like drift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from p33_tasks.domain import quantities as q
from p33_tasks.domain.holds import AGREEMENTS, HeldBy, HoldEnds
from p33_tasks.domain.models import (
    Deny,
    Details,
    DetailValue,
    Facts,
    Ledger,
    Leg,
    Plan,
    Policy,
    PositionSide,
    Snapshot,
)
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.resting import Resting

MAX_AHEAD_MS = 1_000
"""A signed time further ahead of Redis' is no time of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One plan, the facts, and the limits to judge it by."""

    plan: Plan
    facts: Facts
    policy: Policy

    @property
    def known_snapshot(self) -> Snapshot:
        """The snapshot, for the rules behind ``exchange_snapshot_is_known``."""
        if self.facts.snapshot is None:
            raise AssertionError("a rule that needs the snapshot was placed before the one that requires it")
        return self.facts.snapshot

    @property
    def position_amt(self) -> Decimal:
        """Signed base quantity on the exchange."""
        return self.known_snapshot.position_amt

    @property
    def snapshot_age_ms(self) -> int:
        """Milliseconds since before the snapshot's request was sent; negative when dated in the future."""
        return self.facts.now_ms - self.known_snapshot.ts_ms

    @property
    def epsilon(self) -> Decimal:
        """The configured epsilon, or the least quantity that the venue trades where that is smaller.

        An epsilon above it would hide positions that can be closed. Verdicts recorded before 0.2, whose market rules
        have no time, were made with the configured one.
        """
        market = self.facts.market
        if market is None or market.fetched_ms is None:
            return self.policy.position_epsilon
        return min(self.policy.position_epsilon, market.least_qty)

    @property
    def known_ledger_amt(self) -> Decimal:
        """The ledger's signed amount, for the rules behind ``ledger_is_known``."""
        ledger = self.facts.ledger
        if ledger is None or ledger.last_known_amt is None:
            raise AssertionError("a rule that needs the ledger was placed before the one that requires it")
        return ledger.last_known_amt

    @property
    def ledger_amt(self) -> Decimal | None:
        """The ledger's signed amount; None where it isn't known, which only an emergency close passes."""
        return None if self.facts.ledger is None else self.facts.ledger.last_known_amt

    @property
    def last_order_time_ms(self) -> int | None:
        """When the last order was recorded; a time in the future counts as now (CONTRACT section 1)."""
        ledger: Ledger | None = self.facts.ledger
        if ledger is None or not ledger.last_order_time_ms:
            return None
        return min(ledger.last_order_time_ms, self.facts.now_ms)


Rule = Callable[[Case], Deny | None]


def sec(milliseconds: int) -> Decimal:
    """Milliseconds as exact seconds."""
    return Decimal(milliseconds).scaleb(-3)


def set_by(name: str, who: str) -> dict[str, str]:
    """Who set a limit, for the details of a deny; nothing of a configured one."""
    return {} if who == "config" else {name: who}


def plan_is_well_formed(case: Case) -> Deny | None:
    """A plan that could only be read in part is denied, whatever it asks for."""
    plan, limit_ms = case.plan, case.policy.plan_max_age_ms
    if plan.problem is not None:
        return Deny(reason=Reason.INVALID_PLAN, details={"problem": plan.problem})
    if plan.emergency is not None:
        return _emergency_is_young(case)
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


def _emergency_is_young(case: Case) -> Deny | None:
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


def plan_is_young(case: Case) -> Deny | None:
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


def no_hold_is_set(case: Case) -> Deny | None:
    """An operator stopped this symbol, or this service the position; of two holds the operator's is the one shown."""
    if not case.facts.hold or _emergency_passes_the_holds(case):
        return None
    return Deny(reason=Reason.RECONCILE_HOLD_ACTIVE, details=_hold_details(case))


def _emergency_passes_the_holds(case: Case) -> bool:
    """The service's own hold must not stop the close that ends its cause; an operator's is a person's word."""
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
    """A limit of this symbol that can't be read may be the tighter one."""
    problem = case.facts.limits_problem
    return None if problem is None else Deny(reason=Reason.LIMITS_UNREADABLE, details={"problem": problem})


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


def rule_2_position_exists(case: Case) -> Deny | None:
    """Rule 2: below epsilon there is nothing to close."""
    if q.magnitude(case.position_amt) >= case.epsilon:
        return None
    return Deny(
        reason=Reason.NO_POSITION,
        details={"exchange_position_amt": case.position_amt, "epsilon": case.epsilon},
    )


def rule_5_cooldown_is_over(case: Case) -> Deny | None:
    """Rule 5: an order in flight looks like drift, so nothing is judged until it has settled."""
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
    """What a cooldown of the service's own comes from."""
    limits, by = case.facts.limits, case.policy.cooldown_by
    if by != limits.adaptive_by or limits.adaptive_base_ms is None or limits.adaptive_measured is None:
        return {}
    name = "settle_p95_sec" if by == "settlement" else "volatility_ratio"
    return {"cooldown_base_sec": sec(limits.adaptive_base_ms), name: limits.adaptive_measured}


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


def symbol_is_not_reserved(case: Case) -> Deny | None:
    """One outstanding allow per position: two would close the same position twice."""
    facts = case.facts
    if facts.reserved_by is None:
        return None
    wait = {} if facts.reservation_ttl_ms is None else {"retry_after_sec": sec(facts.reservation_ttl_ms)}
    return Deny(reason=Reason.PERMIT_IN_FLIGHT, details={"in_flight_plan_id": facts.reserved_by[:200], **wait})


def ledger_is_known(case: Case) -> Deny | None:
    """Without our own record there is nothing to compare the exchange with."""
    ledger = case.facts.ledger
    if ledger is not None and ledger.last_known_amt is not None:
        return None
    # A ledger that can't be read hides when the last order was, which stops an emergency close too.
    if case.plan.emergency is not None and case.facts.ledger_problem is None:
        return None
    problem = {"problem": case.facts.ledger_problem} if case.facts.ledger_problem else {}
    return Deny(reason=Reason.MISSING_LEDGER, details={"exchange_position_amt": case.position_amt, **problem})


def rule_3_sides_agree(case: Case) -> Deny | None:
    """Rule 3: long on one record and short on the other."""
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
    """Rule 4: drift beyond the tolerance, relative to the absolute exchange position.

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
    """A hard-coded step fits one symbol and breaks the next; old rules may be another step than the venue's."""
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
    """Where resting orders are subtracted, an old or missing answer may hide one that closes the position already."""
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


RULES: tuple[Rule, ...] = (
    plan_is_well_formed,
    symbol_is_allowed,
    plan_is_young,
    plan_is_reduce_only,
    action_is_known,
    no_hold_is_set,
    limits_are_readable,
    exchange_snapshot_is_known,
    position_side_is_named,
    rule_1_snapshot_is_fresh,
    rule_2_position_exists,
    named_side_is_the_positions,
    rule_5_cooldown_is_over,
    snapshot_is_later_than_the_last_order,
    snapshot_is_requested_after_the_barrier,
    symbol_is_not_reserved,
    ledger_is_known,
    rule_3_sides_agree,
    rule_4_quantities_agree,
    step_size_is_known,
    resting_orders_are_known,
)
"""In the order of CONTRACT section 5; rule 6 (safe close quantity) follows in ``decision.evaluate``."""
