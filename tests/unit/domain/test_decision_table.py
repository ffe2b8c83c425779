"""The decision table of CONTRACT section 5: every row, and that the earlier of any two rows is the verdict."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Leg, LegPosition, OrderSide, Plan, Policy
from p33_tasks.domain.reasons import Reason
from p33_tasks.domain.rules import RULES
from p33_tasks.domain.rules.case import Case, Rule
from p33_tasks.domain.rules.holds import limits_are_readable, no_hold_is_set
from p33_tasks.domain.rules.plan import (
    action_is_known,
    plan_is_not_expired,
    plan_is_reduce_only,
    plan_is_well_formed,
    symbol_is_allowed,
)
from p33_tasks.domain.rules.position import (
    ledger_is_known,
    resting_orders_are_known,
    rule_2_position_exists,
    rule_3_sides_agree,
    rule_4_quantities_agree,
    rule_5_cooldown_is_over,
    step_size_is_known,
    symbol_is_not_reserved,
)
from p33_tasks.domain.rules.snapshot import (
    exchange_snapshot_is_known,
    named_side_is_the_positions,
    position_side_is_named,
    rule_1_snapshot_is_fresh,
    snapshot_is_later_than_the_last_order,
    snapshot_is_requested_after_the_barrier,
)
from tests.factories import NOW_MS, SYMBOL, make_facts, make_ledger, make_market, make_plan, make_policy, make_snapshot

# One way to break each rule, as knobs of ``make_case``, in the contract's order.
BREAKING: dict[Rule, tuple[Reason, dict[str, Any]]] = {
    plan_is_well_formed: (Reason.INVALID_PLAN, {"problem": "steps must be JSON"}),
    symbol_is_allowed: (Reason.SYMBOL_NOT_ALLOWED, {"allowlist": frozenset({"ETHUSDT"})}),
    plan_is_not_expired: (Reason.PLAN_EXPIRED, {"plan_age_ms": 60_001}),
    plan_is_reduce_only: (Reason.NOT_REDUCE_ONLY, {"reduce_only": False}),
    action_is_known: (Reason.UNKNOWN_ACTION, {"action": "HOLD"}),
    no_hold_is_set: (Reason.RECONCILE_HOLD_ACTIVE, {"hold": True}),
    limits_are_readable: (Reason.LIMITS_UNREADABLE, {"limits_problem": "quantum:limits:BTCUSDT: not a number"}),
    exchange_snapshot_is_known: (Reason.NO_EXCHANGE_SNAPSHOT, {"source": "another venue"}),
    position_side_is_named: (Reason.POSITION_SIDE_REQUIRED, {"hedge_mode": True}),
    rule_1_snapshot_is_fresh: (Reason.STALE_EXCHANGE_STATE, {"snapshot_age_ms": 10_001}),
    rule_2_position_exists: (Reason.NO_POSITION, {"amount": "0.00009"}),
    named_side_is_the_positions: (Reason.POSITION_SIDE_MISMATCH, {"other_side": True}),
    rule_5_cooldown_is_over: (Reason.COOLDOWN_IN_FLIGHT, {"order_age_ms": 500, "cooldown_ms": 15_000}),
    snapshot_is_later_than_the_last_order: (Reason.STALE_EXCHANGE_STATE, {"order_age_ms": 500}),
    snapshot_is_requested_after_the_barrier: (Reason.STALE_EXCHANGE_STATE, {"barrier_age_ms": 2_500}),
    symbol_is_not_reserved: (Reason.PERMIT_IN_FLIGHT, {"reserved_by": "plan-0"}),
    ledger_is_known: (Reason.MISSING_LEDGER, {"ledger": None}),
    rule_3_sides_agree: (Reason.SIDE_MISMATCH, {"ledger": "-0.010"}),
    rule_4_quantities_agree: (Reason.QTY_MISMATCH, {"ledger": "0.009"}),
    step_size_is_known: (Reason.MISSING_MARKET_METADATA, {"market": None}),
    resting_orders_are_known: (Reason.RESTING_ORDERS_UNKNOWN, {"subtract_resting": True}),
}

PAIRS = [
    (first, second)
    for first, second in combinations(RULES, 2)
    # An unknown ledger has no side and no amount; two sides always differ in amount, see below.
    if not ("ledger" in BREAKING[first][1] and "ledger" in BREAKING[second][1])
    # In hedge mode a leg is on the side that it is named after.
    and (first, second) != (position_side_is_named, named_side_is_the_positions)
]


def make_case(*, sign: int = 1, **knobs: Any) -> tuple[Plan, Facts, Policy]:
    """An allowable case, with knobs turned; ``sign`` -1 makes the long a short."""
    amount = Decimal(knobs.get("amount", "0.010")) * sign
    ledger = knobs.get("ledger", "0.010")
    order_age_ms, barrier_age_ms = knobs.get("order_age_ms"), knobs.get("barrier_age_ms")
    plan = make_plan(
        action=knobs.get("action", "CLOSE_FULL"),
        reduce_only=knobs.get("reduce_only", True),
        position_side=(Leg.SHORT if amount > 0 else Leg.LONG) if knobs.get("other_side") else Leg.BOTH,
        issued_ms=NOW_MS - knobs.get("plan_age_ms", 0),
        problem=knobs.get("problem"),
    )
    snapshot = make_snapshot(
        amount, age_ms=knobs.get("snapshot_age_ms", 1000), hedge_mode=knobs.get("hedge_mode", False)
    )
    facts = make_facts(
        hold=knobs.get("hold", False),
        limits_problem=knobs.get("limits_problem"),
        snapshot=replace(snapshot, source=knobs.get("source", snapshot.source)),
        ledger=make_ledger(
            None if ledger is None else Decimal(ledger) * sign,
            last_order_time_ms=None if order_age_ms is None else NOW_MS - order_age_ms,
            barrier_ms=None if barrier_age_ms is None else NOW_MS - barrier_age_ms,
        ),
        reserved_by=knobs.get("reserved_by"),
        market=knobs.get("market", make_market()),
    )
    policy = make_policy(
        cooldown_ms=knobs.get("cooldown_ms", 0),
        allowlist=knobs.get("allowlist", frozenset({SYMBOL})),
        subtract_resting=knobs.get("subtract_resting", False),
    )
    return plan, facts, policy


def reason_of(case: tuple[Plan, Facts, Policy]) -> Reason:
    verdict = evaluate(*case)
    assert isinstance(verdict, Deny), verdict
    return verdict.reason


def objects(rule: Rule, case: tuple[Plan, Facts, Policy]) -> bool:
    plan, facts, policy = case
    return rule(Case(plan=plan, facts=facts, policy=policy)) is not None


def test_the_rules_stand_in_the_contracts_order():
    assert tuple(BREAKING) == RULES


@pytest.mark.parametrize(("sign", "side"), [(1, OrderSide.SELL), (-1, OrderSide.BUY)], ids=["long", "short"])
def test_a_plan_that_no_rule_objects_to_is_allowed(sign: int, side: OrderSide):
    verdict = evaluate(*make_case(sign=sign))
    assert verdict == Allow(
        safe_close_qty=Decimal("0.010"),
        order_side=side,
        exchange_position_amt=Decimal("0.010") * sign,
        ledger_position_amt=Decimal("0.010") * sign,
        snapshot_age_ms=1000,
    )


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_denies_with_its_own_reason(rule: Rule, sign: int):
    reason, knobs = BREAKING[rule]
    assert reason_of(make_case(sign=sign, **knobs)) == reason


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda rule: rule.__name__)
def test_of_two_broken_rules_the_earlier_is_the_verdict(first: Rule, second: Rule, sign: int):
    case = make_case(sign=sign, **{**BREAKING[second][1], **BREAKING[first][1]})
    assert objects(first, case)
    assert objects(second, case)
    assert reason_of(case) == BREAKING[first][0]


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
def test_another_side_is_named_before_the_drift_that_it_always_is(sign: int):
    case = make_case(sign=sign, ledger="-0.010")
    assert objects(rule_4_quantities_agree, case)
    assert reason_of(case) == Reason.SIDE_MISMATCH


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_quantity_that_is_too_small_is_named_last(rule: Rule, sign: int):
    knobs = {"amount": "0.0005", "ledger": "0.0005", **BREAKING[rule][1]}
    assert reason_of(make_case(sign=sign, **knobs)) == BREAKING[rule][0]


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
def test_a_quantity_below_the_step_is_denied(sign: int):
    assert reason_of(make_case(sign=sign, amount="0.0005", ledger="0.0005")) == Reason.QTY_BELOW_STEP_SIZE


def test_everything_broken_at_once_is_named_by_the_first_rule():
    knobs: dict[str, Any] = {}
    for _, breaking in reversed(BREAKING.values()):
        knobs.update(breaking)
    assert reason_of(make_case(**knobs)) == Reason.INVALID_PLAN


def test_the_same_inputs_give_the_same_verdict_and_are_not_changed():
    """A verdict can be evaluated again later from its audit entry."""
    for _, knobs in BREAKING.values():
        case = make_case(**knobs)
        before = repr(case)
        assert evaluate(*case) == evaluate(*case)
        assert repr(case) == before


# --- legs -----------------------------------------------------------------------------------------------------------


def hedged(leg: Leg | None, amount: str) -> tuple[Plan, Facts, Policy]:
    """A symbol with 0.030 long and -0.010 short, and the facts of one of its positions."""
    plan, facts, policy = make_case()
    legs = tuple(LegPosition(leg=of, position_amt=Decimal(a)) for of, a in ((Leg.LONG, "0.030"), (Leg.SHORT, "-0.010")))
    snapshot = make_snapshot(amount, hedge_mode=True)
    snapshot = replace(snapshot, position=replace(snapshot.position, legs=legs))
    return (
        replace(plan, position_side=leg or Leg.BOTH),
        replace(facts, position_side=leg, snapshot=snapshot, ledger=make_ledger(amount)),
        policy,
    )


@pytest.mark.parametrize(
    ("leg", "amount", "side"), [(Leg.LONG, "0.030", OrderSide.SELL), (Leg.SHORT, "-0.010", OrderSide.BUY)]
)
def test_in_hedge_mode_a_named_leg_is_closed_by_its_own_amounts(leg: Leg, amount: str, side: OrderSide):
    verdict = evaluate(*hedged(leg, amount))
    assert isinstance(verdict, Allow), verdict
    assert (verdict.order_side, verdict.safe_close_qty) == (side, abs(Decimal(amount)))


def test_in_hedge_mode_a_plan_without_a_leg_is_told_both_amounts():
    verdict = evaluate(*hedged(Leg.BOTH, "0.020"))
    assert verdict == Deny(
        reason=Reason.POSITION_SIDE_REQUIRED, details={"long_amt": Decimal("0.030"), "short_amt": Decimal("-0.010")}
    )


def test_a_verdict_that_was_recorded_before_legs_were_known_is_made_again_as_it_was():
    assert evaluate(*hedged(None, "0.020")) == Deny(reason=Reason.HEDGE_MODE_UNSUPPORTED)


@pytest.mark.parametrize("named", list(Leg))
@pytest.mark.parametrize("sign", [1, -1])
def test_in_one_way_mode_the_other_side_is_a_mismatch_and_the_own_side_none(named: Leg, sign: int):
    plan, facts, policy = make_case(sign=sign)
    verdict = evaluate(replace(plan, position_side=named), facts, policy)
    if named is (Leg.SHORT if sign > 0 else Leg.LONG):
        assert isinstance(verdict, Deny)
        assert verdict.reason is Reason.POSITION_SIDE_MISMATCH
        assert verdict.details == {"position_side": str(named), "exchange_position_amt": Decimal("0.010") * sign}
    else:
        assert isinstance(verdict, Allow)


def test_a_flat_position_is_no_position_whatever_side_is_named():
    plan, facts, policy = make_case(amount="0.00009", other_side=True)
    assert reason_of((plan, facts, policy)) is Reason.NO_POSITION
