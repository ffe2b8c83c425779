"""Each venue's own rows and requests: what absence proves, whose sign counts, what is one position."""

from __future__ import annotations

from tests.guards.guard import Guard

BYBIT_TESTS, OKX_TESTS = "unit/venues/test_bybit.py", "unit/venues/test_okx.py"
REQUEST_TESTS = "integration/venues/test_venue_requests.py"


def _bybit(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{BYBIT_TESTS}::{test}" for test in tests)
    return Guard(promise=f"bybit: {promise}", file=f"venues/bybit/{file}", old=old, new=new, tests=named)


def _okx(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{OKX_TESTS}::{test}" for test in tests)
    return Guard(promise=f"okx: {promise}", file=f"venues/okx/{file}", old=old, new=new, tests=named)


def _sent(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"{REQUEST_TESTS}::{test}" for test in tests)
    return Guard(promise=promise, file=f"venues/{file}", old=old, new=new, tests=named)


def _shared(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    return Guard(promise=promise, file=f"venues/{file}", old=old, new=new, tests=tests)


def _hyperliquid(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_hyperliquid.py::{test}" for test in tests)
    return Guard(promise=f"hyperliquid: {promise}", file=f"venues/hyperliquid/{file}", old=old, new=new, tests=named)


def _bitget(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bitget.py::{test}" for test in tests)
    return Guard(promise=f"bitget: {promise}", file=f"venues/bitget/{file}", old=old, new=new, tests=named)


def _gate(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_gate.py::{test}" for test in tests)
    return Guard(promise=f"gate: {promise}", file=f"venues/gate/{file}", old=old, new=new, tests=named)


def _bybit_orders(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_bybit_orders.py::{test}" for test in tests)
    return Guard(promise=f"bybit: {promise}", file=f"venues/bybit/{file}", old=old, new=new, tests=named)


def _okx_orders(promise: str, file: str, old: str, new: str, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_okx_orders.py::{test}" for test in tests)
    return Guard(promise=f"okx: {promise}", file=f"venues/okx/{file}", old=old, new=new, tests=named)


VENUE_FOLDERS = (
    _bybit(
        "an answer of another category proves nothing",
        "envelope.py",
        "    if category != CATEGORY and not (category is None and not is_about_account):\n",
        "    if False:\n",
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "pages are read to the last one",
        "envelope.py",
        '        if found is None or found == "" or result.get("list") == []:\n',
        "        if True:\n",
        "test_a_cursor_on_the_last_page_ends_at_the_empty_page_behind_it",
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "a cursor that comes again isn't followed",
        "envelope.py",
        "        if not isinstance(found, str) or found in seen:\n",
        "        if not isinstance(found, str):\n",
        "test_an_answer_without_its_last_page_proves_nothing",
    ),
    _bybit(
        "what takes several pages is read twice",
        "reader.py",
        "        if sum(bool(rows_of(page, POSITIONS.shown)) for page in first) <= 1:\n",
        "        if True:\n",
        "test_a_row_that_moved_between_pages_is_unknown_and_not_flat",
    ),
    _bybit(
        "a row of another settle coin leaves absent symbols unknown",
        "position_rows.py",
        "        if not is_settled_here(symbol):\n            return",
        "        if False:\n            return",
        "test_a_row_that_belongs_elsewhere_leaves_absent_symbols_unknown",
    ),
    _bybit(
        "a symbol of another settle coin is never flat",
        "position_rows.py",
        "    if not is_settled_here(symbol):\n        raise",
        "    if False:\n        raise",
        "test_a_symbol_of_another_settle_coin_is_unknown_and_never_flat",
    ),
    _bybit(
        "a sell is a short",
        "position_rows.py",
        "        return q.negated(size)\n",
        "        return size\n",
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bybit(
        "a symbol without a row has no known mode",
        "position_rows.py",
        "Position(symbol=symbol, position_amt=q.ZERO, hedge_mode=None)",
        "Position(symbol=symbol, position_amt=q.ZERO)",
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bybit(
        "leg and side agree",
        "position_rows.py",
        "    if not leg.admits(amount):\n",
        "    if False:\n",
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a size without a side is invalid",
        "position_rows.py",
        "    if side in _NO_SIDE and size == 0:\n",
        "    if side in _NO_SIDE:\n",
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a position that the venue closes is unknown",
        "position_rows.py",
        '    if status != "Normal":\n',
        "    if False:\n",
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bybit(
        "a symbol that isn't trading has no rules",
        "market_rows.py",
        '    if row.get("status") != "Trading":\n',
        "    if False:\n",
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _okx(
        "contracts are multiplied by both factors",
        "instrument_rows.py",
        "    return in_base(value, multiplier)\n",
        "    return value\n",
        "test_a_multiplier_counts_too",
    ),
    _okx(
        "an inverse contract has no base quantity",
        "instrument_rows.py",
        '    if row.get("ctType") != "linear" or row.get("ctValCcy") != base:\n',
        "    if False:\n",
        "test_an_open_symbol_without_a_contract_size_is_unknown",
        "test_a_symbol_that_is_not_live_or_not_readable_has_no_rules",
    ),
    _okx(
        "a symbol that isn't live has no rules",
        "instrument_rows.py",
        '    if row.get("state") != "live":\n',
        "    if False:\n",
        "test_a_symbol_that_is_not_live_or_not_readable_has_no_rules",
    ),
    _okx(
        "two open positions of one side are not one",
        "position_rows.py",
        "        elif _contracts(row) != 0:\n",
        "        elif False:\n",
        "test_two_open_positions_of_one_symbol_are_not_one",
    ),
    _okx(
        "a row of another instrument type leaves absent symbols unknown",
        "position_rows.py",
        "            if doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1):\n",
        "            if False:\n",
        "test_a_row_of_another_instrument_type_leaves_absent_symbols_unknown",
    ),
    _okx(
        "rows are of the account's position mode",
        "position_rows.py",
        "    if (leg is Leg.BOTH) is hedge_mode:\n",
        "    if False:\n",
        "test_a_net_row_in_long_short_mode_is_invalid",
        "test_a_row_that_cannot_be_trusted_is_invalid_and_never_flat",
    ),
    _okx(
        "a short leg is short",
        "position_rows.py",
        "        amount = q.negated(q.magnitude(amount))\n",
        "        amount = q.magnitude(amount)\n",
        "test_a_short_leg_is_short_whatever_its_sign",
    ),
    _shared(
        "contract sizes are no older than the market rules",
        "contracts.py",
        "        if self._kept is not None and (time.monotonic() - self._kept[0]) * 1000 < self._period_ms:\n",
        "        if self._kept is not None:\n",
        f"{OKX_TESTS}::test_contract_sizes_are_kept_for_one_period_and_the_mode_is_asked_each_time",
    ),
    _sent(
        "an endpoint's own parameters are sent",
        "session.py",
        "            recorder.call(endpoint.call, {**params, **dict(endpoint.params)}, stamp)\n",
        "            recorder.call(endpoint.call, params, stamp)\n",
        "test_bybit_is_asked_for_its_scope_and_signed",
    ),
    _sent(
        "demo trading is marked on every request",
        "session.py",
        "(*self._spec.headers, *(self._spec.test_headers if self._testnet else ()))",
        "self._spec.headers",
        "test_okx_is_asked_for_swaps_signed_and_marked_as_demo",
    ),
    _sent(
        "demo trading is part of the source",
        "build.py",
        '    demo = "demo" if testnet and spec.test_headers else ""',
        '    demo = ""',
        "test_okx_is_asked_for_swaps_signed_and_marked_as_demo",
    ),
    _sent(
        "an address that was shut out waits",
        "http_errors.py",
        "        if answer.status == ban.status and ban.text.search(answer.text[:_MAX_TEXT_CHARS]):\n",
        "        if False:\n",
        "test_an_address_that_bybit_shut_out_asks_nothing_more",
    ),
    _okx(
        "a row's code counts before the answer's",
        "spec.py",
        '        rows=RowCodes(rows_field="data", code_field="sCode", text_field="sMsg"),\n',
        "",
        "test_every_recorded_error_is_an_error_and_a_rows_code_counts_before_the_answers",
    ),
    # --- orders
    _shared(
        "a refusal is a rejection only where the code says so for certain",
        "orders.py",
        "        if failure is not None and refused is not None and self.is_certain_rejection(refused.code):\n",
        "        if failure is not None and refused is not None:\n",
        "unit/venues/test_bybit_orders.py::test_whatever_leaves_doubt_is_unknown_and_never_rejected",
        "unit/venues/test_okx_orders.py::test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _shared(
        "more executed than ordered is no order",
        "order_rows.py",
        "        if not 0 <= self.executed_qty <= self.quantity:\n",
        "        if False:\n",
        "unit/venues/test_okx_orders.py::test_an_order_that_cannot_be_read_is_an_error_and_never_not_found",
    ),
    _bybit_orders(
        "an order only reduces",
        "orders.py",
        '            "reduceOnly": True,\n',
        "",
        "test_an_order_reduces_only_and_is_signed_with_its_own_time_and_window",
    ),
    _bybit_orders(
        "a duplicate id says nothing about the first order",
        "orders.py",
        "(code not in _NOT_CERTAIN and int(code) in _REJECTIONS)",
        "int(code) in _REJECTIONS",
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _bybit_orders(
        "an order that isn't recent is looked for in the history",
        "orders.py",
        "        for endpoint in (ORDERS, ORDER_HISTORY):\n",
        "        for endpoint in (ORDERS,):\n",
        "test_an_order_is_looked_for_among_the_recent_and_then_in_the_history",
    ),
    _bybit_orders(
        "an undocumented status ends nothing",
        "order_rows.py",
        "        is_final=status in _FINAL,\n",
        "        is_final=status not in _OPEN,\n",
        "test_an_order_is_over_only_by_a_documented_word",
    ),
    _shared(
        "an order's trades close with what it executed",
        "history.py",
        "    if order is None or order.executed_qty != total(found):\n",
        "    if False:\n",
        "unit/venues/test_bybit_orders.py::test_an_orders_trades_close_with_what_the_order_says",
    ),
    _bybit_orders(
        "a trade in hedge mode opens or closes, never both",
        "trade_rows.py",
        "    if closed not in {q.ZERO, quantity}:\n",
        "    if False:\n",
        "test_a_list_with_a_trade_that_cannot_be_read_is_an_error",
    ),
    _okx_orders(
        "an order has the margin mode of its position",
        "orders.py",
        '            "tdMode": row["mgnMode"],\n',
        '            "tdMode": "cross",\n',
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "an order in net mode only reduces",
        "orders.py",
        '            **({"reduceOnly": True} if in_net_mode else {"posSide": _POS_SIDE[closed]}),\n',
        '            **({} if in_net_mode else {"posSide": _POS_SIDE[closed]}),\n',
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "the other leg is never closed",
        "orders.py",
        "        if order.leg is not closed:\n",
        "        if order.leg not in {Leg.BOTH, closed}:\n",
        "test_an_order_for_another_leg_than_the_open_one_is_not_sent",
    ),
    _okx_orders(
        "a time-out and a duplicate id are not rejections",
        "orders.py",
        "        return code not in _NOT_CERTAIN and int(code) in _REJECTIONS\n",
        "        return int(code) in _REJECTIONS\n",
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _okx_orders(
        "an order expires at the venue",
        "orders.py",
        'headers={"expTime": str(end_ms)}',
        "headers={}",
        "test_an_order_is_in_contracts_of_the_positions_own_margin_mode",
    ),
    _okx_orders(
        "fills are read to the last page",
        "history.py",
        "            if len(rows) < PAGE:\n",
        "            if True:\n",
        "test_fills_of_every_page_oldest_first",
    ),
    _okx_orders(
        "an unknown trade of the venue's own is an error",
        "trade_rows.py",
        '    if trade_id.startswith("-") and forced is None:\n',
        "    if False:\n",
        "test_a_list_with_a_fill_that_cannot_be_read_is_an_error",
    ),
    _sent(
        "an order is signed with the time that was taken for it",
        "transport.py",
        "        client.nonce = lambda: stamp.time_ms  # taken before the permit was consumed\n",
        "        client.nonce = lambda: int(__import__('time').time() * 1000)\n",
        "test_a_bybit_order_is_signed_with_its_own_time_and_window_over_the_bytes_sent",
    ),
    # --- bitget
    _bitget(
        "a short is a short",
        "position_rows.py",
        "    return q.negated(total) if",
        "    return total if",
        "test_the_side_has_the_sign_and_an_omitted_symbol_is_flat",
    ),
    _bitget(
        "two open positions of one side are not one",
        "position_rows.py",
        "        elif amount_of(row) != 0:\n",
        "        elif False:\n",
        "test_two_open_positions_are_not_one",
    ),
    _bitget(
        "a long and a short in one-way mode are not one position",
        "position_rows.py",
        "        if len(held) > 1:\n",
        "        if False:\n",
        "test_two_open_positions_are_not_one",
    ),
    _bitget(
        "a row of another margin coin leaves absent symbols unknown",
        "position_rows.py",
        "            if doubt is not None and len(open_rows) < (len(HEDGE) if hedge_mode else 1):\n",
        "            if False:\n",
        "test_a_row_of_another_margin_coin_leaves_absent_symbols_unknown",
    ),
    _bitget(
        "rows are of the account's position mode",
        "position_rows.py",
        "    if not isinstance(mode, str) or MODES.get(mode) is not hedge_mode:\n",
        "    if False:\n",
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _bitget(
        "an answer that doesn't say it succeeded proves nothing",
        "envelope.py",
        '    if not isinstance(answer, dict) or answer.get("code") != SUCCESS:\n',
        "    if not isinstance(answer, dict):\n",
        "test_an_answer_that_does_not_say_it_succeeded_proves_nothing",
    ),
    _bitget(
        "fills are read to the last page",
        "envelope.py",
        "        if len(rows) < PAGE:\n",
        "        if True:\n",
        "test_fills_of_every_page_oldest_first",
    ),
    _bitget(
        "a symbol that isn't trading has no rules",
        "account_rows.py",
        '    if row.get("symbolStatus") != "normal":\n',
        "    if False:\n",
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _bitget(
        "a close in hedge mode has the position's side",
        "orders.py",
        '_POSITIONS_SIDE: Final = {Leg.LONG: "buy", Leg.SHORT: "sell"}\n',
        '_POSITIONS_SIDE: Final = {Leg.LONG: "sell", Leg.SHORT: "buy"}\n',
        "test_a_hedge_close_has_the_positions_side",
    ),
    _bitget(
        "an order in one-way mode only reduces",
        "orders.py",
        ', "reduceOnly": "YES"}',
        "}",
        "test_an_order_reduces_only_in_the_positions_own_margin_mode",
    ),
    _bitget(
        "the other leg is never closed",
        "orders.py",
        "        if order.leg is not (closed if in_hedge_mode else Leg.BOTH):\n",
        "        if False:\n",
        "test_without_one_position_to_reduce_nothing_is_sent",
    ),
    _bitget(
        "a duplicate id and a time-out are not rejections",
        "orders.py",
        "        return code in _REJECTIONS\n",
        "        return True\n",
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _bitget(
        "an order that closes a long is a sell, whatever the venue calls it",
        "order_rows.py",
        '        return position_leg, (_OPENING if trade_side == "open" else _CLOSING)[position_leg], None\n',
        "        return position_leg, SIDES[side], None\n",
        "test_the_recorded_close_of_a_long_says_buy_and_is_a_sell",
    ),
    _bitget(
        "an undocumented state ends nothing",
        "order_rows.py",
        "        is_final=status in _FINAL,\n",
        "        is_final=status not in _OPEN,\n",
        "test_an_order_is_over_only_by_a_documented_word",
    ),
    Guard(
        promise="bitget: a unified account is refused and never flat",
        file="venues/bitget/spec.py",
        old='            | {"40037", "40085", "40099"}\n',
        new='            | {"40037", "40099"}\n',
        tests=("unit/venues/test_bitget.py::test_a_unified_account_is_refused_and_never_flat",),
    ),
    # --- gate
    Guard(
        promise="gate: every request asks for decimal sizes",
        file="venues/gate/spec.py",
        old='    headers=(("X-Gate-Size-Decimal", "1"),),\n',
        new="",
        tests=(f"{REQUEST_TESTS}::test_the_size_header_is_sent_whatever_ccxt_does",),
    ),
    _gate(
        "pages are read to one that isn't full",
        "pages.py",
        "        if len(rows) < PAGE:\n",
        "        if True:\n",
        "test_pages_are_read_to_one_that_is_not_full_and_twice",
    ),
    _gate(
        "an answer that is no list proves nothing",
        "pages.py",
        "    if not isinstance(answer, list):\n        raise",
        "    if not isinstance(answer, list):\n        return []\n        raise",
        "test_an_answer_that_is_no_list_proves_nothing",
    ),
    _gate(
        "what takes several pages is read twice",
        "reader.py",
        "            if len(found) == 1 and len(reports) == 1:\n",
        "            if True:\n",
        "test_a_row_that_moved_between_pages_is_unknown_and_not_flat",
    ),
    _gate(
        "a row of something else leaves absent symbols unknown",
        "position_rows.py",
        "            if doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1):\n",
        "            if False:\n",
        "test_a_row_of_something_else_leaves_absent_symbols_unknown",
    ),
    _gate(
        "rows are of the account's position mode",
        "position_rows.py",
        "        if leg is None or (leg is Leg.BOTH) is hedge_mode:\n",
        "        if leg is None:\n",
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _gate(
        "a symbol twice is invalid",
        "position_rows.py",
        "        if leg in found:\n",
        "        if False:\n",
        "test_rows_that_contradict_are_no_position",
    ),
    _gate(
        "a short leg is short",
        "position_rows.py",
        "        amount = q.negated(q.magnitude(amount))\n",
        "        amount = q.magnitude(amount)\n",
        "test_a_short_leg_is_short_whatever_its_sign",
    ),
    _gate(
        "a contract that isn't linear has no base quantity",
        "account_rows.py",
        '        if row.get("type") != "direct" or not symbol.endswith("_USDT") or multiplier <= 0:\n',
        "        if False:\n",
        "test_an_open_symbol_without_a_contract_size_is_unknown",
    ),
    _gate(
        "a symbol that isn't trading has no rules",
        "account_rows.py",
        '        if row.get("status") != "trading" or row.get("in_delisting") is not False:\n',
        "        if False:\n",
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _gate(
        "an order only reduces",
        "orders.py",
        '            "reduce_only": True,\n',
        "",
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "an order expires at the venue",
        "orders.py",
        'headers={"X-Gate-Exptime": str(end_ms)}',
        "headers={}",
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "a sell is below zero",
        "orders.py",
        "        signed = contracts if order.side is OrderSide.BUY else q.negated(contracts)\n",
        "        signed = contracts\n",
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _gate(
        "the other leg is never closed",
        "orders.py",
        "        if order.leg is not (_CLOSED_BY[order.side] if in_hedge_mode else Leg.BOTH):\n",
        "        if False:\n",
        "test_the_other_leg_is_never_closed",
    ),
    _gate(
        "a label that isn't certain is no rejection",
        "orders.py",
        "        return code in _REJECTIONS\n",
        "        return True\n",
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _gate(
        "an order that its text no longer finds is looked for among the finished",
        "orders.py",
        "            return self._read(own[0], symbol).report(symbol) if own else None\n",
        "            return None\n",
        "test_an_order_is_looked_for_by_its_text_and_then_among_the_finished",
    ),
    _gate(
        "a trade in dual mode opens or closes, never both",
        "order_rows.py",
        "    if closed not in {q.ZERO, q.magnitude(signed)}:\n",
        "    if False:\n",
        "test_a_trade_in_dual_mode_opens_or_closes_and_never_both",
    ),
    # --- hyperliquid
    _hyperliquid(
        "the empty state of an API wallet's address is never flat",
        "reader.py",
        "        self._role.get().check_is_account()\n",
        "",
        "test_the_empty_state_of_an_address_that_is_no_account_is_never_flat",
    ),
    _hyperliquid(
        "an answer about another dex proves nothing",
        "position_rows.py",
        '        if dex_of(row["symbol"]) != dex:\n',
        "        if False:\n",
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
        "test_the_own_dexs_answer_proves_nothing_about_another_dex",
    ),
    _hyperliquid(
        "a row that names no coin leaves absent coins unknown",
        "position_rows.py",
        '            return "a row of the answer names no coin, and could be its own"\n',
        "            continue\n",
        "test_a_row_of_another_dex_or_of_no_coin_leaves_absent_coins_unknown",
    ),
    _hyperliquid(
        "two rows of one coin are not one position",
        "position_rows.py",
        "    if len(rows) > 1:\n",
        "    if False:\n",
        "test_what_is_not_one_position_is_invalid",
    ),
    _hyperliquid(
        "a dex that can't be read affects its coins only, and an outage all",
        "reader.py",
        "            if not dex or type(error) not in {ExchangeError, MalformedResponseError}:\n",
        "            if False:\n",
        "test_a_dex_that_cant_be_read_affects_its_coins_only",
    ),
    _hyperliquid(
        "a liquidation of the other side isn't the account's",
        "order_rows.py",
        "    return ForcedKind.LIQUIDATION if whose.lower() == account else None\n",
        "    return ForcedKind.LIQUIDATION\n",
        "test_a_liquidation_is_the_accounts_own_only_where_it_names_it",
    ),
    _hyperliquid(
        "a full answer is cut",
        "reader.py",
        "            if len(page) < _PAGE:\n",
        "            if True:\n",
        "test_a_full_answer_is_cut_and_read_to_both_ends",
    ),
    _hyperliquid(
        "fills that may be gone are missed with an error",
        "reader.py",
        "                if len(rows) >= _KEPT_FILLS:\n",
        "                if False:\n",
        "test_so_many_fills_that_the_oldest_may_be_gone_are_an_error",
    ),
    _hyperliquid(
        "an order only reduces",
        "orders.py",
        '            "r": True,\n',
        '            "r": False,\n',
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _hyperliquid(
        "an order never rests",
        "orders.py",
        '{"tif": "Ioc"}',
        '{"tif": "Gtc"}',
        "test_an_order_is_immediate_only_reduces_and_expires",
    ),
    _hyperliquid(
        "an error that isn't certain is no rejection",
        "orders.py",
        "            if code is not None and self.is_certain_rejection(code):\n",
        "            if True:\n",
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _hyperliquid(
        "more than was ordered is no fill",
        "orders.py",
        "        if not 0 < executed <= order.quantity:\n",
        "        if False:\n",
        "test_whatever_leaves_doubt_is_unknown_and_sent_once",
    ),
    _hyperliquid(
        "another order isn't taken for ours",
        "orders.py",
        "        if found is not None and found.client_order_id != client_order_id:\n",
        "        if False:\n",
        "test_an_order_is_found_by_its_own_id_only",
    ),
    _hyperliquid(
        "an unknown status ends nothing",
        "order_rows.py",
        "        is_final=status in _FINAL,\n",
        "        is_final=True,\n",
        "test_an_unknown_status_ends_nothing",
    ),
    Guard(
        promise="hyperliquid: what is no address is not asked about",
        file="venues/session.py",
        old="        if form is None or not form.fullmatch(key):\n",
        new="        if False:\n",
        tests=("integration/venues/test_hyperliquid_requests.py::test_what_is_no_address_is_not_asked_about",),
    ),
)
