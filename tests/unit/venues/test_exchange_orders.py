"""Orders: what is a certain rejection, what an order report must hold, what is refused before it is sent."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.errors import ConfigurationError, MalformedResponseError
from p33_tasks.venues.binance_usdm.order_rows import read_order
from p33_tasks.venues.binance_usdm.orders import is_certain_rejection
from p33_tasks.venues.build import build_order_client, venue_entry
from p33_tasks.venues.http_errors import Answer
from tests.support.budgets import RecordingBudget

DATA = Path(__file__).parents[2] / "data"


def order(**changes):
    return json.loads((DATA / "binance_new_order_docs.json").read_text()) | changes


def test_the_documented_order_is_read_exactly():
    report = read_order(order(executedQty="2.500"), "BTCUSDT", "testOrder")
    assert (report.order_id, report.status, report.side) == ("22542179", "NEW", OrderSide.SELL)
    assert (report.quantity, report.executed_qty) == (Decimal(10), Decimal("2.5"))
    assert report.leg is Leg.SHORT


@pytest.mark.parametrize(
    "changes",
    [
        {"symbol": "ETHUSDT"},
        {"clientOrderId": "another"},
        {"orderId": None},
        {"orderId": True},
        {"orderId": ""},
        {"status": None},
        {"side": "SIDEWAYS"},
        {"side": []},
        {"executedQty": ""},
        {"executedQty": 2.5},
        {"executedQty": "-1"},
        {"executedQty": "11"},
        {"origQty": "NaN"},
        {"positionSide": None},
        {"positionSide": "long"},
        {"positionSide": []},
    ],
)
def test_an_order_that_is_not_whole_is_malformed(changes):
    with pytest.raises(MalformedResponseError):
        read_order(order(**changes), "BTCUSDT", "testOrder")


@pytest.mark.parametrize("body", [None, [], "", 1, {}])
def test_something_that_is_no_order_is_malformed(body):
    with pytest.raises(MalformedResponseError):
        read_order(body, "BTCUSDT", "testOrder")


def answer(status, code):
    return Answer(status=status, headers={}, text=json.dumps({"code": code, "msg": ""}))


@pytest.mark.parametrize("code", [-2022, -2019, -2010, -1111, -1121, -4003, -4005, -4061, -4164, -5021, -5028, -1013])
def test_a_documented_refusal_is_certain(code):
    assert is_certain_rejection(answer(400, code))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, -4116),
        (408, -1007),
        (400, -1007),
        (400, -1006),
        (503, -2022),
        (200, -2022),
        (502, -4003),
        (400, -9999),
        (408, -2022),
    ],
)
def test_everything_that_leaves_doubt_is_no_rejection(status, code):
    assert not is_certain_rejection(answer(status, code))


def test_a_proxys_bad_request_page_is_no_rejection():
    assert not is_certain_rejection(Answer(status=400, headers={}, text="<html>400</html>"))


def client(exchange_id="binanceusdm"):
    return build_order_client(
        exchange_id=exchange_id, api_key="k", api_secret="s", testnet=True, base_url=None, budget=RecordingBudget()
    )


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"quantity": Decimal(0)}, ValueError),
        ({"quantity": Decimal("-0.1")}, ValueError),
        ({"quantity": Decimal("NaN")}, ValueError),
        ({"quantity": 0.028}, TypeError),
        ({"client_order_id": ""}, ValueError),
        ({"client_order_id": "x" * 37}, ValueError),
        ({"client_order_id": "a b"}, ValueError),
        ({"recv_window_ms": 0}, ValueError),
        ({"recv_window_ms": 60_001}, ValueError),
        ({"leg": Leg.SHORT}, ValueError),  # a sell would enlarge it, and no flag holds the venue back
    ],
)
def test_an_unusable_parameter_is_refused_before_anything_is_sent(changes, kind):
    good = {"quantity": Decimal("0.028"), "client_order_id": "p33-1", "recv_window_ms": 5000}
    with pytest.raises(kind):
        client().place_reduce_only_market(symbol="BTCUSDT", side=OrderSide.SELL, **(good | changes))


def test_orders_on_a_venue_without_an_order_client_are_refused(monkeypatch: pytest.MonkeyPatch):
    nowhere = replace(venue_entry("binanceusdm"), orders=None)
    monkeypatch.setattr(
        "p33_tasks.venues.build.venue_entry", lambda name: nowhere if name == "nowhere" else venue_entry(name)
    )
    with pytest.raises(ConfigurationError, match=r"are placed on binanceusdm.* only"):
        client("nowhere")
