"""Guards of Hyperliquid's folder."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard


def _rows(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_hyperliquid.py::{test}" for test in tests)
    return Guard(promise=f"hyperliquid: {promise}", within=within, change=change, tests=named)


def _orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_hyperliquid_orders.py::{test}" for test in tests)
    return Guard(promise=f"hyperliquid: {promise}", within=within, change=change, tests=named)


HYPERLIQUID = (
    _rows(
        "a fill of another coin is passed over",
        "hyperliquid.order_rows._own_rows",
        always('found["symbol"] == symbol'),
        "test_what_happened_to_spot_pairs_and_other_coins_is_passed_over",
    ),
    _rows(
        "the empty state of an API wallet's address is never flat",
        "hyperliquid.reader.Hyperliquid.fetch_positions",
        without("self._role.get().check_is_account()"),
        "test_the_empty_state_of_an_address_that_is_no_account_is_never_flat",
    ),
    _rows(
        "an answer about another dex proves nothing",
        "hyperliquid.position_rows._doubt",
        never('dex_of(row["symbol"]) != dex'),
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
        "test_the_own_dexs_answer_proves_nothing_about_another_dex",
    ),
    _rows(
        "a row that names no coin leaves absent coins unknown",
        "hyperliquid.position_rows._doubt",
        instead('return "a row of the answer names no coin, and could be its own"', "continue"),
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
    ),
    _rows(
        "two rows of one coin are not one position",
        "hyperliquid.position_rows._position",
        never("len(rows) > 1"),
        "test_what_is_not_one_position_is_invalid",
    ),
    _rows(
        "a dex that can't be read affects its coins only, and an outage all",
        "hyperliquid.reader._for_each_dex",
        never("not dex or type(error) not in {ExchangeError, MalformedResponseError}"),
        "test_a_dex_that_cant_be_read_affects_its_coins_only",
    ),
    _orders(
        "a liquidation of the other side isn't the account's",
        "hyperliquid.order_rows._forced",
        without("if whose.lower() == account else None"),
        "test_a_liquidation_is_the_accounts_own_only_where_it_names_it",
    ),
    _orders(
        "a full answer is cut",
        "hyperliquid.reader.Hyperliquid._fills_since",
        always("len(page) < _PAGE"),
        "test_a_full_answer_is_cut_and_read_to_both_ends",
    ),
    _orders(
        "fills that may be gone are missed with an error",
        "hyperliquid.reader.Hyperliquid._fills_since",
        never("len(rows) >= _KEPT_FILLS"),
        "test_so_many_fills_that_the_oldest_may_be_gone_are_an_error",
    ),
    _orders(
        "an order only reduces",
        "hyperliquid.orders.HyperliquidOrders.request",
        instead('"r": True,', '"r": False,'),
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _orders(
        "an order never rests",
        "hyperliquid.orders.HyperliquidOrders.request",
        instead('"Ioc"', '"Gtc"'),
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _orders(
        "an error that isn't certain is no rejection",
        "hyperliquid.orders.HyperliquidOrders.answered",
        always("code is not None and self.is_certain_rejection(code)"),
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _orders(
        "more than was ordered is no fill",
        "hyperliquid.orders.HyperliquidOrders.answered",
        never("not 0 < executed <= order.quantity"),
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _orders(
        "another order isn't taken for ours",
        "hyperliquid.orders.HyperliquidOrders.fetch_order",
        never("found is not None and found.client_order_id != client_order_id"),
        "test_an_order_is_found_by_its_own_id_only",
    ),
    _orders(
        "an unknown status ends nothing",
        "hyperliquid.order_rows.read_order",
        always("status in _FINAL"),
        "test_an_unknown_status_ends_nothing",
    ),
)
