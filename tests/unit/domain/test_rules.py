"""Each rule at its exact limit, for longs and shorts, and what its denial says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Deny, Facts, Plan, Policy
from p33_tasks.domain.reasons import Reason
from tests.factories import (
    NOW_MS,
    RUN_ID,
    SOURCE,
    make_facts,
    make_ledger,
    make_market,
    make_plan,
    make_policy,
    make_snapshot,
)

SIGNS = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])


def allowed(plan: Plan | None = None, facts: Facts | None = None, policy: Policy | None = None) -> Allow:
    verdict = evaluate(plan or make_plan(), facts or make_facts(), policy or make_policy())
    assert isinstance(verdict, Allow), verdict
    return verdict


def denied(plan: Plan | None = None, facts: Facts | None = None, policy: Policy | None = None) -> Deny:
    verdict = evaluate(plan or make_plan(), facts or make_facts(), policy or make_policy())
    assert isinstance(verdict, Deny), verdict
    return verdict


# --- the plan -------------------------------------------------------------------------------------------------------


def test_a_malformed_plan_is_denied_with_what_is_wrong():
    denial = denied(make_plan(problem="steps is not JSON"))
    assert denial == Deny(reason=Reason.INVALID_PLAN, details={"problem": "steps is not JSON"})


def test_a_plan_as_old_as_the_limit_is_allowed_and_a_millisecond_older_is_not():
    allowed(make_plan(issued_ms=NOW_MS - 60_000))
    denial = denied(make_plan(issued_ms=NOW_MS - 60_001))
    assert denial.reason == Reason.PLAN_EXPIRED
    assert denial.details == {"plan_age_sec": Decimal("60.001"), "max_age_sec": Decimal(60)}


def test_a_stream_entry_from_the_future_is_young_since_redis_time_may_step_back():
    allowed(make_plan(issued_ms=NOW_MS + 3_600_000, from_stream=True))


def test_a_producers_own_time_far_in_the_future_is_invalid_since_it_would_never_expire():
    allowed(make_plan(issued_ms=NOW_MS + 60_000, from_stream=False))
    assert denied(make_plan(issued_ms=NOW_MS + 60_001, from_stream=False)).reason == Reason.INVALID_PLAN


@pytest.mark.parametrize("action", ["", "HOLD", "UPDATE_SL", "CLOSE", "CLOSE_PARTIAL_60", "FULL"])
def test_an_unknown_action_is_never_taken_for_a_full_close(action: str):
    assert denied(make_plan(action=action)) == Deny(reason=Reason.UNKNOWN_ACTION, details={"action": action})


def test_an_empty_allowlist_allows_nothing():
    assert denied(policy=make_policy(allowlist=frozenset())).reason == Reason.SYMBOL_NOT_ALLOWED


# --- the snapshot ---------------------------------------------------------------------------------------------------


@SIGNS
def test_rule_1_a_snapshot_as_old_as_the_threshold_is_fresh_and_a_millisecond_older_is_stale(sign: int):
    amount = Decimal("0.010") * sign
    fresh = make_facts(amount, snapshot=make_snapshot(amount, age_ms=10_000))
    assert allowed(facts=fresh).snapshot_age_ms == 10_000
    denial = denied(facts=make_facts(amount, snapshot=make_snapshot(amount, age_ms=10_001)))
    assert denial.reason == Reason.STALE_EXCHANGE_STATE
    assert denial.details == {
        "snapshot_age_sec": Decimal("10.001"),
        "threshold_sec": Decimal(10),
        "retry_after_sec": Decimal(5),
    }


def test_rule_1_a_snapshot_dated_in_the_future_is_stale():
    allowed(facts=make_facts(snapshot=make_snapshot(age_ms=0)))
    denial = denied(facts=make_facts(snapshot=make_snapshot(age_ms=-1)))
    assert denial.reason == Reason.STALE_EXCHANGE_STATE
    assert denial.details["snapshot_age_sec"] == Decimal("-0.001")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"snapshot": None}, {}),
        ({"snapshot": None, "snapshot_problem": "position_amt is 'NaN'"}, {"problem": "position_amt is 'NaN'"}),
        ({"source": "binanceusdm other"}, {"snapshot_source": SOURCE, "source": "binanceusdm other"}),
        ({"run_id": "b" * 40}, {"snapshot_run_id": RUN_ID, "run_id": "b" * 40}),
    ],
    ids=["none", "unreadable", "another venue", "another life of Redis"],
)
def test_a_snapshot_that_is_missing_or_not_ours_is_no_snapshot(changes: dict[str, Any], named: dict[str, str]):
    denial = denied(facts=make_facts(**changes))
    assert denial.reason == Reason.NO_EXCHANGE_SNAPSHOT
    assert denial.details == {**named, "retry_after_sec": Decimal(5)}


@SIGNS
def test_rule_2_an_amount_of_exactly_epsilon_is_a_position_and_less_is_none(sign: int):
    policy = make_policy(position_epsilon=Decimal("0.005"))
    allowed(facts=make_facts(Decimal("0.005") * sign), policy=policy)
    denial = denied(facts=make_facts(Decimal("0.00499999") * sign), policy=policy)
    assert denial.reason == Reason.NO_POSITION
    assert denial.details["exchange_position_amt"] == Decimal("0.00499999") * sign


@pytest.mark.parametrize(
    ("step", "minimum", "least"),
    [("0.00001", "0.00001", "0.00001"), ("0.00001", "0.000025", "0.00003"), ("0.00001", "0", "0.00001")],
)
def test_rule_2_an_epsilon_above_the_least_tradable_quantity_hides_no_position(step: str, minimum: str, least: str):
    """0.0001 would hide nine tradable steps of 0.00001."""
    market = make_market(step_size=Decimal(step), min_qty=Decimal(minimum), fetched_ms=NOW_MS)
    policy = make_policy(position_epsilon=Decimal("0.0001"))
    assert allowed(facts=make_facts(least, market=market), policy=policy).safe_close_qty == Decimal(least)
    denial = denied(facts=make_facts(Decimal(least) - Decimal("0.000001"), market=market), policy=policy)
    assert (denial.reason, denial.details["epsilon"]) == (Reason.NO_POSITION, Decimal(least))


def test_rule_2_an_epsilon_below_the_least_tradable_quantity_is_kept():
    """What can't be traded is still a position; rule 6 says that it is too small."""
    denial = denied(facts=make_facts("0.0005", market=make_market(fetched_ms=NOW_MS)))
    assert denial.reason == Reason.QTY_BELOW_STEP_SIZE


