"""Guards: the venue's own and ccxt's orders in an executor's results."""

from __future__ import annotations

from tests.guards.changes import Change, instead, never
from tests.guards.guard import Guard


def _results(promise: str, within: str, change: Change, *tests: str) -> Guard:
    named = tuple(f"unit/venues/test_order_reports.py::{test}" for test in tests)
    return Guard(promise=promise, within=within, change=change, tests=named)


VENUE_RESULTS = (
    _results(
        "an order is the venue's own by the fields that only the venue writes",
        "OrderRows._is_foreign",
        instead("return any(not is_nothing(order.get(name)) for name in self._venue.own_fields)", "return False"),
        "test_an_order_in_other_units_is_refused_with_a_reason_wherever_it_stands",
        "test_of_bitgets_order_the_side_is_the_trades",
    ),
    _results(
        "what an executor says in base units stands beside the venue's own words",
        "OrderRows._is_foreign",
        never('ours and not is_nothing(order.get("order_id"))'),
        "test_what_an_executor_says_in_base_units_stands_beside_the_venues_own_words",
    ),
    _results(
        "an order of another symbol than the result's moves nothing",
        "OrderRows._read_foreign",
        never("named not in {None, self._symbol.upper()}"),
        "test_an_order_of_another_symbol_than_the_result_names_moves_nothing",
    ),
    _results(
        "ccxt's order is of the symbol that the venue's own names",
        "OrderRows._read_foreign",
        instead("info if isinstance(info, Mapping) else {}", "{}"),
        "test_ccxts_order_is_of_the_symbol_that_the_venues_own_names",
    ),
    _results(
        "the trade's side of ccxt's Bitget order is the original's",
        "bitget.order_reports.BitgetResults.read_order",
        instead("info if isinstance(info, Mapping) else order", "order"),
        "test_of_bitgets_order_the_side_is_the_trades",
    ),
    _results(
        "Hyperliquid's own order, which says what is left, is refused",
        "hyperliquid.order_reports.HyperliquidResults.read_order",
        never("any(not is_nothing(order.get(name)) for name in self.own_fields)"),
        "test_an_order_in_other_units_is_refused_with_a_reason_wherever_it_stands",
    ),
)
