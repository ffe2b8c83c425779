"""Guards of Bitget's folder."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard


def _rows(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bitget.py::{test}" for test in tests)
    return Guard(promise=f"bitget: {promise}", within=within, change=change, tests=named)


def _orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bitget_orders.py::{test}" for test in tests)
    return Guard(promise=f"bitget: {promise}", within=within, change=change, tests=named)


BITGET = (
    _rows(
        "a short is a short",
        "bitget.position_rows.amount_of",
        instead("q.negated(total)", "total"),
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _rows(
        "two open positions of one side are not one",
        "bitget.position_rows.rows_by_side",
        instead("elif amount_of(row) != 0:", "elif False:"),
        "test_two_open_positions_are_not_one",
    ),
    _rows(
        "a long and a short in one-way mode are not one position",
        "bitget.position_rows.rows_by_side",
        never("len(held) > 1"),
        "test_two_open_positions_are_not_one",
    ),
    _rows(
        "a row of another margin coin leaves absent symbols unknown",
        "bitget.position_rows.read_positions",
        never("doubt is not None and len(open_rows) < (len(HEDGE) if hedge_mode else 1)"),
        "test_a_row_of_another_margin_coin_leaves_absent_symbols_unknown",
    ),
    _rows(
        "a row of the other position mode leaves absent symbols unknown",
        "bitget.position_rows._doubt",
        never('MODES.get(str(row.get("posMode"))) is not hedge_mode'),
        "test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown",
    ),
    _rows(
        "rows are of the account's position mode",
        "bitget.position_rows._side_of",
        never("not isinstance(mode, str) or MODES.get(mode) is not hedge_mode"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _rows(
        "an answer that doesn't say it succeeded proves nothing",
        "bitget.envelope._data_of",
        without('or answer.get("code") != SUCCESS'),
        "test_an_answer_that_does_not_say_it_succeeded_proves_nothing",
    ),
    _orders(
        "fills are read to the last page",
        "bitget.envelope.pages",
        always("len(rows) < PAGE"),
        "test_fills_of_every_page_oldest_first",
    ),
    _rows(
        "a symbol that isn't trading has no rules",
        "bitget.account_rows._rules",
        never('row.get("symbolStatus") != "normal"'),
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _orders(
        "a close in hedge mode has the position's side",
        "bitget.orders._POSITIONS_SIDE",
        instead('"buy", Leg.SHORT: "sell"', '"sell", Leg.SHORT: "buy"'),
        "test_a_hedge_close_has_the_positions_side",
    ),
    _orders(
        "an order in one-way mode only reduces",
        "bitget.orders.BitgetOrders.request",
        without(', "reduceOnly": "YES"'),
        "test_an_order_reduces_only_in_the_positions_own_margin_mode",
    ),
    _orders(
        "the other leg is never closed",
        "bitget.orders.BitgetOrders.request",
        never("order.leg is not (closed if in_hedge_mode else Leg.BOTH)"),
        "test_without_one_position_to_reduce_nothing_is_sent",
    ),
    _orders(
        "a duplicate id and a time-out are not rejections",
        "bitget.orders.BitgetOrders.is_certain_rejection",
        instead("return code in _REJECTIONS", "return True"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _orders(
        "an order that closes a long is a sell, whatever the venue calls it",
        "bitget.order_rows._what_it_did",
        instead('(_OPENING if trade_side == "open" else _CLOSING)[position_leg]', "SIDES[side]"),
        "test_the_recorded_close_of_a_long_says_buy_and_is_a_sell",
    ),
    _orders(
        "an undocumented state ends nothing",
        "bitget.order_rows.read_order",
        instead("in _FINAL,", "not in _OPEN,"),
        "test_an_order_is_over_only_by_a_documented_word",
    ),
)