def test_rule_2_a_verdict_recorded_before_market_rules_had_a_time_comes_out_as_it_did():
    policy = make_policy(position_epsilon=Decimal("0.005"))
    facts = make_facts("0.004", market=make_market(fetched_ms=None))
    assert denied(facts=facts, policy=policy).reason == Reason.NO_POSITION
    allowed(facts=make_facts("0.004", market=make_market(fetched_ms=NOW_MS)), policy=policy)


def test_rule_2_a_flat_position_is_denied_before_anything_divides_by_it():
    assert denied(facts=make_facts("0", ledger="0")).reason == Reason.NO_POSITION


# --- orders in flight -----------------------------------------------------------------------------------------------


def facts_with_order(order_time_ms: int | None, **changes: Any) -> Facts:
    return make_facts(ledger=make_ledger(last_order_time_ms=order_time_ms), **changes)


def test_rule_5_a_cooldown_that_is_exactly_over_allows_and_a_millisecond_earlier_does_not():
    allowed(facts=facts_with_order(NOW_MS - 15_000))
    denial = denied(facts=facts_with_order(NOW_MS - 14_999))
    assert denial.reason == Reason.COOLDOWN_IN_FLIGHT
    assert denial.details == {
        "seconds_since_order": Decimal("14.999"),
        "cooldown_sec": Decimal(15),
        "retry_after_sec": Decimal("0.001"),
    }


def test_rule_5_an_order_time_in_the_future_counts_as_now():
    denial = denied(facts=facts_with_order(NOW_MS + 3_600_000))
    assert denial.reason == Reason.COOLDOWN_IN_FLIGHT
    assert denial.details["seconds_since_order"] == 0
    assert denial.details["retry_after_sec"] == Decimal(15)


@pytest.mark.parametrize("order_time_ms", [None, 0])
def test_rule_5_without_a_known_order_there_is_no_cooldown(order_time_ms: int | None):
    allowed(facts=facts_with_order(order_time_ms))


def test_rule_5_an_order_of_a_ledger_without_an_amount_still_cools_down():
    facts = make_facts(ledger=make_ledger(None, last_order_time_ms=NOW_MS - 1))
    assert denied(facts=facts).reason == Reason.COOLDOWN_IN_FLIGHT


def test_rule_5_an_order_in_flight_is_not_mistaken_for_drift():
    facts = make_facts(ledger=make_ledger("-0.5", last_order_time_ms=NOW_MS - 1))
    assert denied(facts=facts).reason == Reason.COOLDOWN_IN_FLIGHT


def test_a_snapshot_fetched_at_the_last_order_shows_it_and_an_earlier_one_does_not():
    policy = make_policy(cooldown_ms=1000)
    allowed(facts=facts_with_order(NOW_MS - 5000, snapshot=make_snapshot(age_ms=5000)), policy=policy)
    denial = denied(facts=facts_with_order(NOW_MS - 5000, snapshot=make_snapshot(age_ms=5001)), policy=policy)
    assert denial.reason == Reason.STALE_EXCHANGE_STATE
    assert denial.details["snapshot_age_sec"] == Decimal("5.001")
    assert denial.details["seconds_since_order"] == 5


