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


def _hyperliquid(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_hyperliquid.py::{test}" for test in tests)
    return Guard(promise=f"hyperliquid: {promise}", within=within, change=change, tests=named)


def _bitget(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bitget.py::{test}" for test in tests)
    return Guard(promise=f"bitget: {promise}", within=within, change=change, tests=named)


def _gate(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_gate.py::{test}" for test in tests)
    return Guard(promise=f"gate: {promise}", within=within, change=change, tests=named)


def _bybit_orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bybit_orders.py::{test}" for test in tests)
    return Guard(promise=f"bybit: {promise}", within=within, change=change, tests=named)


def _okx_orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_okx_orders.py::{test}" for test in tests)
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
    _hyperliquid(
        "a fill of another coin is passed over",
        "hyperliquid.order_rows._own_rows",
        always('found["symbol"] == symbol'),
        "test_what_happened_to_spot_pairs_and_other_coins_is_passed_over",
    ),
    guard(
        "check shows a margin mode of open positions only",
        "venues.rows.margin_modes",
        without("if _is_open(row, amount)"),
        "unit/venues/test_margin_modes.py::test_open_positions_have_one_and_flat_or_unreadable_ones_have_none",
    ),
    guard(
        "check shows of a margin mode nothing but a word",
        "venues.rows._word",
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
        "what was acknowledged isn't told as not sent, where Redis is away",
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
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "an order in net mode only reduces",
        "okx.orders.OkxOrders.request",
        instead('{"reduceOnly": True}', "{}"),
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "the other leg is never closed",
        "okx.orders.OkxOrders.request",
        instead("is not closed", "not in {Leg.BOTH, closed}"),
        "test_an_order_for_another_leg_than_the_open_one_is_not_sent",
    ),
    _okx_orders(
        "a time-out and a duplicate id are not rejections",
        "okx.orders.OkxOrders.is_certain_rejection",
        without("code not in _NOT_CERTAIN and"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _okx_orders(
        "an order expires at the venue",
        "okx.orders.OkxOrders.request",
        instead('{"expTime": str(end_ms)}', "{}"),
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "fills are read to the last page",
        "okx.history.OkxHistory._pages",
        always("len(rows) < PAGE"),
        "test_fills_of_every_page_oldest_first",
    ),
    _okx_orders(
        "an unknown trade of the venue's own is an error",
        "okx.trade_rows._fill",
        never('trade_id.startswith("-") and forced is None'),
        "test_a_list_with_a_fill_that_cannot_be_read_is_an_error",
    ),
    _sent(
        "an order is signed with the time that was taken for it",
        "Recorder._stamped",
        instead("stamp.time_ms", "int(__import__('time').time() * 1000)"),
        "test_a_bybit_order_is_signed_with_its_own_time_and_window_over_the_bytes_sent",
    ),
    # --- bitget
    _bitget(
        "a short is a short",
        "bitget.position_rows.amount_of",
        instead("q.negated(total)", "total"),
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bitget(
        "two open positions of one side are not one",
        "bitget.position_rows.rows_by_side",
        instead("elif amount_of(row) != 0:", "elif False:"),
        "test_two_open_positions_are_not_one",
    ),
    _bitget(
        "a long and a short in one-way mode are not one position",
        "bitget.position_rows.rows_by_side",
        never("len(held) > 1"),
        "test_two_open_positions_are_not_one",
    ),
    _bitget(
        "a row of another margin coin leaves absent symbols unknown",
        "bitget.position_rows.read_positions",
        never("doubt is not None and len(open_rows) < (len(HEDGE) if hedge_mode else 1)"),
        "test_a_row_of_another_margin_coin_leaves_absent_symbols_unknown",
    ),
    _bitget(
        "a row of the other position mode leaves absent symbols unknown",
        "bitget.position_rows._doubt",
        never('MODES.get(str(row.get("posMode"))) is not hedge_mode'),
        "test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown",
    ),
    _bitget(
        "rows are of the account's position mode",
        "bitget.position_rows._side_of",
        never("not isinstance(mode, str) or MODES.get(mode) is not hedge_mode"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bitget(
        "an answer that doesn't say it succeeded proves nothing",
        "bitget.envelope._data_of",
        without('or answer.get("code") != SUCCESS'),
        "test_an_answer_that_does_not_say_it_succeeded_proves_nothing",
    ),
    _bitget(
        "fills are read to the last page",
        "bitget.envelope.pages",
        always("len(rows) < PAGE"),
        "test_fills_of_every_page_oldest_first",
    ),
    _bitget(
        "a symbol that isn't trading has no rules",
        "bitget.account_rows._rules",
        never('row.get("symbolStatus") != "normal"'),
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _bitget(
        "a close in hedge mode has the position's side",
        "bitget.orders._POSITIONS_SIDE",
        instead('"buy", Leg.SHORT: "sell"', '"sell", Leg.SHORT: "buy"'),
        "test_a_hedge_close_has_the_positions_side",
    ),
    _bitget(
        "an order in one-way mode only reduces",
        "bitget.orders.BitgetOrders.request",
        without(', "reduceOnly": "YES"'),
        "test_an_order_reduces_only_in_the_positions_own_margin_mode",
    ),
    _bitget(
        "the other leg is never closed",
        "bitget.orders.BitgetOrders.request",
        never("order.leg is not (closed if in_hedge_mode else Leg.BOTH)"),
        "test_without_one_position_to_reduce_nothing_is_sent",
    ),
    _bitget(
        "a duplicate id and a time-out are not rejections",
        "bitget.orders.BitgetOrders.is_certain_rejection",
        instead("return code in _REJECTIONS", "return True"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _bitget(
        "an order that closes a long is a sell, whatever the venue calls it",
        "bitget.order_rows._what_it_did",
        instead('(_OPENING if trade_side == "open" else _CLOSING)[position_leg]', "SIDES[side]"),
        "test_the_recorded_close_of_a_long_says_buy_and_is_a_sell",
    ),
    _bitget(
        "an undocumented state ends nothing",
        "bitget.order_rows.read_order",
        instead("in _FINAL,", "not in _OPEN,"),
        "test_an_order_is_over_only_by_a_documented_word",
    ),
    Guard(
        promise="bitget: a unified account is refused and never flat",
        within="bitget.spec.SPEC",
        change=instead('"40085", "40099"', '"40099"'),
        tests=("unit/venues/test_bitget.py::test_a_unified_account_is_refused_and_never_flat",),
    ),
    # --- gate
    Guard(
        promise="gate: every request asks for decimal sizes",
        within="gate.spec.SPEC",
        change=without('headers=(("X-Gate-Size-Decimal", "1")),'),
        tests=(f"{REQUEST_TESTS}::test_the_size_header_is_sent_whatever_ccxt_does",),
    ),
    _gate(
        "pages are read to one that isn't full",
        "gate.pages.pages",
        always("len(rows) < PAGE"),
        "test_pages_are_read_to_one_that_is_not_full_and_twice",
    ),
    _gate(
        "an answer that is no list proves nothing",
        "gate.pages.rows_of",
        instead(
            'raise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")',
            ('return []\nraise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")'),
        ),
        "test_an_answer_that_is_no_list_proves_nothing",
    ),
    _gate(
        "what takes several pages is read twice",
        "gate.reader.Gate.fetch_positions",
        always("len(found) == 1 and len(reports) == 1"),
        "test_a_row_that_moved_between_pages_is_unknown_and_not_flat",
    ),
    _gate(
        "a row of something else leaves absent symbols unknown",
        "gate.position_rows.read_positions",
        never("doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1)"),
        "test_a_row_of_something_else_leaves_absent_symbols_unknown",
    ),
    _gate(
        "a row of the other position mode leaves absent symbols unknown",
        "gate.position_rows._doubt",
        never("_leg_in(row, hedge_mode=hedge_mode) is None"),
        "test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown",
    ),
    _gate(
        "rows are of the account's position mode",
        "gate.position_rows._leg_in",
        without("or (leg is Leg.BOTH) is hedge_mode"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _gate(
        "a symbol twice is invalid",
        "gate.position_rows._rows_by_leg",
        never("leg in found"),
        "test_rows_that_contradict_are_no_position",
    ),
    _gate(
        "a short leg is short",
        "gate.position_rows._leg",
        instead("q.negated(q.magnitude(amount))", "q.magnitude(amount)"),
        "test_a_short_leg_is_short_whatever_its_sign",
    ),
    _gate(
        "a contract that isn't linear has no base quantity",
        "gate.account_rows.Contracts.size",
        never('row.get("type") != "direct" or not symbol.endswith("_USDT") or multiplier <= 0'),
        "test_an_open_symbol_without_a_contract_size_is_unknown",
    ),
    _gate(
        "a symbol that isn't trading has no rules",
        "gate.account_rows.Contracts._rules",
        never('row.get("status") != "trading" or row.get("in_delisting") is not False'),
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _gate(
        "an order only reduces",
        "gate.orders.GateOrders.request",
        without('"reduce_only": True,'),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "an order expires at the venue",
        "gate.orders.GateOrders.request",
        instead('{"X-Gate-Exptime": str(end_ms)}', "{}"),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "a sell is below zero",
        "gate.orders.GateOrders.request",
        without("if order.side is OrderSide.BUY else q.negated(contracts)"),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "the other leg is never closed",
        "gate.orders.GateOrders.request",
        never("order.leg is not (_CLOSED_BY[order.side] if in_hedge_mode else Leg.BOTH)"),
        "test_the_other_leg_is_never_closed",
    ),
    _gate(
        "a label that isn't certain is no rejection",
        "gate.orders.GateOrders.is_certain_rejection",
        instead("return code in _REJECTIONS", "return True"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _gate(
        "an order that its text no longer finds is looked for among the finished",
        "gate.orders.GateOrders.fetch_order",
        instead("return self._read(own[0], symbol).report(symbol) if own else None", "return None"),
        "test_an_order_is_looked_for_by_its_text_and_then_among_the_finished",
    ),
    _gate(
        "a trade in dual mode opens or closes, never both",
        "gate.order_rows._traded_leg",
        never("closed not in {q.ZERO, q.magnitude(signed)}"),
        "test_a_trade_in_dual_mode_opens_or_closes_and_never_both",
    ),
    # --- hyperliquid
    _hyperliquid(
        "the empty state of an API wallet's address is never flat",
        "hyperliquid.reader.Hyperliquid.fetch_positions",
        without("self._role.get().check_is_account()"),
        "test_the_empty_state_of_an_address_that_is_no_account_is_never_flat",
    ),
    _hyperliquid(
        "an answer about another dex proves nothing",
        "hyperliquid.position_rows._doubt",
        never('dex_of(row["symbol"]) != dex'),
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
        "test_the_own_dexs_answer_proves_nothing_about_another_dex",
    ),
    _hyperliquid(
        "a row that names no coin leaves absent coins unknown",
        "hyperliquid.position_rows._doubt",
        instead('return "a row of the answer names no coin, and could be its own"', "continue"),
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
    ),
    _hyperliquid(
        "two rows of one coin are not one position",
        "hyperliquid.position_rows._position",
        never("len(rows) > 1"),
        "test_what_is_not_one_position_is_invalid",
    ),
    _hyperliquid(
        "a dex that can't be read affects its coins only, and an outage all",
        "hyperliquid.reader._for_each_dex",
        never("not dex or type(error) not in {ExchangeError, MalformedResponseError}"),
        "test_a_dex_that_cant_be_read_affects_its_coins_only",
    ),
    _hyperliquid(
        "a liquidation of the other side isn't the account's",
        "hyperliquid.order_rows._forced",
        without("if whose.lower() == account else None"),
        "test_a_liquidation_is_the_accounts_own_only_where_it_names_it",
    ),
    _hyperliquid(
        "a full answer is cut",
        "hyperliquid.reader.Hyperliquid._fills_since",
        always("len(page) < _PAGE"),
        "test_a_full_answer_is_cut_and_read_to_both_ends",
    ),
    _hyperliquid(
        "fills that may be gone are missed with an error",
        "hyperliquid.reader.Hyperliquid._fills_since",
        never("len(rows) >= _KEPT_FILLS"),
        "test_so_many_fills_that_the_oldest_may_be_gone_are_an_error",
    ),
    _hyperliquid(
        "an order only reduces",
        "hyperliquid.orders.HyperliquidOrders.request",
        instead('"r": True,', '"r": False,'),
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _hyperliquid(
        "an order never rests",
        "hyperliquid.orders.HyperliquidOrders.request",
        instead('"Ioc"', '"Gtc"'),
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _hyperliquid(
        "an error that isn't certain is no rejection",
        "hyperliquid.orders.HyperliquidOrders.answered",
        always("code is not None and self.is_certain_rejection(code)"),
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _hyperliquid(
        "more than was ordered is no fill",
        "hyperliquid.orders.HyperliquidOrders.answered",
        never("not 0 < executed <= order.quantity"),
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _hyperliquid(
        "another order isn't taken for ours",
        "hyperliquid.orders.HyperliquidOrders.fetch_order",
        never("found is not None and found.client_order_id != client_order_id"),
        "test_an_order_is_found_by_its_own_id_only",
    ),
    _hyperliquid(
        "an unknown status ends nothing",
        "hyperliquid.order_rows.read_order",
        always("status in _FINAL"),
        "test_an_unknown_status_ends_nothing",
    ),
    Guard(
        promise="hyperliquid: what is no address is not asked about",
        within="VenueSession.account",
        change=never("form is None or not form.fullmatch(key)"),
        tests=("integration/venues/test_hyperliquid_requests.py::test_what_is_no_address_is_not_asked_about",),
    ),
)
