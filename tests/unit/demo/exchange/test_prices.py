"""Mark prices: moving, reproducible, near their start, and exact."""

from decimal import Decimal

from p33_tasks.demo.exchange.core.prices import PriceBoard
from p33_tasks.demo.exchange.core.symbols import catalogue, synthetic

BTC = next(catalogue())
TIMES_MS = [1_700_000_000_000 + step * 1_000 for step in range(2_000)]


def test_two_boards_with_one_seed_agree_at_any_time_in_any_order():
    first, second = PriceBoard(seed=3), PriceBoard(seed=3)
    forward = [first.mark(BTC, at_ms) for at_ms in TIMES_MS]
    backward = [second.mark(BTC, at_ms) for at_ms in reversed(TIMES_MS)]
    assert forward == backward[::-1]


def test_prices_move_stay_near_their_start_and_have_eight_decimals():
    board = PriceBoard(seed=1)
    prices = [board.mark(BTC, at_ms) for at_ms in TIMES_MS]
    assert len(set(prices)) > 1_000
    assert all(abs(price - BTC.start_price) < BTC.start_price / 100 for price in prices)
    assert all(price.as_tuple().exponent == -8 for price in prices)


def test_seeds_and_symbols_go_their_own_ways():
    eth = next(listing for listing in catalogue() if listing.symbol == "ETHUSDT")
    board, other = PriceBoard(seed=1), PriceBoard(seed=2)
    at_ms = TIMES_MS[0]
    assert board.mark(BTC, at_ms) != other.mark(BTC, at_ms)
    assert board.mark(BTC, at_ms) / BTC.start_price != board.mark(eth, at_ms) / eth.start_price


def test_a_set_price_stays_and_a_moving_one_goes_on():
    board = PriceBoard(seed=1)
    board.set_price("BTCUSDT", Decimal(50_000), moving=False)
    assert {board.mark(BTC, at_ms) for at_ms in TIMES_MS} == {Decimal(50_000)}
    board.set_price("BTCUSDT", Decimal(50_000), moving=True)
    assert len({board.mark(BTC, at_ms) for at_ms in TIMES_MS}) > 1_000


def test_listings_are_consistent_and_market_orders_have_the_smaller_maximum():
    listings = [*catalogue(), *synthetic(600)]
    assert len({listing.symbol for listing in listings}) == 612
    for listing in listings:
        assert listing.max_market_qty < listing.max_qty
        assert listing.max_market_qty % listing.step_size == 0