def test_a_reserved_symbol_is_denied_with_who_holds_it_and_for_how_long():
    denial = denied(facts=make_facts(reserved_by="plan-0", reservation_ttl_ms=1500))
    assert denial == Deny(
        reason=Reason.PERMIT_IN_FLIGHT,
        details={"in_flight_plan_id": "plan-0", "retry_after_sec": Decimal("1.5")},
    )


def test_an_empty_reservation_is_a_reservation():
    assert denied(facts=make_facts(reserved_by="")).reason == Reason.PERMIT_IN_FLIGHT


# --- the ledger -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ledger", [None, make_ledger(None)], ids=["none", "amount unknown"])
def test_no_ledger_is_no_permit(ledger: Any):
    denial = denied(facts=make_facts(ledger=ledger))
    assert denial == Deny(reason=Reason.MISSING_LEDGER, details={"exchange_position_amt": Decimal("0.010")})


def test_an_unreadable_ledger_is_named():
    denial = denied(facts=make_facts(ledger=None, ledger_problem="last_known_amt is 'x'"))
    assert denial.details["problem"] == "last_known_amt is 'x'"


@SIGNS
def test_rule_3_the_other_side_is_denied_however_small(sign: int):
    facts = make_facts(ledger=make_ledger(Decimal("-0.000001") * sign), snapshot=make_snapshot(Decimal("0.01") * sign))
    denial = denied(facts=facts)
    assert denial.reason == Reason.SIDE_MISMATCH
    assert denial.details == {
        "exchange_position_amt": Decimal("0.01") * sign,
        "ledger_position_amt": Decimal("-0.000001") * sign,
    }


@SIGNS
def test_rule_4_a_flat_ledger_is_drift_and_not_another_side(sign: int):
    denial = denied(facts=make_facts(Decimal("0.01") * sign, ledger="0"))
    assert denial.reason == Reason.QTY_MISMATCH
    assert denial.details["diff_pct"] == 100


@SIGNS
@pytest.mark.parametrize("ledger", ["0.99", "1.01"])
def test_rule_4_drift_of_exactly_the_tolerance_is_allowed(sign: int, ledger: str):
    allowed(facts=make_facts(Decimal(1) * sign, ledger=Decimal(ledger) * sign))


@SIGNS
@pytest.mark.parametrize("ledger", ["0.98999999", "1.01000001"])
def test_rule_4_drift_above_the_tolerance_is_denied_for_shorts_too(sign: int, ledger: str):
    """Dividing by the signed amount let every short pass."""
    denial = denied(facts=make_facts(Decimal(1) * sign, ledger=Decimal(ledger) * sign))
    assert denial.reason == Reason.QTY_MISMATCH
    assert denial.details == {
        "exchange_position_amt": Decimal(1) * sign,
        "ledger_position_amt": Decimal(ledger) * sign,
        "diff_pct": Decimal("1.000001"),
        "tolerance_pct": Decimal("1.0"),
    }


@SIGNS
def test_rule_4_a_limit_that_no_division_can_express_is_still_exact(sign: int):
    """1 % of 0.03 drifting by 0.0003 is the limit, whatever 0.0003 / 0.03 rounds to in binary."""
    allowed(facts=make_facts(Decimal("0.03") * sign, ledger=Decimal("0.0297") * sign))
    denied(facts=make_facts(Decimal("0.03") * sign, ledger=Decimal("0.029699999999999999999999") * sign))


def test_a_tolerance_of_zero_wants_equal_amounts():
    policy = make_policy(qty_tolerance_pct=Decimal(0))
    allowed(policy=policy)
    assert denied(facts=make_facts("0.010", ledger="0.010000001"), policy=policy).reason == Reason.QTY_MISMATCH


def test_unknown_market_rules_are_denied_with_what_is_known_about_why():
    denial = denied(facts=make_facts(market=None, market_problem="the venue doesn't list it"))
    assert denial == Deny(
        reason=Reason.MISSING_MARKET_METADATA,
        details={"problem": "the venue doesn't list it", "retry_after_sec": Decimal(5)},
    )


@pytest.mark.parametrize("age_ms", [0, 300_000])
def test_market_rules_within_their_age_are_used(age_ms: int):
    allowed(facts=make_facts(market=make_market(fetched_ms=NOW_MS - age_ms)))


@pytest.mark.parametrize("age_ms", [-1, 300_001])
def test_market_rules_that_are_too_old_or_from_the_future_are_unknown_ones(age_ms: int):
    denial = denied(facts=make_facts(market=make_market(fetched_ms=NOW_MS - age_ms)))
    assert denial.reason == Reason.MISSING_MARKET_METADATA
    assert denial.details["market_rules_age_sec"] == Decimal(age_ms).scaleb(-3)
    assert denial.details["max_age_sec"] == Decimal(300)


def test_every_reason_says_what_ends_it():
    for reason in Reason:
        assert reason.remedy.endswith(".") or ": p33 " in reason.remedy, reason
