"""How resting orders are kept: per position, by side, counted exactly however many they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.abilities import RestingOrder
from p33_tasks.contract.resting import (
    MOST_IDS,
    RESTING_FIELDS,
    decode_resting,
    encode_resting,
    encode_resting_problem,
)
from p33_tasks.domain.models import Leg, OrderSide
from p33_tasks.domain.resting import Resting
from p33_tasks.errors import CorruptStateError

STAMP = {"ts_ms": "1771305126000", "life": "1" * 40, "source": "binanceusdm test.example"}


def order(number: int = 1, **changes: Any) -> RestingOrder:
    fields: dict[str, Any] = {
        "leg": Leg.BOTH,
        "side": OrderSide.SELL,
        "open_qty": Decimal("0.1"),
        "reduce_only": True,
        "is_conditional": False,
        **changes,
    }
    return RestingOrder(order_id=str(number), client_order_id="", symbol="BTCUSDT", **fields)


def decoded(fields: dict[str, str], side: OrderSide = OrderSide.SELL) -> Resting | None:
    stored = {**STAMP, **fields}
    return decode_resting("BTCUSDT", [stored.get(name) for name in RESTING_FIELDS], side)


def test_every_active_order_of_a_side_is_counted_exactly_and_some_are_named() -> None:
    many = [order(number) for number in range(30)]
    found = decoded(encode_resting(Leg.BOTH, [*many, order(99, side=OrderSide.BUY, open_qty=Decimal(7))]))
    assert found is not None
    assert found.qty == Decimal(3)
    assert found.order_ids == tuple(str(number) for number in range(MOST_IDS))
    assert (found.ts_ms, found.life, found.source) == (1_771_305_126_000, STAMP["life"], STAMP["source"])


def test_a_conditional_order_is_named_and_never_counted() -> None:
    found = decoded(encode_resting(Leg.BOTH, [order(1, is_conditional=True, open_qty=Decimal(9)), order(2)]))
    assert found is not None
    assert (found.qty, found.order_ids, found.conditional_ids) == (Decimal("0.1"), ("2",), ("1",))


def test_in_one_way_mode_only_what_is_reduce_only_counts() -> None:
    found = decoded(encode_resting(Leg.BOTH, [order(reduce_only=False)]))
    assert found is not None
    assert (found.qty, found.order_ids) == (Decimal(0), ())


@pytest.mark.parametrize(("leg", "closing"), [(Leg.LONG, OrderSide.SELL), (Leg.SHORT, OrderSide.BUY)])
def test_in_hedge_mode_side_and_leg_say_what_reduces_whatever_the_flag_is(leg: Leg, closing: OrderSide) -> None:
    opening = next(side for side in OrderSide if side is not closing)
    orders = [order(1, leg=leg, side=closing, reduce_only=False), order(2, leg=leg, side=opening)]
    orders.append(order(3, leg=leg.opposite, side=closing))
    found, other = decoded(encode_resting(leg, orders), closing), decoded(encode_resting(leg, orders), opening)
    assert found is not None
    assert other is not None
    assert (found.order_ids, other.order_ids) == (("1",), ())


def test_nothing_was_read_yet() -> None:
    assert decode_resting("BTCUSDT", [None] * len(RESTING_FIELDS), OrderSide.SELL) is None


@pytest.mark.parametrize(
    "fields",
    [
        encode_resting_problem("a row of an odd type"),
        {"sell": "{}", "buy": "{}"},
        {"sell": "[]", "buy": "[]"},
        {"sell": '{"qty":-1}', "buy": "{}"},
        {"sell": '{"qty":NaN}'},
        {"buy": '{"qty":1}'},
        {"sell": '{"qty":1}', "ts_ms": "soon"},
        {"sell": '{"qty":1}', "ts_ms": "0"},
    ],
    ids=str,
)
def test_what_can_not_be_read_is_an_error(fields: dict[str, str]) -> None:
    with pytest.raises(CorruptStateError):
        decoded(fields)
