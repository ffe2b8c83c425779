"""The exchange's state and what orders do to it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.order_book import FIRST_ORDER_ID
from p33_tasks.demo.exchange.core.orders import OrderRequest
from p33_tasks.demo.exchange.core.symbols import catalogue
from p33_tasks.demo.exchange.core.venue import Conditions, Venue
from p33_tasks.demo.exchange.fronts.binance.position_rows import v2_rows, v3_rows

NOW_MS = 1_700_000_000_000
CLOSE = OrderRequest(
    symbol="BTCUSDT",
    side="SELL",
    type="MARKET",
    quantity=Decimal("0.028"),
    price=None,
    time_in_force="GTC",
    reduce_only=True,
    position_side="BOTH",
    client_order_id=None,
)
LIMIT = replace(CLOSE, type="LIMIT", price=Decimal(69_000))


@pytest.fixture
def venue() -> Venue:
    venue = Venue(catalogue(), seed=1)
    venue.prices.set_price("BTCUSDT", Decimal(67_500), moving=False)
    venue.set_position("BTCUSDT", Decimal("0.038"), now_ms=NOW_MS, entry_price=Decimal(67_000))
    return venue


def held(venue: Venue, side: str = "BOTH") -> Decimal:
    return venue.positions.true("BTCUSDT", side).amt


def refused(venue: Venue, request: OrderRequest, conditions: Conditions | None = None) -> int:
    with pytest.raises(VenueError) as error:
        venue.place(request, now_ms=NOW_MS, conditions=conditions or Conditions())
    return error.value.code


def test_a_reduce_only_close_executes_and_realizes_the_profit(venue):
    order = venue.place(CLOSE, now_ms=NOW_MS)
    assert (order.status, order.executed_qty, held(venue)) == ("FILLED", Decimal("0.028"), Decimal("0.010"))
    assert venue.balance_usdt == Decimal(100_000) + Decimal("0.028") * 500
    assert [trade.qty for trade in venue.trades] == [Decimal("0.028")]


def test_an_oversized_reduce_only_order_is_cut_to_the_position(venue):
    order = venue.place(replace(CLOSE, quantity=Decimal("0.5")), now_ms=NOW_MS)
    assert (order.orig_qty, order.status, held(venue)) == (Decimal("0.038"), "FILLED", 0)


def test_a_reduce_only_order_in_the_wrong_direction_or_without_a_position_is_refused(venue):
    assert refused(venue, replace(CLOSE, side="BUY")) == -2022
    assert refused(venue, replace(CLOSE, symbol="ETHUSDT", quantity=Decimal(1))) == -2022
    assert held(venue) == Decimal("0.038")


def test_an_order_that_is_not_reduce_only_may_flip_the_position(venue):
    venue.place(replace(CLOSE, quantity=Decimal("0.05"), reduce_only=False), now_ms=NOW_MS)
    assert held(venue) == Decimal("-0.012")


def test_the_minimum_notional_binds_only_orders_that_may_open(venue):
    small = replace(CLOSE, quantity=Decimal("0.001"))
    assert refused(venue, replace(small, reduce_only=False)) == -4164
    assert venue.place(small, now_ms=NOW_MS).status == "FILLED"


def test_a_client_order_id_is_accepted_once(venue):
    named = replace(CLOSE, quantity=Decimal("0.010"), client_order_id="plan-1")
    venue.place(named, now_ms=NOW_MS)
    assert refused(venue, named) == -4116
    assert held(venue) == Decimal("0.028")


def test_under_the_looser_reading_an_id_is_free_again_once_its_order_is_closed(venue):
    loose = Conditions(client_ids_unique_among="open")
    named = replace(LIMIT, quantity=Decimal("0.010"), client_order_id="plan-1")
    order = venue.place(named, now_ms=NOW_MS, conditions=loose)
    assert refused(venue, named, loose) == -4116
    venue.cancel(order, now_ms=NOW_MS)
    assert venue.place(named, now_ms=NOW_MS, conditions=loose).status == "NEW"


def test_a_refused_order_leaves_its_client_id_free(venue):
    named = replace(CLOSE, client_order_id="plan-1")
    assert refused(venue, replace(named, side="BUY")) == -2022
    assert venue.place(named, now_ms=NOW_MS).client_order_id == "plan-1"


def test_an_unfilled_market_order_stays_new_and_completes_when_it_is_due(venue):
    order = venue.place(CLOSE, now_ms=NOW_MS, conditions=Conditions(fill_share=Decimal(0), completion_delay_ms=500))
    assert (order.status, order.executed_qty, held(venue)) == ("NEW", 0, Decimal("0.038"))
    venue.settle(now_ms=NOW_MS + 499)
    assert held(venue) == Decimal("0.038")
    venue.settle(now_ms=NOW_MS + 500)
    assert venue.orders.by_id(order.order_id).status == "FILLED"
    assert held(venue) == Decimal("0.010")


def test_a_partial_fill_is_cumulative_under_one_order_id(venue):
    order = venue.place(CLOSE, now_ms=NOW_MS, conditions=Conditions(fill_share=Decimal("0.4")))
    assert (order.status, order.executed_qty) == ("PARTIALLY_FILLED", Decimal("0.011"))
    order = venue.fill(order, order.open_qty, price=Decimal(67_500), now_ms=NOW_MS)
    assert (order.status, order.executed_qty, held(venue)) == ("FILLED", Decimal("0.028"), Decimal("0.010"))


def test_a_partial_fill_whose_rest_expires_is_closed(venue):
    conditions = Conditions(fill_share=Decimal("0.5"), rest="expire")
    order = venue.place(CLOSE, now_ms=NOW_MS, conditions=conditions)
    assert (order.status, order.executed_qty, venue.orders.open()) == ("EXPIRED", Decimal("0.014"), [])


def test_an_open_reduce_only_order_expires_when_the_position_is_gone(venue):
    order = venue.place(CLOSE, now_ms=NOW_MS, conditions=Conditions(fill_share=Decimal(0), completion_delay_ms=1))
    venue.set_position("BTCUSDT", Decimal(0), now_ms=NOW_MS)
    venue.settle(now_ms=NOW_MS + 1)
    assert venue.orders.by_id(order.order_id).status == "EXPIRED"
    assert held(venue) == 0


def test_a_limit_order_rests_until_the_price_comes(venue):
    order = venue.place(LIMIT, now_ms=NOW_MS)
    assert [entry.order_id for entry in venue.orders.open()] == [order.order_id] == [FIRST_ORDER_ID]
    venue.prices.set_price("BTCUSDT", Decimal(69_001), moving=False)
    venue.settle(now_ms=NOW_MS)
    assert venue.orders.by_id(order.order_id).status == "FILLED"
    assert venue.trades[0].price == 69_000


@pytest.mark.parametrize(("time_in_force", "price", "code"), [("GTX", 67_000, -5022), ("FOK", 69_000, -5021)])
def test_post_only_and_fill_or_kill_orders_that_cannot_be_are_refused_without_a_trace(
    venue, time_in_force, price, code
):
    request = replace(LIMIT, time_in_force=time_in_force, price=Decimal(price))
    assert refused(venue, request) == code
    assert venue.orders.all() == []


def test_immediate_or_cancel_expires_when_the_price_is_away(venue):
    assert venue.place(replace(LIMIT, time_in_force="IOC"), now_ms=NOW_MS).status == "EXPIRED"


def test_a_canceled_order_cannot_be_canceled_again(venue):
    order = venue.cancel(venue.place(LIMIT, now_ms=NOW_MS), now_ms=NOW_MS)
    with pytest.raises(VenueError) as error:
        venue.cancel(order, now_ms=NOW_MS)
    assert error.value.code == -2011


def test_in_hedge_mode_a_closing_order_is_cut_to_its_own_side(venue):
    venue.set_mode(hedged=True)
    venue.set_position("BTCUSDT", Decimal("-0.005"), now_ms=NOW_MS, side="SHORT")
    request = replace(CLOSE, reduce_only=False, position_side="LONG", quantity=Decimal(1))
    assert venue.place(request, now_ms=NOW_MS).executed_qty == Decimal("0.038")
    assert (held(venue, "LONG"), held(venue, "SHORT")) == (0, Decimal("-0.005"))
    assert refused(venue, request) == -2022


def test_in_hedge_mode_a_net_position_is_set_on_its_side_and_clears_the_other(venue):
    venue.set_mode(hedged=True)
    venue.set_position("BTCUSDT", Decimal(-2), now_ms=NOW_MS)
    assert (held(venue, "LONG"), held(venue, "SHORT")) == (0, -2)
    with pytest.raises(VenueError):
        venue.set_position("BTCUSDT", Decimal(-1), now_ms=NOW_MS, side="LONG")


def test_v2_has_a_row_per_listed_symbol_with_leverage_and_v3_only_what_is_held(venue):
    symbols = list(venue.listings)
    v2 = v2_rows(venue, symbols, NOW_MS, faults=lambda _symbol: None)
    v3 = v3_rows(venue, symbols, NOW_MS, faults=lambda _symbol: None)
    assert [row["symbol"] for row in v2] == symbols
    assert [row["symbol"] for row in v3] == ["BTCUSDT"]
    assert (v2[0]["positionAmt"], v2[0]["leverage"], v2[0]["entryPrice"]) == ("0.038", "20", "67000")
    assert (v2[1]["positionAmt"], v2[1]["entryPrice"], v2[1]["notional"]) == ("0.000", "0.0", "0")
    assert "leverage" not in v3[0]
    assert v3[0]["unRealizedProfit"] == "19.00000000"


def test_numbers_in_rows_are_plain_decimals_whatever_the_amount(venue):
    venue.set_position("BTCUSDT", Decimal("0.00000001"), now_ms=NOW_MS)
    row = v2_rows(venue, ["BTCUSDT"], NOW_MS, faults=lambda _symbol: None)[0]
    assert row["positionAmt"] == "0.00000001"
    venue.set_position("BTCUSDT", Decimal("1E+3"), now_ms=NOW_MS)
    row = v2_rows(venue, ["BTCUSDT"], NOW_MS, faults=lambda _symbol: None)[0]
    assert row["positionAmt"] == "1000.000"
    assert not any("E" in str(row[name]) for name in ("notional", "entryPrice", "markPrice", "unRealizedProfit"))


def test_a_flat_symbol_that_was_held_keeps_its_update_time(venue):
    venue.place(replace(CLOSE, quantity=Decimal("0.038")), now_ms=NOW_MS + 7)
    row = v2_rows(venue, ["BTCUSDT"], NOW_MS, faults=lambda _symbol: None)[0]
    assert (row["positionAmt"], row["updateTime"]) == ("0.038", NOW_MS)
    row = v2_rows(venue, ["BTCUSDT"], NOW_MS + 7, faults=lambda _symbol: None)[0]
    assert (row["positionAmt"], row["updateTime"]) == ("0.000", NOW_MS + 7)
