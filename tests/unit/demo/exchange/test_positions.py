"""Positions: what a fill does to them, and when it becomes visible."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.demo.exchange.core.positions import FLAT, Position, PositionBook, after_fill

AMOUNTS = st.decimals(min_value=-100, max_value=100, places=3)
NON_ZERO = AMOUNTS.filter(bool)


def held(amt: str, entry: str) -> Position:
    return Position(amt=Decimal(amt), entry_price=Decimal(entry), update_ms=1)


def test_adding_averages_the_entry_price():
    position, realized = after_fill(held("1", "100"), Decimal(1), Decimal(200), 5)
    assert (position.amt, position.entry_price, position.update_ms, realized) == (2, 150, 5, 0)


def test_reducing_a_short_keeps_the_entry_price_and_realizes_its_profit():
    position, realized = after_fill(held("-2", "100"), Decimal(1), Decimal(90), 5)
    assert (position.amt, position.entry_price, realized) == (-1, 100, 10)


def test_crossing_zero_starts_again_at_the_price_of_the_fill():
    position, realized = after_fill(held("1", "100"), Decimal(-3), Decimal(90), 5)
    assert (position.amt, position.entry_price, realized) == (-2, 90, -10)


@given(before=AMOUNTS, fill=NON_ZERO)
def test_amounts_add_up_exactly(before, fill):
    start = Position(amt=before, entry_price=Decimal(100))
    assert after_fill(start, fill, Decimal(101), 1)[0].amt == before + fill


def test_a_delayed_fill_is_true_at_once_and_shown_later():
    book = PositionBook()
    book.put("BTCUSDT", "BOTH", held("1", "100"))
    book.move("BTCUSDT", "BOTH", FLAT, visible_ms=2000)
    assert book.true("BTCUSDT", "BOTH") == FLAT
    assert book.shown("BTCUSDT", "BOTH", 1999).amt == 1
    assert book.shown("BTCUSDT", "BOTH", 2000) == FLAT


def test_a_later_fill_is_never_shown_before_an_earlier_one():
    book = PositionBook()
    book.move("BTCUSDT", "BOTH", held("1", "100"), visible_ms=2000)
    book.move("BTCUSDT", "BOTH", held("3", "100"), visible_ms=1000)
    assert book.shown("BTCUSDT", "BOTH", 1500) == FLAT
    assert book.shown("BTCUSDT", "BOTH", 2000).amt == 3


def test_a_position_put_there_from_outside_is_shown_at_once_and_forgets_pending_fills():
    book = PositionBook()
    book.move("BTCUSDT", "BOTH", held("1", "100"), visible_ms=2000)
    book.put("BTCUSDT", "BOTH", held("7", "100"))
    assert book.shown("BTCUSDT", "BOTH", 0).amt == 7


def test_changing_the_mode_carries_positions_over_by_their_sign_and_back():
    book = PositionBook()
    book.put("BTCUSDT", "BOTH", held("1", "100"))
    book.put("ETHUSDT", "BOTH", held("-2", "100"))
    book.change_mode(hedged=True)
    assert book.true("BTCUSDT", "LONG").amt == 1
    assert book.true("ETHUSDT", "SHORT").amt == -2
    book.put("BTCUSDT", "SHORT", held("-3", "100"))
    book.change_mode(hedged=False)
    assert book.true("BTCUSDT", "BOTH").amt == -2
