"""Binance's open orders: the book and the algo orders, complete or an error, and a bad row is its symbol's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.abilities import RestingReport
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import MalformedResponseError
from p33_tasks.venues.binance_usdm.resting_rows import read_resting


def limit(**changes: Any) -> dict[str, Any]:
    """As "Current All Open Orders" documents it."""
    return {
        "orderId": 1917641,
        "clientOrderId": "abc",
        "symbol": "BTCUSDT",
        "type": "LIMIT",
        "status": "PARTIALLY_FILLED",
        "side": "SELL",
        "positionSide": "BOTH",
        "origQty": "0.40",
        "executedQty": "0.15",
        "reduceOnly": True,
        "closePosition": False,
        **changes,
    }


def algo(**changes: Any) -> dict[str, Any]:
    """As "Current All Algo Open Orders" documents it."""
    return {
        "algoId": 2146760,
        "clientAlgoId": "6B2I9XVcJpCjqPAJ4YoFX7",
        "algoType": "CONDITIONAL",
        "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT",
        "side": "SELL",
        "positionSide": "BOTH",
        "quantity": "0.01",
        "algoStatus": "NEW",
        "closePosition": False,
        "reduceOnly": True,
        **changes,
    }


def read(book: object = (), algos: object = ()) -> RestingReport:
    plain = [list(answer) if isinstance(answer, tuple) else answer for answer in (book, algos)]
    return read_resting(*plain, ["BTCUSDT", "ETHUSDT"])


def test_both_lists_are_one_and_a_symbol_without_rows_has_none() -> None:
    report = read((limit(),), (algo(), algo(symbol="XRPUSDT", side="odd")))
    assert report.invalid == {}
    assert report.orders["ETHUSDT"] == ()
    book, waiting = report.orders["BTCUSDT"]
    assert (book.order_id, book.leg, book.side) == ("1917641", Leg.BOTH, OrderSide.SELL)
    assert (book.open_qty, book.reduce_only, book.is_conditional) == (Decimal("0.25"), True, False)
    assert (waiting.order_id, waiting.is_conditional) == ("2146760", True)


def test_an_order_that_closes_the_position_is_conditional_whatever_its_quantity() -> None:
    (order,) = read((), (algo(closePosition=True, reduceOnly=False, quantity="0"),)).orders["BTCUSDT"]
    assert (order.open_qty, order.reduce_only, order.is_conditional) == (Decimal(0), True, True)


def test_a_conditional_order_in_the_book_is_one_too() -> None:
    (order,) = read((limit(type="STOP_MARKET", status="NEW"),)).orders["BTCUSDT"]
    assert order.is_conditional


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ODD"},
        {"status": "FILLED"},
        {"side": "sell"},
        {"positionSide": None},
        {"origQty": "0.1"},
        {"origQty": "NaN"},
        {"executedQty": None},
        {"reduceOnly": "true"},
        {"orderId": None},
    ],
    ids=str,
)
def test_a_row_that_can_not_be_read_is_unknown_for_its_symbol_only(changes: dict[str, Any]) -> None:
    report = read((limit(**changes), limit(symbol="ETHUSDT")))
    assert set(report.invalid) == {"BTCUSDT"}
    assert set(report.orders) == {"ETHUSDT"}


@pytest.mark.parametrize("changes", [{"algoId": ""}, {"side": ""}, {"closePosition": 0}, {"quantity": ""}], ids=str)
def test_the_same_of_an_algo_order(changes: dict[str, Any]) -> None:
    assert set(read((), (algo(**changes),)).invalid) == {"BTCUSDT"}


@pytest.mark.parametrize("answer", [{}, None, "", {"code": 0}, [{}], [None], [{"symbol": ""}]], ids=str)
@pytest.mark.parametrize("place", [0, 1])
def test_an_answer_that_is_no_list_or_whose_rows_are_nobodys_says_nothing(answer: object, place: int) -> None:
    with pytest.raises(MalformedResponseError):
        read(*((answer, ()) if place == 0 else ((), answer)))
