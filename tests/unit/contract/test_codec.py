"""What lies under our keys: read strictly, or said to be corrupt. Nothing is guessed, 0 least of all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from p33_tasks.contract.hash_values import MAX_NAME_CHARS
from p33_tasks.contract.ledgers import decode_ledger
from p33_tasks.contract.markets import MARKET_FIELDS, decode_market, encode_market_problem
from p33_tasks.contract.snapshots import decode_snapshot
from p33_tasks.errors import CorruptStateError, MarketUnknownError

SOURCE = "binanceusdm test.example"
JUNK = ["", "NaN", "Infinity", "1e400", "0x1", "0.04.0", "flat", "None", "1,5", "9" * 65]


@pytest.mark.parametrize("amount", JUNK)
def test_an_amount_that_is_no_number_is_corrupt_and_not_flat(amount: str):
    with pytest.raises(CorruptStateError):
        decode_snapshot("BTCUSDT", [amount, "1771305126000", None, SOURCE, "a" * 40, "one_way", "1" * 40, *[None] * 3])
    with pytest.raises(CorruptStateError):
        decode_ledger("BTCUSDT", [amount, None, None, None, None, None])


@pytest.mark.parametrize("without", [0, 1], ids=["amount", "time"])
def test_a_snapshot_without_amount_or_time_is_corrupt(without: int):
    raw: list[str | None] = ["0.04", "1771305126000", None, SOURCE, "a" * 40, "one_way", "1" * 40, *[None] * 3]
    raw[without] = None
    with pytest.raises(CorruptStateError):
        decode_snapshot("BTCUSDT", raw)


def test_what_is_not_there_is_none():
    assert decode_snapshot("BTCUSDT", [None] * 10) is None
    assert decode_ledger("BTCUSDT", [None] * 6) is None
    assert decode_market("BTCUSDT", [None] * 6, SOURCE) is None


def test_a_ledger_of_fills_alone_has_no_amount():
    ledger = decode_ledger("BTCUSDT", [None, "1771305126000", None, "7", "1771305131000", ""])
    assert ledger is not None
    assert ledger.last_known_amt is None
    assert ledger.last_order_time_ms == 1_771_305_126_000


@pytest.mark.parametrize(
    ("step", "minimum", "maximum"),
    [
        ("0", "0", ""),
        ("-0.001", "0", ""),
        ("0.001", "-1", ""),
        ("0.001", "0", "0"),
        ("0.001", "0", "-5"),
        ("x", "0", ""),
    ],
)
def test_market_rules_that_no_order_can_fit_are_corrupt(step: str, minimum: str, maximum: str):
    with pytest.raises(CorruptStateError):
        decode_market("BTCUSDT", [step, minimum, maximum, SOURCE, "1771305126000", None], SOURCE)


def test_market_rules_of_another_venue_are_none_and_an_empty_maximum_is_no_maximum():
    raw = ["0.001", "0.001", "", SOURCE, "1771305126000", None]
    assert decode_market("BTCUSDT", raw, "binanceusdm other.example") is None
    rules = decode_market("BTCUSDT", raw, SOURCE)
    assert rules is not None
    assert (rules.step_size, rules.max_market_qty) == (Decimal("0.001"), None)
    assert rules.fetched_ms == 1_771_305_126_000


@pytest.mark.parametrize("ts_ms", [None, "", "0", "soon", "-1"])
def test_market_rules_without_a_time_are_corrupt(ts_ms: str | None):
    with pytest.raises(CorruptStateError):
        decode_market("BTCUSDT", ["0.001", "0.001", "", SOURCE, ts_ms, None], SOURCE)


def test_what_the_venue_said_last_is_told_in_place_of_rules():
    fields = encode_market_problem("its status is 'SETTLING'" + "x" * 1_000, SOURCE, 1_771_305_126_000)
    with pytest.raises(MarketUnknownError, match="SETTLING"):
        decode_market("BTCUSDT", [fields.get(name) for name in MARKET_FIELDS], SOURCE)
    assert len(fields["problem"]) == MAX_NAME_CHARS


@pytest.mark.parametrize("field", [3, 4], ids=["source", "run_id"])
def test_a_text_without_end_is_corrupt(field: int):
    """It would go into every audit entry."""
    raw: list[str | None] = ["0.04", "1771305126000", None, SOURCE, "a" * 40, "one_way", "1" * 40, *[None] * 3]
    raw[field] = "x" * (MAX_NAME_CHARS + 1)
    with pytest.raises(CorruptStateError):
        decode_snapshot("BTCUSDT", raw)
