"""The decision table: each rule, and each half of a rule (CONTRACT section 5)."""

from __future__ import annotations

from tests.guards.guard import Guard

FILE = "domain/rules.py"
RULE_TESTS = "unit/domain/test_rules.py"
TABLE_TESTS = "unit/domain/test_decision_table.py"
SIZE_TESTS = "unit/domain/test_safe_close_quantity.py"


def _rule(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file=FILE, old=old, new=new, tests=tests)


def _size(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="domain/decision.py", old=old, new=new, tests=tests)


RULES = (
    # --- the plan
    _rule(
        "a malformed plan is denied",
        "    if plan.problem is not None:\n",
        "    if plan.problem is not None and plan.close_factor is None:\n",
        f"{RULE_TESTS}::test_a_malformed_plan_is_denied_with_what_is_wrong",
    ),
    _rule(
        "a producer's own time in the far future is refused",
        "    if not plan.from_stream and plan.issued_ms - case.facts.now_ms > limit_ms:\n",
        "    if False:\n",
        f"{RULE_TESTS}::test_a_producers_own_time_far_in_the_future_is_invalid_since_it_would_never_expire",
    ),
    _rule(
        "only symbols of the allowlist are traded",
        "    if case.plan.symbol in case.policy.allowlist:\n",
        "    if not case.policy.allowlist or case.plan.symbol in case.policy.allowlist:\n",
        f"{RULE_TESTS}::test_an_empty_allowlist_allows_nothing",
    ),
    _rule(
        "a symbol outside the allowlist is denied",
        "    if case.plan.symbol in case.policy.allowlist:\n",
        "    if case.policy.allowlist:\n",
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    _rule(
        "an old plan is denied",
        "    if age_ms <= case.policy.plan_max_age_ms:\n",
        "    if age_ms <= case.policy.plan_max_age_ms + 1:\n",
        f"{RULE_TESTS}::test_a_plan_as_old_as_the_limit_is_allowed_and_a_millisecond_older_is_not",
    ),
    _rule(
        "a plan that isn't reduce-only is denied",
        "    return None if case.plan.reduce_only else Deny(reason=Reason.NOT_REDUCE_ONLY)",
        "    return None",
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    _rule(
        "an unknown action is denied",
        "    if case.plan.close_factor is not None:\n",
        "    if case.plan.close_factor is not None or not case.plan.action:\n",
        f"{RULE_TESTS}::test_an_unknown_action_is_never_taken_for_a_full_close",
    ),
    # --- hold, snapshot
    _rule(
        "a hold denies",
        "    if not case.facts.hold or _emergency_passes_the_holds(case):\n        return None\n",
        "    return None\n",
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    _rule(
        "another venue's snapshot is no snapshot",
        "    if facts.snapshot.source != facts.source:\n",
        "    if not facts.snapshot.source:\n",
        f"{RULE_TESTS}::test_a_snapshot_that_is_missing_or_not_ours_is_no_snapshot",
    ),
    _rule(
        "a snapshot of another life of Redis is no snapshot",
        "    if facts.snapshot.run_id != facts.run_id:\n",
        "    if not facts.snapshot.run_id:\n",
        f"{RULE_TESTS}::test_a_snapshot_that_is_missing_or_not_ours_is_no_snapshot",
    ),
    _rule(
        "in hedge mode a plan must name its leg",
        "    if case.facts.position_side is not Leg.BOTH:\n",
        "    if True:\n",
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    _rule(
        "rule 1: a stale snapshot is denied",
        "    if 0 <= age_ms <= limit_ms:\n",
        "    if 0 <= age_ms <= limit_ms + 1:\n",
        f"{RULE_TESTS}::test_rule_1_a_snapshot_as_old_as_the_threshold_is_fresh_and_a_millisecond_older_is_stale",
    ),
    _rule(
        "rule 1: a snapshot dated in the future is stale",
        "    if 0 <= age_ms <= limit_ms:\n",
        "    if age_ms <= limit_ms:\n",
        f"{RULE_TESTS}::test_rule_1_a_snapshot_dated_in_the_future_is_stale",
    ),
    _rule(
        "rule 2: dust below epsilon is no position",
        "    if q.magnitude(case.position_amt) >= case.epsilon:\n",
        "    if q.magnitude(case.position_amt) > 0:\n",
        f"{RULE_TESTS}::test_rule_2_an_amount_of_exactly_epsilon_is_a_position_and_less_is_none",
    ),
    _rule(
        "rule 2: a short is a position",
        "    if q.magnitude(case.position_amt) >= case.epsilon:\n",
        "    if case.position_amt >= case.epsilon:\n",
        f"{RULE_TESTS}::test_rule_2_an_amount_of_exactly_epsilon_is_a_position_and_less_is_none",
    ),
    # --- orders in flight
    _rule(
        "rule 5: within the cooldown everything is denied",
        "    if since_ms >= limit_ms:\n",
        "    if since_ms >= limit_ms - 1:\n",
        f"{RULE_TESTS}::test_rule_5_a_cooldown_that_is_exactly_over_allows_and_a_millisecond_earlier_does_not",
    ),
    _rule(
        "rule 5: an order time in the future counts as now",
        "        return min(ledger.last_order_time_ms, self.facts.now_ms)\n",
        "        return ledger.last_order_time_ms if ledger.last_order_time_ms <= self.facts.now_ms else None\n",
        f"{RULE_TESTS}::test_rule_5_an_order_time_in_the_future_counts_as_now",
    ),
    _rule(
        "rule 5 is judged before rules 3 and 4",
        "    rule_5_cooldown_is_over,\n    snapshot_is_later_than_the_last_order,\n"
        "    snapshot_is_requested_after_the_barrier,\n    symbol_is_not_reserved,\n"
        "    ledger_is_known,\n    rule_3_sides_agree,\n",
        "    snapshot_is_later_than_the_last_order,\n    snapshot_is_requested_after_the_barrier,\n"
        "    symbol_is_not_reserved,\n"
        "    ledger_is_known,\n    rule_3_sides_agree,\n    rule_5_cooldown_is_over,\n",
        f"{RULE_TESTS}::test_rule_5_an_order_in_flight_is_not_mistaken_for_drift",
    ),
    _rule(
        "a snapshot from before the last order is stale",
        "    if ordered_ms is None or case.known_snapshot.ts_ms >= ordered_ms:\n",
        "    if ordered_ms is None or case.known_snapshot.ts_ms >= ordered_ms - 1:\n",
        f"{RULE_TESTS}::test_a_snapshot_fetched_at_the_last_order_shows_it_and_an_earlier_one_does_not",
    ),
    _rule(
        "a reserved symbol is denied",
        "    if facts.reserved_by is None:\n",
        "    if facts.reserved_by is None or facts.reserved_by != case.plan.plan_id:\n",
        f"{RULE_TESTS}::test_a_reserved_symbol_is_denied_with_who_holds_it_and_for_how_long",
    ),
    _rule(
        "an empty reservation is one too",
        "    if facts.reserved_by is None:\n",
        "    if not facts.reserved_by:\n",
        f"{RULE_TESTS}::test_an_empty_reservation_is_a_reservation",
    ),
    # --- the ledger
    _rule(
        "no ledger, no permit",
        "    if ledger is not None and ledger.last_known_amt is not None:\n        return None\n    # A ledger",
        "    if ledger is not None or case.position_amt > 0:\n        return None\n    # A ledger",
        f"{RULE_TESTS}::test_no_ledger_is_no_permit",
    ),
    _rule(
        "rule 3: long on one record and short on the other is denied",
        "    if ledger == 0 or PositionSide.of(ledger) is PositionSide.of(amount):\n",
        "    if ledger <= 0 or PositionSide.of(ledger) is PositionSide.of(amount):\n",
        f"{RULE_TESTS}::test_rule_3_the_other_side_is_denied_however_small",
    ),
    _rule(
        "rule 4: drift above the tolerance is denied",
        "    if q.multiply(drift, q.HUNDRED) <= q.multiply(case.policy.qty_tolerance_pct, position):\n",
        "    if q.percent_of(drift, position) <= case.policy.qty_tolerance_pct + 1:\n",
        f"{RULE_TESTS}::test_rule_4_drift_above_the_tolerance_is_denied_for_shorts_too",
    ),
    _rule(
        "rule 4: drift is relative to the absolute position, for shorts too",
        "q.magnitude(q.subtract(amount, ledger)), q.magnitude(amount)\n",
        "q.subtract(amount, ledger), q.magnitude(amount)\n",
        f"{RULE_TESTS}::test_rule_4_drift_above_the_tolerance_is_denied_for_shorts_too",
    ),
    _rule(
        "rule 4: the limit is compared exactly, without dividing",
        "    if q.multiply(drift, q.HUNDRED) <= q.multiply(case.policy.qty_tolerance_pct, position):\n",
        "    if round(drift / position * 100, 6) <= case.policy.qty_tolerance_pct:\n",
        f"{RULE_TESTS}::test_rule_4_a_limit_that_no_division_can_express_is_still_exact",
    ),
    _rule(
        "no step size, no permit",
        "    if market is None:\n        problem = {",
        "    if market is None and facts.market_problem:\n        problem = {",
        f"{TABLE_TESTS}::test_each_rule_denies_with_its_own_reason",
    ),
    _rule(
        "an epsilon above the least tradable quantity hides no position",
        "        return min(self.policy.position_epsilon, market.least_qty)\n",
        "        return self.policy.position_epsilon\n",
        f"{RULE_TESTS}::test_rule_2_an_epsilon_above_the_least_tradable_quantity_hides_no_position",
    ),
    _rule(
        "market rules that are too old, or dated in the future, are unknown ones",
        "    if market.fetched_ms is None or 0 <= facts.now_ms - market.fetched_ms <= limit_ms:\n",
        "    if market.fetched_ms is None or facts.now_ms >= market.fetched_ms:\n",
        f"{RULE_TESTS}::test_market_rules_that_are_too_old_or_from_the_future_are_unknown_ones",
    ),
    # --- rule 6
    _size(
        "rule 6: the quantity is floored to the step, never the nearest",
        "    quantity = q.floor_to_step(min(capped, left), market.step_size)\n",
        "    quantity = (min(capped, left) / market.step_size).to_integral_value() * market.step_size\n",
        f"{SIZE_TESTS}::test_the_part_to_close_is_floored_to_the_step",
    ),
    _size(
        "rule 6: a short's quantity is its absolute amount",
        "    wanted = q.multiply(q.magnitude(case.position_amt), factor)\n",
        "    wanted = max(q.multiply(case.position_amt, factor), q.ZERO)\n",
        f"{SIZE_TESTS}::test_the_part_to_close_is_floored_to_the_step",
    ),
    _size(
        "rule 6: no digit is rounded up on the way",
        "    wanted = q.multiply(q.magnitude(case.position_amt), factor)\n",
        "    wanted = q.multiply(abs(case.position_amt), factor)\n",
        f"{SIZE_TESTS}::test_an_amount_with_more_digits_than_the_thread_rounds_to_is_not_rounded_up",
    ),
    _size(
        "rule 6: a quantity of zero is denied",
        "    if quantity <= 0 or quantity < market.min_qty:\n",
        "    if quantity < market.min_qty:\n",
        f"{SIZE_TESTS}::test_a_quantity_of_zero_is_denied_also_where_the_venue_names_no_minimum",
    ),
    _size(
        "rule 6: a quantity below the venue's minimum is denied",
        "    if quantity <= 0 or quantity < market.min_qty:\n",
        "    if quantity <= 0:\n",
        f"{SIZE_TESTS}::test_the_minimum_quantity_itself_can_be_closed_and_a_step_less_can_not",
    ),
    _size(
        "rule 6: a quantity is capped at the venue's largest market order",
        "    capped = wanted if market.max_market_qty is None else min(wanted, market.max_market_qty)\n",
        "    capped = wanted\n",
        f"{SIZE_TESTS}::test_the_quantity_is_capped_at_the_venues_maximum_and_still_a_multiple_of_the_step",
    ),
    Guard(
        promise="a long is closed by selling, a short by buying",
        file="domain/models.py",
        old="        return cls.SELL if position_amt > 0 else cls.BUY",
        new="        return cls.SELL",
        tests=(f"{TABLE_TESTS}::test_a_plan_that_no_rule_objects_to_is_allowed",),
    ),
    Guard(
        promise="no letter of another alphabet makes an action a close",
        file="domain/close_factors.py",
        old=" if action.isascii() else None",
        new="",
        tests=("unit/domain/test_close_factors.py::test_letters_that_only_become_ours_in_upper_case_close_nothing",),
    ),
    Guard(
        promise="an action is a known close or none at all",
        file="domain/close_factors.py",
        old="    return CLOSE_FACTORS.get(action.strip().upper())",
        new='    return CLOSE_FACTORS.get(action.strip().upper(), Decimal(1) if "CLOSE" in action else None)',
        tests=("unit/domain/test_close_factors.py::test_everything_else_closes_nothing",),
    ),
)
