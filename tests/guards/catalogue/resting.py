"""Resting orders: a close and what rests already are never more than the position (CONTRACT section 5)."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard

RULE_TESTS = "unit/domain/test_resting.py"
STORE_TESTS = "integration/store/test_resting.py"
KEPT_TESTS = "unit/contract/test_resting.py"
MOVED = f"{STORE_TESTS}::test_orders_that_moved_since_the_evaluation_stop_the_allow"


def _guard(promise: str, within: str, change: Change, *tests: str) -> Guard:
    return Guard(promise=f"resting orders: {promise}", within=within, change=change, tests=tests)


RESTING = (
    _guard(
        "a close leaves room for them",
        "decision.rule_6_safe_close_quantity",
        instead("min(capped, left)", "capped"),
        f"{RULE_TESTS}::test_a_close_leaves_room_for_what_rests",
        "property/test_resting.py::test_an_allow_and_what_rests_are_never_more_than_the_position",
    ),
    _guard(
        "an old answer denies",
        "rules.position.resting_orders_are_known",
        always("0 <= age_ms <= policy.resting_max_age_ms"),
        f"{RULE_TESTS}::test_an_answer_is_used_for_90_seconds_and_never_from_the_future",
    ),
    _guard(
        "no answer denies",
        "rules.position.resting_orders_are_known",
        instead("if resting is None or", ("if resting is None:\n    return None\nif")),
        f"{RULE_TESTS}::test_orders_that_are_not_known_deny",
    ),
    _guard(
        "those of before a failover aren't known ones",
        "rules.position._resting_problem",
        never("resting.life != facts.life"),
        f"{RULE_TESTS}::test_orders_that_are_not_known_deny",
    ),
    _guard(
        "what moved since the evaluation stops the allow",
        "lua.commit_verdict",
        without("if resting ~= evaluated_resting then return moved('resting') end"),
        MOVED,
    ),
    _guard(
        "what grew old since the evaluation stops the allow",
        "lua.commit_verdict",
        never("asked_ms > now or now - asked_ms > tonumber(resting_max_age_ms)"),
        f"{STORE_TESTS}::test_orders_that_grew_old_since_the_evaluation_stop_the_allow",
    ),
    _guard(
        "a conditional order never counts",
        "resting._side",
        instead("[order for order in found if not order.is_conditional]", "found"),
        f"{KEPT_TESTS}::test_a_conditional_order_is_named_and_never_counted",
    ),
    _guard(
        "in hedge mode side and leg say what reduces",
        "resting._reduces",
        instead(
            "return order.side is (OrderSide.SELL if order.leg is Leg.LONG else OrderSide.BUY)",
            "return order.reduce_only",
        ),
        f"{KEPT_TESTS}::test_in_hedge_mode_side_and_leg_say_what_reduces_whatever_the_flag_is",
    ),
    _guard(
        "every order is counted, also those that aren't named",
        "resting._side",
        instead("order.open_qty for order in active", "order.open_qty for order in active[:MOST_IDS]"),
        f"{KEPT_TESTS}::test_every_active_order_of_a_side_is_counted_exactly_and_some_are_named",
    ),
    _guard(
        "they are read once a minute, whatever came of it",
        "lua.claim_resting",
        without("return { 'done', text(now), current_life }"),
        f"{STORE_TESTS}::test_one_reading_a_minute_for_everybody_whatever_came_of_it",
    ),
    _guard(
        "what outlived the store is not written",
        "lua.put_resting",
        without("if life(epoch_key) ~= life_read then return { 'other_life' } end"),
        f"{STORE_TESTS}::test_what_outlived_the_store_is_not_written",
    ),
    _guard(
        "a row that can't be read makes its symbol unknown",
        "binance_usdm.resting_rows._add",
        instead("invalid[symbol] = str(error)", "pass"),
        "unit/venues/test_binance_resting.py::test_a_row_that_can_not_be_read_is_unknown_for_its_symbol_only",
    ),
    _guard(
        "an answer that isn't a list says nothing",
        "binance_usdm.resting_rows.read_resting",
        instead('raise MalformedResponseError(f"{name}: a list was expected, {shape(answer)} came")', "continue"),
        "unit/venues/test_binance_resting.py::test_an_answer_that_is_no_list_or_whose_rows_are_nobodys_says_nothing",
    ),
)
