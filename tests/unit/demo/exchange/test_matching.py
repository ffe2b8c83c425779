"""The venue's rules for an order's values."""

from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.core import matching
from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.symbols import Listing, catalogue

LISTINGS: dict[str, Listing] = {listing.symbol: listing for listing in catalogue()}
BTC = LISTINGS["BTCUSDT"]


@pytest.mark.parametrize(
    ("symbol", "qty", "market", "code"),
    [
        ("BTCUSDT", "0", True, -4003),
        ("BTCUSDT", "0.0001", True, -1111),
        ("BTCUSDT", "120.001", True, -4005),
        ("BTCUSDT", "1000.001", False, -4005),
        ("DOGEUSDT", "1.5", True, -1111),
        ("SOLUSDT", "0.1", True, -1111),
    ],
)
def test_a_quantity_outside_its_filter_is_refused_with_the_venues_code(symbol, qty, market, code):
    with pytest.raises(VenueError) as refused:
        matching.check_quantity(LISTINGS[symbol], Decimal(qty), market=market)
    assert refused.value.code == code


def test_a_market_order_has_a_smaller_maximum_than_a_limit_order():
    matching.check_quantity(BTC, Decimal(120), market=True)
    matching.check_quantity(BTC, Decimal("120.001"), market=False)


@pytest.mark.parametrize(
    ("price", "code"),
    [("0", -4001), ("67500.01", -1111), ("75000", -4016), ("60000", -4024)],
)
def test_a_limit_price_outside_its_filter_is_refused_with_the_venues_code(price, code):
    with pytest.raises(VenueError) as refused:
        matching.check_price(BTC, Decimal(price), Decimal(67500))
    assert refused.value.code == code


def test_a_price_off_a_tick_that_is_no_power_of_ten_is_refused():
    tick_of_five = Listing(
        symbol="X",
        base="X",
        start_price=Decimal(10),
        tick_size=Decimal("0.05"),
        step_size=Decimal("0.5"),
        max_qty=Decimal(10),
        max_market_qty=Decimal(10),
        min_notional=Decimal(1),
    )
    with pytest.raises(VenueError) as refused:
        matching.check_price(tick_of_five, Decimal("10.02"), Decimal(10))
    assert refused.value.code == -4014
    with pytest.raises(VenueError) as refused:
        matching.check_quantity(tick_of_five, Decimal("1.2"), market=True)
    assert refused.value.code == -4023


@pytest.mark.parametrize(
    ("held", "side", "qty", "left"),
    [
        ("0.038", "SELL", "0.028", "0.028"),
        ("0.038", "SELL", "0.050", "0.038"),
        ("0.038", "BUY", "0.028", "0"),
        ("-1.2", "BUY", "1", "1"),
        ("-1.2", "BUY", "5", "1.2"),
        ("-1.2", "SELL", "1", "0"),
        ("0", "SELL", "1", "0"),
    ],
)
def test_a_reduce_only_order_is_cut_to_the_position_and_never_adds(held, side, qty, left):
    assert matching.reducible(Decimal(held), side, Decimal(qty)) == Decimal(left)


def test_a_share_of_a_quantity_is_floored_to_the_step():
    assert matching.share_of(BTC, Decimal("0.005"), Decimal("0.5")) == Decimal("0.002")
