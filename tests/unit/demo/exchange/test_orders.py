"""The reading of an order request."""

from decimal import Decimal

import pytest

from p33_tasks.demo.exchange.core.codes import VenueError
from p33_tasks.demo.exchange.core.orders import parse_order

MARKET = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.028", "reduceOnly": "true"}
LIMIT = MARKET | {"type": "LIMIT", "price": "67500", "timeInForce": "GTC"}


def test_a_market_order_is_read():
    request = parse_order(MARKET | {"newClientOrderId": "plan-1"}, hedged=False)
    assert (request.symbol, request.side, request.quantity) == ("BTCUSDT", "SELL", Decimal("0.028"))
    assert request.reduce_only
    assert request.client_order_id == "plan-1"


def test_reduce_only_is_false_when_it_is_not_sent():
    assert not parse_order({name: MARKET[name] for name in MARKET if name != "reduceOnly"}, hedged=False).reduce_only


@pytest.mark.parametrize("name", ["symbol", "side", "type", "quantity"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_mandatory_parameter_that_is_missing_or_empty_is_named(name, value):
    params = {key: entry for key, entry in (MARKET | {name: value}).items() if entry is not None}
    with pytest.raises(VenueError, match=name) as refused:
        parse_order(params, hedged=False)
    assert refused.value.code == -1102


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (MARKET | {"quantity": "1e-3"}, -1100),
        (MARKET | {"quantity": "-1"}, -1100),
        (MARKET | {"quantity": "NaN"}, -1100),
        (MARKET | {"side": "sell"}, -1117),
        (MARKET | {"type": "ICEBERG"}, -1116),
        (MARKET | {"type": "STOP_MARKET"}, -4120),
        (MARKET | {"price": "1"}, -1106),
        (MARKET | {"timeInForce": "GTC"}, -1106),
        (MARKET | {"reduceOnly": "yes"}, -1130),
        (MARKET | {"positionSide": "LONG"}, -4061),
        (MARKET | {"newClientOrderId": "x" * 37}, -4015),
        (MARKET | {"newClientOrderId": "plan 1"}, -4015),
        (LIMIT | {"timeInForce": "DAY"}, -1115),
        ({name: LIMIT[name] for name in LIMIT if name != "price"}, -1102),
    ],
)
def test_a_malformed_order_is_refused_with_the_venues_code(params, code):
    with pytest.raises(VenueError) as refused:
        parse_order(params, hedged=False)
    assert refused.value.code == code


def test_hedge_mode_wants_a_position_side_and_no_reduce_only():
    plain = {name: MARKET[name] for name in MARKET if name != "reduceOnly"}
    assert parse_order(plain | {"positionSide": "LONG"}, hedged=True).position_side == "LONG"
    with pytest.raises(VenueError) as refused:
        parse_order(plain, hedged=True)
    assert refused.value.code == -4061
    with pytest.raises(VenueError, match="reduceonly") as refused:
        parse_order(MARKET | {"positionSide": "LONG"}, hedged=True)
    assert refused.value.code == -1106
