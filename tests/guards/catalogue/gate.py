"""Guards of Gate's folder."""

from __future__ import annotations

from tests.guards.changes import Change, always, instead, never, without
from tests.guards.guard import Guard


def _rows(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_gate.py::{test}" for test in tests)
    return Guard(promise=f"gate: {promise}", within=within, change=change, tests=named)


def _orders(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_gate_orders.py::{test}" for test in tests)
    return Guard(promise=f"gate: {promise}", within=within, change=change, tests=named)


GATE = (
    _rows(
        "pages are read to one that isn't full",
        "gate.pages.pages",
        always("len(rows) < PAGE"),
        "test_pages_are_read_to_one_that_is_not_full_and_twice",
    ),
    _rows(
        "an answer that is no list proves nothing",
        "gate.pages.rows_of",
        instead(
            'raise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")',
            ('return []\nraise MalformedResponseError(f"{what}: a list was expected, {shape(answer)} came")'),
        ),
        "test_an_answer_that_is_no_list_proves_nothing",
    ),
    _rows(
        "what takes several pages is read twice",
        "gate.reader.Gate.fetch_positions",
        always("len(found) == 1 and len(reports) == 1"),
        "test_a_row_that_moved_between_pages_is_unknown_and_not_flat",
    ),
    _rows(
        "a row of something else leaves absent symbols unknown",
        "gate.position_rows.read_positions",
        never("doubt is not None and len(found) < (len(HEDGE) if hedge_mode else 1)"),
        "test_a_row_of_something_else_leaves_absent_symbols_unknown",
    ),
    _rows(
        "a row of the other position mode leaves absent symbols unknown",
        "gate.position_rows._doubt",
        never("_leg_in(row, hedge_mode=hedge_mode) is None"),
        "test_a_row_of_the_other_position_mode_leaves_absent_symbols_unknown",
    ),
    _rows(
        "rows are of the account's position mode",
        "gate.position_rows._leg_in",
        without("or (leg is Leg.BOTH) is hedge_mode"),
        "test_a_row_that_cannot_be_trusted_is_invalid_for_its_symbol_only",
    ),
    _rows(
        "a symbol twice is invalid",
        "gate.position_rows._rows_by_leg",
        never("leg in found"),
        "test_rows_that_contradict_are_no_position",
    ),
    _rows(
        "a short leg is short",
        "gate.position_rows._leg",
        instead("q.negated(q.magnitude(amount))", "q.magnitude(amount)"),
        "test_a_short_leg_is_short_whatever_its_sign",
    ),
    _rows(
        "a contract that isn't linear has no base quantity",
        "gate.account_rows.Contracts.size",
        never('row.get("type") != "direct" or not symbol.endswith("_USDT") or multiplier <= 0'),
        "test_an_open_symbol_without_a_contract_size_is_unknown",
    ),
    _rows(
        "a symbol that isn't trading has no rules",
        "gate.account_rows.Contracts._rules",
        never('row.get("status") != "trading" or row.get("in_delisting") is not False'),
        "test_a_symbol_that_is_not_trading_or_not_readable_has_no_rules",
    ),
    _orders(
        "an order only reduces",
        "gate.orders.GateOrders.request",
        without('"reduce_only": True,'),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _orders(
        "an order expires at the venue",
        "gate.orders.GateOrders.request",
        instead('{"X-Gate-Exptime": str(end_ms)}', "{}"),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _orders(
        "a sell is below zero",
        "gate.orders.GateOrders.request",
        without("if order.side is OrderSide.BUY else q.negated(contracts)"),
        "test_an_order_is_signed_contracts_that_only_reduce_and_expires",
    ),
    _orders(
        "the other leg is never closed",
        "gate.orders.GateOrders.request",
        never("order.leg is not (_CLOSED_BY[order.side] if in_hedge_mode else Leg.BOTH)"),
        "test_the_other_leg_is_never_closed",
    ),
    _orders(
        "a label that isn't certain is no rejection",
        "gate.orders.GateOrders.is_certain_rejection",
        instead("return code in _REJECTIONS", "return True"),
        "test_whatever_leaves_doubt_is_unknown_and_never_rejected",
    ),
    _orders(
        "an order that its text no longer finds is looked for among the finished",
        "gate.orders.GateOrders.fetch_order",
        instead("return self._read(own[0], symbol).report(symbol) if own else None", "return None"),
        "test_an_order_is_looked_for_by_its_text_and_then_among_the_finished",
    ),
    _orders(
        "a trade in dual mode opens or closes, never both",
        "gate.order_rows._traded_leg",
        never("closed not in {q.ZERO, q.magnitude(signed)}"),
        "test_a_trade_in_dual_mode_opens_or_closes_and_never_both",
    ),
)
