"""What a market order must fit, and an order that is refused for certain or in doubt."""

from __future__ import annotations

from tests.guards.guard import Guard

MARKET_TESTS = "unit/venues/test_exchange_market_rows.py"
ORDER_TESTS = "unit/venues/test_exchange_orders.py"
ANSWER_TESTS = "integration/venues/test_exchange_answers.py"
SIM_TESTS = "integration/venues/test_exchange_simulator.py"


def _markets(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{MARKET_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/binance_usdm/market_rows.py", old=old, new=new, tests=named)


def _orders(promise: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file="venues/binance_usdm/orders.py", old=old, new=new, tests=tests)


def _order_rows(promise: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{ORDER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file="venues/binance_usdm/order_rows.py", old=old, new=new, tests=named)


ORDERS = (
    # --- market rules
    _markets(
        "the step fits LOT_SIZE and MARKET_LOT_SIZE",
        "        step_size=_common_step(steps),\n",
        "        step_size=min(steps),\n",
        "test_the_step_is_a_multiple_of_both_steps",
    ),
    _markets(
        "the minimum is the greater one",
        '        min_qty=max(_values(filters, "minQty")),\n',
        '        min_qty=min(_values(filters, "minQty")),\n',
        "test_the_minimum_is_the_greater_one",
    ),
    _markets(
        "the maximum is the smaller one",
        "        max_market_qty=min(maxima, default=None),\n",
        "        max_market_qty=max(maxima, default=None),\n",
        "test_the_maximum_is_the_smaller_one_above_zero",
    ),
    _markets(
        "a symbol that isn't trading has no rules",
        '    if row.get("status") != "TRADING":\n',
        '    if row.get("status") is None:\n',
        "test_a_symbol_that_is_not_trading_is_spoiled_and_the_reason_names_its_status",
    ),
    _markets(
        "a symbol listed twice has no rules",
        "    if len(rows) != 1:\n",
        "    if not rows:\n",
        "test_a_symbol_listed_twice_is_spoiled",
    ),
    _markets(
        "a filter that is missing or there twice spoils the symbol",
        "        if len(same) != 1:\n",
        "        if not same:\n",
        "test_rules_that_cannot_be_told_are_spoiled",
    ),
    _markets(
        "no step of zero",
        "    if not steps:\n"
        '        raise InvalidRowError("neither LOT_SIZE nor MARKET_LOT_SIZE has a stepSize above 0")\n',
        "    steps = steps or [Decimal(1)]\n",
        "test_rules_that_cannot_be_told_are_spoiled",
    ),
    # --- orders
    _orders(
        "an order is reduce-only",
        '{"reduceOnly": "true"} if leg is Leg.BOTH else ',
        "{} if leg is Leg.BOTH else ",
        f"{ANSWER_TESTS}::test_an_order_goes_out_in_the_body_with_its_quantity_digit_by_digit",
    ),
    _orders(
        "an order carries the plan's own client order id",
        '            "newClientOrderId": client_order_id,\n',
        "",
        f"{ANSWER_TESTS}::test_an_order_goes_out_in_the_body_with_its_quantity_digit_by_digit",
    ),
    _orders(
        "an order is only valid until its window ends",
        '            "timestamp": now_ms if window_start_ms is None else window_start_ms,\n',
        '            "timestamp": now_ms,\n',
        f"{SIM_TESTS}::test_an_order_whose_window_is_over_is_refused_by_the_venue",
    ),
    _orders(
        "a duplicate client order id is no certain rejection",
        "    if refused is None or refused.code == DUPLICATE_CLIENT_ORDER_ID:\n",
        "    if refused is None:\n",
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    _orders(
        "a server error is no certain rejection",
        "    if answer.status not in _CLIENT_ERRORS or answer.status == _TIMEOUT_STATUS:\n",
        "    if answer.status == _TIMEOUT_STATUS:\n",
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    _orders(
        "a time-out is no certain rejection",
        "    if answer.status not in _CLIENT_ERRORS or answer.status == _TIMEOUT_STATUS:\n",
        "    if answer.status not in _CLIENT_ERRORS:\n",
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    _orders(
        "only documented refusals are certain ones",
        "    return refused.code in _SINGLE_REJECTIONS or any(int(refused.code) in codes for codes in _REJECTIONS)\n",
        "    return True\n",
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    _orders(
        "an order without an answer is unknown",
        '            raise OrderOutcomeUnknownError(f"{error}; {_find(client_order_id)}") from error\n'
        "        return _placed",
        "            raise OrderRejectedError(str(error)) from error\n        return _placed",
        f"{SIM_TESTS}::test_an_order_behind_a_broken_answer_is_unknown_and_found_afterwards",
    ),
    _orders(
        "an order that can't be found out about isn't unknown to the venue",
        "        if refused is not None and refused.code == ORDER_DOES_NOT_EXIST:\n",
        "        if refused is not None:\n",
        f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",
        f"{ANSWER_TESTS}::test_an_order_is_unknown_to_the_venue_only_by_its_own_word",
    ),
    Guard(
        promise="an order's quantity is above zero",
        file="venues/orders.py",
        old="    if q.parse_quantity(quantity) <= 0:\n",
        new="    if q.parse_quantity(quantity) < 0:\n",
        tests=(f"{ORDER_TESTS}::test_an_unusable_parameter_is_refused_before_anything_is_sent",),
    ),
    _order_rows(
        "the order read is the one that was asked for",
        '    if body.get("symbol") != symbol or body.get("clientOrderId") != client_order_id:\n',
        '    if body.get("symbol") != symbol:\n',
        "test_an_order_that_is_not_whole_is_malformed",
    ),
    _order_rows(
        "an order executes no more than it asked for",
        "    if not 0 <= executed <= quantity:\n",
        "    if executed < 0:\n",
        "test_an_order_that_is_not_whole_is_malformed",
    ),
)
