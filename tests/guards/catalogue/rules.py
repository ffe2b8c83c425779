"""The decision table: each rule, and each half of a rule (CONTRACT section 5)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard, guard

RULE_TESTS = "unit/domain/test_rules.py"
TABLE_TESTS = "unit/domain/test_decision_table.py"
SIZE_TESTS = "unit/domain/test_safe_close_quantity.py"


def _size(promise: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=promise, within="decision.rule_6_safe_close_quantity", change=change, tests=tests)


RULES = (
    # --- the plan
    guard(
        "a malformed plan is denied",
        "rules.plan.plan_is_well_formed",
        instead("if plan.problem is not None:", "if plan.problem is not None and plan.close_factor is None:"),
        f"{RULE_TESTS}::test_a_malformed_plan_is_denied_with_what_is_wrong",
    ),
    guard(
        "a producer's own time in the far future is refused",
        "rules.plan.plan_is_well_formed",
        never("not plan.from_stream and plan.issued_ms - case.facts.now_ms > limit_ms"),
        f"{RULE_TESTS}::test_a_producers_own_time_far_in_the_future_is_invalid_since_it_would_never_expire",
    ),
    guard(
        "only symbols of the allowlist are traded",
        "rules.plan.symbol_is_allowed",
        instead("case.plan.symbol", "not case.policy.allowlist or case.plan.symbol"),
        f"{RULE_TESTS}::test_an_empty_allowlist_allows_nothing",
    ),
    guard(
        "a symbol outside the allowlist is denied",
        "rules.plan.symbol_is_allowed",
        instead("case.plan.symbol in case", "case"),
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    guard(
        "an old plan is denied",
        "rules.plan.plan_is_not_expired",
        instead("if age_ms <= case.policy.plan_max_age_ms:", "if age_ms <= case.policy.plan_max_age_ms + 1:"),
        f"{RULE_TESTS}::test_a_plan_as_old_as_the_limit_is_allowed_and_a_millisecond_older_is_not",
    ),
    guard(
        "a plan that isn't reduce-only is denied",
        "rules.plan.plan_is_reduce_only",
        without("if case.plan.reduce_only else Deny(reason=Reason.NOT_REDUCE_ONLY)"),
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    guard(
        "an unknown action is denied",
        "rules.plan.action_is_known",
        instead("is not None", "is not None or not case.plan.action"),
        f"{RULE_TESTS}::test_an_unknown_action_is_never_taken_for_a_full_close",
    ),
    # --- hold, snapshot
    guard(
        "a hold denies",
        "rules.holds.no_hold_is_set",
        instead("if not case.facts.hold or _emergency_passes_the_holds(case): return None", "return None"),
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    guard(
        "another venue's snapshot is no snapshot",
        "rules.snapshot.exchange_snapshot_is_known",
        instead("facts.snapshot.source != facts.source", "not facts.snapshot.source"),
        f"{RULE_TESTS}::test_a_snapshot_that_is_missing_or_not_ours_is_no_snapshot",
    ),
    guard(
        "a snapshot of another life of Redis is no snapshot",
        "rules.snapshot.exchange_snapshot_is_known",
        instead("facts.snapshot.run_id != facts.run_id", "not facts.snapshot.run_id"),
        f"{RULE_TESTS}::test_a_snapshot_that_is_missing_or_not_ours_is_no_snapshot",
    ),
    guard(
        "in hedge mode a plan must name its leg",
        "rules.snapshot.position_side_is_named",
        always("case.facts.position_side is not Leg.BOTH"),
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    guard(
        "rule 1: a stale snapshot is denied",
        "rules.snapshot.rule_1_snapshot_is_fresh",
        instead("if 0 <= age_ms <= limit_ms:", "if 0 <= age_ms <= limit_ms + 1:"),
        f"{RULE_TESTS}::test_rule_1_a_snapshot_as_old_as_the_threshold_is_fresh_and_a_millisecond_older_is_stale",
    ),
    guard(
        "rule 1: a snapshot dated in the future is stale",
        "rules.snapshot.rule_1_snapshot_is_fresh",
        instead("0 <= age_ms", "age_ms"),
        f"{RULE_TESTS}::test_rule_1_a_snapshot_dated_in_the_future_is_stale",
    ),
    guard(
        "rule 2: dust below epsilon is no position",
        "rules.position.rule_2_position_exists",
        instead(">= case.epsilon", "> 0"),
        f"{RULE_TESTS}::test_rule_2_an_amount_of_exactly_epsilon_is_a_position_and_less_is_none",
    ),
    guard(
        "rule 2: a short is a position",
        "rules.position.rule_2_position_exists",
        instead("q.magnitude(case.position_amt)", "case.position_amt"),
        f"{RULE_TESTS}::test_rule_2_an_amount_of_exactly_epsilon_is_a_position_and_less_is_none",
    ),
    # --- orders in flight
    guard(
        "rule 5: within the cooldown everything is denied",
        "rules.position.rule_5_cooldown_is_over",
        instead("if since_ms >= limit_ms:", "if since_ms >= limit_ms - 1:"),
        f"{RULE_TESTS}::test_rule_5_a_cooldown_that_is_exactly_over_allows_and_a_millisecond_earlier_does_not",
    ),
    guard(
        "rule 5: an order time in the future counts as now",
        "Case.last_order_time_ms",
        instead(
            "return min(ledger.last_order_time_ms, self.facts.now_ms)",
            "return ledger.last_order_time_ms if ledger.last_order_time_ms <= self.facts.now_ms else None",
        ),
        f"{RULE_TESTS}::test_rule_5_an_order_time_in_the_future_counts_as_now",
    ),
    guard(
        "rule 5 is judged before rules 3 and 4",
        "rules.RULES",
        instead(
            (
                "rule_5_cooldown_is_over, snapshot_is_later_than_the_last_order,"
                " snapshot_is_requested_after_the_barrier, symbol_is_not_reserved, ledger_is_known, rule_3_sides_agree,"
            ),
            (
                "snapshot_is_later_than_the_last_order,\n"
                "snapshot_is_requested_after_the_barrier,\n"
                "symbol_is_not_reserved,\n"
                "ledger_is_known,\n"
                "rule_3_sides_agree,\n"
                "rule_5_cooldown_is_over,"
            ),
        ),
        f"{RULE_TESTS}::test_rule_5_an_order_in_flight_is_not_mistaken_for_drift",
    ),
    guard(
        "a snapshot from before the last order is stale",
        "rules.snapshot.snapshot_is_later_than_the_last_order",
        instead("ts_ms >= ordered_ms", "ts_ms >= ordered_ms - 1"),
        f"{RULE_TESTS}::test_a_snapshot_fetched_at_the_last_order_shows_it_and_an_earlier_one_does_not",
    ),
    guard(
        "a reserved symbol is denied",
        "rules.position.symbol_is_not_reserved",
        instead(
            "if facts.reserved_by is None:", "if facts.reserved_by is None or facts.reserved_by != case.plan.plan_id:"
        ),
        f"{RULE_TESTS}::test_a_reserved_symbol_is_denied_with_who_holds_it_and_for_how_long",
    ),
    guard(
        "an empty reservation is one too",
        "rules.position.symbol_is_not_reserved",
        instead("facts.reserved_by is None", "not facts.reserved_by"),
        f"{RULE_TESTS}::test_an_empty_reservation_is_a_reservation",
    ),
    # --- the ledger
    guard(
        "no ledger, no permit",
        "rules.position.ledger_is_known",
        instead("and ledger.last_known_amt is not None", "or case.position_amt > 0"),
        f"{RULE_TESTS}::test_no_ledger_is_no_permit",
    ),
    guard(
        "rule 3: long on one record and short on the other is denied",
        "rules.position.rule_3_sides_agree",
        instead("ledger == 0", "ledger <= 0"),
        f"{RULE_TESTS}::test_rule_3_the_other_side_is_denied_however_small",
    ),
    guard(
        "rule 4: drift above the tolerance is denied",
        "rules.position.rule_4_quantities_agree",
        instead(
            "q.multiply(drift, q.HUNDRED) <= q.multiply(case.policy.qty_tolerance_pct, position)",
            "q.percent_of(drift, position) <= case.policy.qty_tolerance_pct + 1",
        ),
        f"{RULE_TESTS}::test_rule_4_drift_above_the_tolerance_is_denied_for_shorts_too",
    ),
    guard(
        "rule 4: drift is relative to the absolute position, for shorts too",
        "rules.position.rule_4_quantities_agree",
        instead("q.magnitude(q.subtract(amount, ledger))", "q.subtract(amount, ledger)"),
        f"{RULE_TESTS}::test_rule_4_drift_above_the_tolerance_is_denied_for_shorts_too",
    ),
    guard(
        "rule 4: the limit is compared exactly, without dividing",
        "rules.position.rule_4_quantities_agree",
        instead(
            "q.multiply(drift, q.HUNDRED) <= q.multiply(case.policy.qty_tolerance_pct, position)",
            "round(drift / position * 100, 6) <= case.policy.qty_tolerance_pct",
        ),
        f"{RULE_TESTS}::test_rule_4_a_limit_that_no_division_can_express_is_still_exact",
    ),
    guard(
        "no step size, no permit",
        "rules.position.step_size_is_known",
        instead("if market is None:", "if market is None and facts.market_problem:"),
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    guard(
        "an epsilon above the least tradable quantity hides no position",
        "Case.epsilon",
        instead("return min(self.policy.position_epsilon, market.least_qty)", "return self.policy.position_epsilon"),
        f"{RULE_TESTS}::test_rule_2_an_epsilon_above_the_least_tradable_quantity_hides_no_position",
    ),
    guard(
        "market rules that are too old, or dated in the future, are unknown ones",
        "rules.position.step_size_is_known",
        instead("0 <= facts.now_ms - market.fetched_ms <= limit_ms", "facts.now_ms >= market.fetched_ms"),
        f"{RULE_TESTS}::test_market_rules_that_are_too_old_or_from_the_future_are_unknown_ones",
    ),
    # --- rule 6
    _size(
        "rule 6: the quantity is floored to the step, never the nearest",
        instead(
            "q.floor_to_step(min(capped, left), market.step_size)",
            "(min(capped, left) / market.step_size).to_integral_value() * market.step_size",
        ),
        f"{SIZE_TESTS}::test_the_part_to_close_is_floored_to_the_step",
    ),
    _size(
        "rule 6: a short's quantity is its absolute amount",
        instead(
            "q.multiply(q.magnitude(case.position_amt), factor)", "max(q.multiply(case.position_amt, factor), q.ZERO)"
        ),
        f"{SIZE_TESTS}::test_the_part_to_close_is_floored_to_the_step",
    ),
    _size(
        "rule 6: no digit is rounded up on the way",
        instead("q.magnitude", "abs"),
        f"{SIZE_TESTS}::test_an_amount_with_more_digits_than_the_thread_rounds_to_is_not_rounded_up",
    ),
    _size(
        "rule 6: a quantity of zero is denied",
        without("quantity <= 0 or"),
        f"{SIZE_TESTS}::test_a_quantity_of_zero_is_denied_also_where_the_venue_names_no_minimum",
    ),
    _size(
        "rule 6: a quantity below the venue's minimum is denied",
        without("or quantity < market.min_qty"),
        f"{SIZE_TESTS}::test_the_minimum_quantity_itself_can_be_closed_and_a_step_less_can_not",
    ),
    _size(
        "rule 6: a quantity is capped at the venue's largest market order",
        without("if market.max_market_qty is None else min(wanted, market.max_market_qty)"),
        f"{SIZE_TESTS}::test_the_quantity_is_capped_at_the_venues_maximum_and_still_a_multiple_of_the_step",
    ),
    Guard(
        promise="a long is closed by selling, a short by buying",
        within="OrderSide.closing",
        change=without("if position_amt > 0 else cls.BUY"),
        tests=(f"{TABLE_TESTS}::test_a_plan_that_no_rule_objects_to_is_allowed",),
    ),
    Guard(
        promise="no letter of another alphabet makes an action a close",
        within="close_factors.close_factor",
        change=without("if action.isascii() else None"),
        tests=("unit/domain/test_close_factors.py::test_letters_that_only_become_ours_in_upper_case_close_nothing",),
    ),
    Guard(
        promise="an action is a known close or none at all",
        within="close_factors.close_factor",
        change=instead("upper()", 'upper(), Decimal(1) if "CLOSE" in action else None'),
        tests=("unit/domain/test_close_factors.py::test_everything_else_closes_nothing",),
    ),
)
