"""Each venue's own rows and requests: what absence proves, whose sign counts, what is one position."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard, guard

BYBIT_TESTS, OKX_TESTS = "unit/venues/test_bybit.py", "unit/venues/test_okx.py"
REQUEST_TESTS = "integration/venues/test_venue_requests.py"


def _bybit(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{BYBIT_TESTS}::{test}" for test in tests)
    return Guard(promise=f"bybit: {promise}", within=within, change=change, tests=named)


def _okx(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{OKX_TESTS}::{test}" for test in tests)
    return Guard(promise=f"okx: {promise}", within=within, change=change, tests=named)


def _sent(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"{REQUEST_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


def _bybit_orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bybit_orders.py::{test}" for test in tests)
    return Guard(promise=f"bybit: {promise}", within=within, change=change, tests=named)


def _okx_orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/{test}" for test in tests)
    return Guard(promise=f"okx: {promise}", within=within, change=change, tests=named)


VENUE_FOLDERS = (
    _bybit(
        "an answer of another category proves nothing",
        "bybit.envelope.rows_of",
        never("category != CATEGORY and not (category is None and not is_about_account)"),
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "pages are read to the last one",
        "bybit.envelope.pages",
        always('found is None or found == "" or result.get("list") == []'),
        "test_a_cursor_on_the_last_page_ends_at_the_empty_page_behind_it",
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "a cursor that comes again isn't followed",
        "bybit.envelope.pages",
        without("or found in seen"),
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "what takes several pages is read twice",
        "bybit.reader.Bybit.fetch_positions",
        always("sum(bool(rows_of(page, POSITIONS.shown)) for page in first) <= 1"),
        "test_a_row_that_moved_between_pages_is_unknown_and_not_flat",
    ),
    _bybit(
        "a row of another settle coin leaves absent symbols unknown",
        "bybit.position_rows._doubt",
        never("not is_settled_here(symbol)"),
        "test_a_row_that_belongs_elsewhere_leaves_absent_symbols_unknown",
    ),
    _bybit(
        "a symbol of another settle coin is never flat",
        "bybit.position_rows._position",
        never("not is_settled_here(symbol)"),
        "test_a_symbol_of_another_settle_coin_is_unknown_and_never_flat",
    ),
    _bybit(
        "a sell is a short",
        "bybit.position_rows._amount",
        instead("return q.negated(size)", "return size"),
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bybit(
        "a symbol without a row has no known mode",
        "bybit.position_rows._position",
        without(", hedge_mode=None"),
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bybit(
        "leg and side agree",
        "bybit.position_rows._leg",
        never("not leg.admits(amount)"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a size without a side is invalid",
        "bybit.position_rows._amount",
        without("and size == 0"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a position that the venue closes is unknown",
        "bybit.position_rows._amount",
        never('status != "Normal"'),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a symbol that isn't trading has no rules",
        "bybit.market_rows._rules",
        never('row.get("status") != "Trading"'),
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _okx(
        "contracts are multiplied by both factors",
        "okx.instrument_rows._contract_size",
        instead("return in_base(value, multiplier)", "return value"),
        "test_a_multiplier_counts_too",
    ),
    _okx(
        "an inverse contract has no base quantity",
        "okx.instrument_rows._contract_size",
        never('row.get("ctType") != "linear" or row.get("ctValCcy") != base'),
        "test_an_open_symbol_without_a_contract_size_is_unknown",
        "test_a_symbol_that_is_not_live_or_not_readable_has_no_rules",
    ),
    _okx(
        "a symbol that isn't live has no rules",
        "okx.instrument_rows._rules",
        never('row.get("state") != "live"'),
        "test_a_symbol_that_is_not_live_or_not_readable_has_no_rules",
    ),
    _okx(
        "two open positions of one side are not one",
        "okx.position_rows._rows_by_leg",
        never("_contracts(row) != 0"),
        "test_two_open_positions_of_one_symbol_are_not_one",
    ),
    _okx(
        "a row of another instrument type leaves absent symbols unknown",
        "okx.position_rows.read_positions",
        never("doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1)"),
        "test_a_row_of_another_instrument_type_leaves_absent_symbols_unknown",
    ),
    _okx(
        "a row of the other position mode leaves absent symbols unknown",
        "okx.position_rows._doubt",
        never('_SIDES.get(str(row.get("posSide"))) not in (HEDGE if hedge_mode else (Leg.BOTH,))'),
        "test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown",
    ),
    _okx(
        "rows are of the account's position mode",
        "okx.position_rows._leg_of",
        never("(leg is Leg.BOTH) is hedge_mode"),
        "test_a_net_row_in_long_short_mode_is_invalid",
        "test_a_row_that_cannot_be_trusted_is_invalid_and_never_flat",
    ),
    _okx(
        "a short leg is short",
        "okx.position_rows._leg",
        instead("q.negated(q.magnitude(amount))", "q.magnitude(amount)"),
        "test_a_short_leg_is_short_whatever_its_sign",
    ),
    guard(
        "contract sizes are no older than the market rules",
        "Kept.get",
        without("and (time.monotonic() - self._kept[0]) * 1000 < self._period_ms"),
        f"{OKX_TESTS}::test_contract_sizes_are_kept_for_one_period_and_the_mode_is_asked_each_time",
    ),
    _sent(
        "an endpoint's own parameters are sent",
        "VenueSession._exchange",
        instead("{**params, **dict(endpoint.params)}", "params"),
        "test_bybit_is_asked_for_its_scope_and_signed",
    ),
    _sent(
        "demo trading is marked on every request",
        "VenueSession._recorder",
        instead("(*self._spec.headers, *(self._spec.test_headers if self._testnet else ()))", "self._spec.headers"),
        "test_okx_is_asked_for_swaps_signed_and_marked_as_demo",
    ),
    _sent(
        "demo trading is part of the source",
        "build.venue_source",
        instead('"demo" if testnet and spec.test_headers else ""', '""'),
        "test_okx_is_asked_for_swaps_signed_and_marked_as_demo",
    ),
    guard(
        "a venue's older code of a rate limit is waited for",
        "bybit.spec.SPEC",
        instead('rate_limited=frozenset({"10006", "10018"})', 'rate_limited=frozenset({"10006"})'),
        "unit/venues/test_error_codes.py::test_a_code_has_the_class_that_decides_what_is_done_next",
    ),
    guard(
        "an order id that was used before is no refusal",
        "bybit.orders._NOT_CERTAIN",
        instead('frozenset({"110072", "110079"})', 'frozenset({"110079"})'),
        "unit/venues/test_error_codes.py::test_a_refusal_is_certain_and_what_leaves_doubt_is_none",
    ),
    _bybit_orders(
        "an order of another category is none",
        "bybit.envelope.rows_of",
        instead("not (category is None and not is_about_account)", "is_about_account"),
        "test_an_answer_of_another_category_is_no_answer_about_orders_or_trades",
    ),
    guard(
        "check shows a margin mode of open positions only",
        "venues.rows.margin_modes",
        without("if _is_open(row, amount)"),
        "unit/venues/test_margin_modes.py::test_open_positions_have_one_and_flat_or_unreadable_ones_have_none",
    ),
    guard(
        "check shows of a margin mode nothing but a word",
        "venues.rows._mode_text",
        instead("if is_word", "if True"),
        "unit/venues/test_margin_modes.py::test_what_is_no_word_is_not_shown",
    ),
    guard(
        "a test environment that the venue hasn't is never its live account",
        "build._check_environment",
        never("problem is not None"),
        "unit/venues/test_no_test_environment.py::test_nothing_is_built_on_it",
        "unit/venues/test_no_test_environment.py::test_no_snapshot_can_have_it_as_its_source",
    ),
    guard(
        "settings refuse a test environment that the venue hasn't",
        "Variables._is_there",
        instead("raise ValueError(problem)", "return value"),
        "unit/venues/test_no_test_environment.py::test_the_settings_refuse_it_and_name_both_ways_out",
    ),
    guard(
        "the demo is not started on a venue that the simulator can't play",
        "demo.why_not",
        never("exchange not in FRONTS"),
        "unit/demo/test_up_command.py::test_a_venue_without_a_front_is_refused_and_those_with_one_are_named",
    ),
    _sent(
        "an address that was shut out waits",
        "http_errors._ban_sec",
        instead("if answer.status == ban.status and ban.text.search(answer.text[:_MAX_TEXT_CHARS]):", "if False:"),
        "test_an_address_that_bybit_shut_out_asks_nothing_more",
    ),
    _okx(
        "a row's code counts before the answer's",
        "okx.spec.SPEC",
        without(', rows=RowCodes(rows_field="data", code_field="sCode", text_field="sMsg")'),
        "test_every_recorded_error_is_an_error_and_a_rows_code_counts_before_the_answers",
    ),
    # --- orders
    guard(
        "a refusal is a rejection only where the code says so for certain",
        "OrderClient._send",
        without("and self.is_certain_rejection(refused.code)"),
        "unit/venues/test_bybit_orders.py::test_whatever_leaves_doubt_is_unknown_and_never_rejected",
        "unit/venues/test_okx_orders.py::test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    guard(
        "more executed than ordered is no order",
        "OrderRow.__post_init__",
        never("not 0 <= self.executed_qty <= self.quantity"),
        "unit/venues/test_okx_orders.py::test_an_order_that_cannot_be_read_is_an_error_and_never_not_found",
    ),
    _bybit_orders(
        "an acknowledged order isn't reported as not sent, where Redis is away",
        "OrderClient._what_became",
        instead("(ExchangeError, StoreError)", "ExchangeError"),
        "test_an_acknowledgement_stands_where_the_order_cannot_be_asked_for",
    ),
    _bybit_orders(
        "an order only reduces",
        "bybit.orders.BybitOrders.request",
        without('"reduceOnly": True,'),
        "test_an_order_reduces_only_and_is_signed_with_its_own_time_and_window",
    ),
    _bybit_orders(
        "a duplicate id says nothing about the first order",
        "bybit.orders.BybitOrders.is_certain_rejection",
        instead("(code not in _NOT_CERTAIN and int(code) in _REJECTIONS)", "int(code) in _REJECTIONS"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _bybit_orders(
        "an order that isn't recent is looked for in the history",
        "bybit.orders.BybitOrders.fetch_order",
        instead("(ORDERS, ORDER_HISTORY)", "(ORDERS,)"),
        "test_an_order_is_looked_for_among_the_recent_and_then_in_the_history",
    ),
    _bybit_orders(
        "an undocumented status ends nothing",
        "bybit.order_rows._order",
        instead("in _FINAL,", "not in _OPEN,"),
        "test_an_order_is_over_only_by_a_documented_word",
    ),
    guard(
        "an order's trades close with what it executed",
        "history.trades_of_order",
        never("order is None or order.executed_qty != total(found)"),
        "unit/venues/test_bybit_orders.py::test_an_orders_trades_close_with_what_the_order_says",
    ),
    _bybit_orders(
        "a trade in hedge mode opens or closes, never both",
        "bybit.trade_rows._leg",
        never("closed not in {q.ZERO, quantity}"),
        "test_a_list_with_a_trade_that_cannot_be_read_is_an_error",
    ),
    _okx_orders(
        "an order has the margin mode of its position",
        "okx.orders.OkxOrders.request",
        instead('row["mgnMode"]', '"cross"'),
        "test_okx_orders.py::test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "an order in net mode only reduces",
        "okx.orders.OkxOrders.request",
        instead('{"reduceOnly": True}', "{}"),
        "test_okx_orders.py::test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "the other leg is never closed",
        "okx.orders.OkxOrders.request",
        instead("is not closed", "not in {Leg.BOTH, closed}"),
        "test_okx_orders.py::test_an_order_for_another_leg_than_the_open_one_is_not_sent",
    ),
    _okx_orders(
        "a time-out and a duplicate id are not rejections",
        "okx.orders.OkxOrders.is_certain_rejection",
        without("code not in _NOT_CERTAIN and"),
        "test_okx_orders.py::test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _okx_orders(
        "an order expires at the venue",
        "okx.orders.OkxOrders.request",
        instead('{"expTime": str(end_ms)}', "{}"),
        "test_okx_orders.py::test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "fills are read to the last page",
        "okx.history.OkxHistory._pages",
        always("len(rows) < PAGE"),
        "test_okx_history.py::test_fills_of_every_page_oldest_first",
    ),
    _okx_orders(
        "an unknown trade of the venue's own is an error",
        "okx.trade_rows._fill",
        never('trade_id.startswith("-") and forced is None'),
        "test_okx_history.py::test_a_list_with_a_fill_that_cannot_be_read_is_an_error",
    ),
    _sent(
        "an order is signed with the time that was taken for it",
        "Recorder._stamped",
        instead("stamp.time_ms", "int(__import__('time').time() * 1000)"),
        "test_a_bybit_order_is_signed_with_its_own_time_and_window_over_the_bytes_sent",
    ),
    Guard(
        promise="bitget: a unified account is refused and never flat",
        within="bitget.spec.SPEC",
        change=instead('"40085", "40099"', '"40099"'),
        tests=("unit/venues/test_bitget.py::test_a_unified_account_is_refused_and_never_flat",),
    ),
    Guard(
        promise="gate: every request asks for decimal sizes",
        within="gate.spec.SPEC",
        change=without('headers=(("X-Gate-Size-Decimal", "1")),'),
        tests=(f"{REQUEST_TESTS}::test_the_size_header_is_sent_whatever_ccxt_does",),
    ),
    Guard(
        promise="hyperliquid: what is no address is not asked about",
        within="VenueSession.account",
        change=never("form is None or not form.fullmatch(key)"),
        tests=("integration/venues/test_hyperliquid_requests.py::test_what_is_no_address_is_not_asked_about",),
    ),
)
