"""What a market order must fit, and an order that is refused for certain or in doubt."""

from __future__ import annotations

from tests.guards.changes import Change, instead, without
from tests.guards.guard import Guard, guard

MARKET_TESTS = "unit/venues/test_exchange_market_rows.py"
ORDER_TESTS = "unit/venues/test_exchange_orders.py"
ANSWER_TESTS = "integration/venues/test_exchange_answers.py"
SIM_TESTS = "integration/venues/test_exchange_simulator.py"


def _markets(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{MARKET_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _order_rows(promise: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{ORDER_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within="binance_usdm.order_rows.read_order", change=change, tests=named)


ORDERS = (
    # --- market rules
    _markets(
        "the step fits LOT_SIZE and MARKET_LOT_SIZE",
        "binance_usdm.market_rows._rules",
        instead("_common_step(steps)", "min(steps)"),
        "test_the_step_is_a_multiple_of_both_steps",
    ),
    _markets(
        "the minimum is the greater one",
        "binance_usdm.market_rows._rules",
        instead("min_qty=max", "min_qty=min"),
        "test_the_minimum_is_the_greater_one",
    ),
    _markets(
        "the maximum is the smaller one",
        "binance_usdm.market_rows._rules",
        instead("max_market_qty=min", "max_market_qty=max"),
        "test_the_maximum_is_the_smaller_one_above_zero",
    ),
    _markets(
        "a symbol that isn't trading has no rules",
        "binance_usdm.market_rows._rules",
        instead('("status") != "TRADING"', '("status") is None'),
        "test_a_symbol_that_is_not_trading_is_spoiled_and_the_reason_names_its_status",
    ),
    _markets(
        "a symbol listed twice has no rules",
        "binance_usdm.market_rows._rules",
        instead("len(rows) != 1", "not rows"),
        "test_a_symbol_listed_twice_is_spoiled",
    ),
    _markets(
        "a filter that is missing or there twice spoils the symbol",
        "binance_usdm.market_rows._lot_filters",
        instead("len(same) != 1", "not same"),
        "test_rules_that_cannot_be_told_are_spoiled",
    ),
    _markets(
        "no step of zero",
        "binance_usdm.market_rows._rules",
        instead(
            'if not steps: raise InvalidRowError("neither LOT_SIZE nor MARKET_LOT_SIZE has a stepSize above 0")',
            "steps = steps or [Decimal(1)]",
        ),
        "test_rules_that_cannot_be_told_are_spoiled",
    ),
    # --- orders
    guard(
        "an order is reduce-only",
        "binance_usdm.orders.BinanceOrders.place_reduce_only_market",
        instead('{"reduceOnly": "true"}', "{}"),
        f"{ANSWER_TESTS}::test_an_order_goes_out_in_the_body_with_its_quantity_digit_by_digit",
    ),
    guard(
        "an order carries the plan's own client order id",
        "binance_usdm.orders.BinanceOrders.place_reduce_only_market",
        without('"newClientOrderId": client_order_id,'),
        f"{ANSWER_TESTS}::test_an_order_goes_out_in_the_body_with_its_quantity_digit_by_digit",
    ),
    guard(
        "an order is only valid until its window ends",
        "binance_usdm.orders.BinanceOrders.place_reduce_only_market",
        without("if window_start_ms is None else window_start_ms"),
        f"{SIM_TESTS}::test_an_order_whose_window_is_over_is_refused_by_the_venue",
    ),
    guard(
        "a duplicate client order id is no certain rejection",
        "binance_usdm.orders.is_certain_rejection",
        without("or refused.code == DUPLICATE_CLIENT_ORDER_ID"),
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    guard(
        "a server error is no certain rejection",
        "binance_usdm.orders.is_certain_rejection",
        without("not in _CLIENT_ERRORS or answer.status"),
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    guard(
        "a time-out is no certain rejection",
        "binance_usdm.orders.is_certain_rejection",
        without("or answer.status == _TIMEOUT_STATUS"),
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    guard(
        "only documented refusals are certain ones",
        "binance_usdm.orders.is_certain_rejection",
        instead(
            "return refused.code in _SINGLE_REJECTIONS or any(int(refused.code) in codes for codes in _REJECTIONS)",
            "return True",
        ),
        f"{ORDER_TESTS}::test_everything_that_leaves_doubt_is_no_rejection",
    ),
    guard(
        "an order without an answer is unknown",
        "binance_usdm.orders.BinanceOrders.place_reduce_only_market",
        instead('OrderOutcomeUnknownError(f"{error}; {_find(client_order_id)}")', "OrderRejectedError(str(error))"),
        f"{SIM_TESTS}::test_an_order_behind_a_broken_answer_is_unknown_and_found_afterwards",
    ),
    guard(
        "an order that can't be found out about isn't unknown to the venue",
        "binance_usdm.orders.BinanceOrders.fetch_order",
        without("and refused.code == ORDER_DOES_NOT_EXIST"),
        f"{SIM_TESTS}::test_a_limit_of_orders_is_a_pause_and_nothing_was_executed",
        f"{ANSWER_TESTS}::test_an_order_is_unknown_to_the_venue_only_by_its_own_word",
    ),
    Guard(
        promise="an order's quantity is above zero",
        within="orders.check_order",
        change=instead("(quantity) <=", "(quantity) <"),
        tests=(f"{ORDER_TESTS}::test_an_unusable_parameter_is_refused_before_anything_is_sent",),
    ),
    _order_rows(
        "the order read is the one that was asked for",
        without('or body.get("clientOrderId") != client_order_id'),
        "test_an_order_that_is_not_whole_is_malformed",
    ),
    _order_rows(
        "an order executes no more than it asked for",
        instead("not 0 <= executed <= quantity", "executed < 0"),
        "test_an_order_that_is_not_whole_is_malformed",
    ),
)
