"""Resting orders: a close and what rests already are never more than the position (CONTRACT section 5)."""

from __future__ import annotations

from tests.guards.guard import Guard

RULE_TESTS = "unit/domain/test_resting.py"
STORE_TESTS = "integration/store/test_resting.py"
KEPT_TESTS = "unit/contract/test_resting.py"
MOVED = f"{STORE_TESTS}::test_orders_that_moved_since_the_evaluation_stop_the_allow"


def _guard(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=f"resting orders: {promise}", file=file, old=old, new=new, tests=tests)


RESTING = (
    _guard(
        "a close leaves room for them",
        "domain/decision.py",
        "q.floor_to_step(min(capped, left), market.step_size)",
        "q.floor_to_step(capped, market.step_size)",
        f"{RULE_TESTS}::test_a_close_leaves_room_for_what_rests",
        "property/test_resting.py::test_an_allow_and_what_rests_are_never_more_than_the_position",
    ),
    _guard(
        "an old answer denies",
        "domain/rules.py",
        "    if 0 <= age_ms <= policy.resting_max_age_ms:\n",
        "    if True:\n",
        f"{RULE_TESTS}::test_an_answer_is_used_for_90_seconds_and_never_from_the_future",
    ),
    _guard(
        "no answer denies",
        "domain/rules.py",
        "    if resting is None or problem is not None:\n",
        "    if resting is None:\n        return None\n    if problem is not None:\n",
        f"{RULE_TESTS}::test_orders_that_are_not_known_deny",
    ),
    _guard(
        "those of before a failover aren't known ones",
        "domain/rules.py",
        "    if resting.life != facts.life:\n",
        "    if False:\n",
        f"{RULE_TESTS}::test_orders_that_are_not_known_deny",
    ),
    _guard(
        "what moved since the evaluation stops the allow",
        "store/lua/commit_verdict.lua",
        "    if stored_text(resting_key, RESTING_FIELDS) ~= evaluated_resting then return moved('resting') end\n",
        "",
        MOVED,
    ),
    _guard(
        "what grew old since the evaluation stops the allow",
        "store/lua/commit_verdict.lua",
        "asked_ms > now or now - asked_ms > tonumber(resting_max_age_ms)",
        "false",
        f"{STORE_TESTS}::test_orders_that_grew_old_since_the_evaluation_stop_the_allow",
    ),
    _guard(
        "a conditional order never counts",
        "contract/resting.py",
        "    active = [order for order in found if not order.is_conditional]\n",
        "    active = found\n",
        f"{KEPT_TESTS}::test_a_conditional_order_is_named_and_never_counted",
    ),
    _guard(
        "in hedge mode side and leg say what reduces",
        "contract/resting.py",
        "    return order.side is (OrderSide.SELL if order.leg is Leg.LONG else OrderSide.BUY)\n",
        "    return order.reduce_only\n",
        f"{KEPT_TESTS}::test_in_hedge_mode_side_and_leg_say_what_reduces_whatever_the_flag_is",
    ),
    _guard(
        "every order is counted, also those that aren't named",
        "contract/resting.py",
        "(order.open_qty for order in active), Decimal(0))",
        "(order.open_qty for order in active[:MOST_IDS]), Decimal(0))",
        f"{KEPT_TESTS}::test_every_active_order_of_a_side_is_counted_exactly_and_some_are_named",
    ),
    _guard(
        "they are read once a minute, whatever came of it",
        "store/lua/claim_resting.lua",
        "  return { 'done', text(now), current_life }\n",
        "",
        f"{STORE_TESTS}::test_one_reading_a_minute_for_everybody_whatever_came_of_it",
    ),
    _guard(
        "what outlived the store is not written",
        "store/lua/put_resting.lua",
        "if life(epoch_key) ~= life_read then return { 'other_life' } end\n",
        "",
        f"{STORE_TESTS}::test_what_outlived_the_store_is_not_written",
    ),
    _guard(
        "a row that can't be read makes its symbol unknown",
        "venues/binance_usdm/resting_rows.py",
        "        invalid[symbol] = str(error)\n",
        "        pass\n",
        "unit/venues/test_binance_resting.py::test_a_row_that_can_not_be_read_is_unknown_for_its_symbol_only",
    ),
    _guard(
        "an answer that isn't a list says nothing",
        "venues/binance_usdm/resting_rows.py",
        '            raise MalformedResponseError(f"{name}: a list was expected, {shape(answer)} came")\n',
        "            continue\n",
        "unit/venues/test_binance_resting.py::test_an_answer_that_is_no_list_or_whose_rows_are_nobodys_says_nothing",
    ),
)
