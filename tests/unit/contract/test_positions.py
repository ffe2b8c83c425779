"""Position keys are built, never parsed; a leg is read strictly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p33_tasks.contract.keys import Keys
from p33_tasks.contract.plans import parse_plan
from p33_tasks.contract.positions import leg_of, looks_like_a_leg, position_key
from p33_tasks.contract.results import parse_result
from p33_tasks.domain.models import Leg
from p33_tasks.errors import InvalidMessageError
from tests.factories import plan_entry, result_entry

KINDS = ("snapshot", "ledger", "reservation", "service_hold", "ledger_origin")
symbols = st.text(min_size=1, max_size=40).filter(str.isprintable) | st.sampled_from(["BTCUSDT", "x:LONG", "x:short"])


@given(first=symbols, second=symbols, leg=st.sampled_from(Leg), other=st.sampled_from(Leg))
def test_two_positions_never_share_a_key(first: str, second: str, leg: Leg, other: Leg) -> None:
    if looks_like_a_leg(first) or looks_like_a_leg(second) or (first, leg) == (second, other):
        return
    assert position_key(first, leg) != position_key(second, other)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_position_names_its_leg(kind: str) -> None:
    key = getattr(Keys(), kind)
    assert key("BTCUSDT") == key("BTCUSDT", Leg.BOTH)
    assert [key("BTCUSDT", leg) for leg in (Leg.LONG, Leg.SHORT)] == [
        f"{key('BTCUSDT')}:{leg}" for leg in ("LONG", "SHORT")
    ]


@pytest.mark.parametrize("symbol", ["BTCUSDT:LONG", "btcusdt:short", "x:Long", ":SHORT", "\u00e9:long"])
def test_a_symbol_that_could_be_a_leg_is_refused_in_plans_and_results(symbol: str) -> None:
    plan = parse_plan(plan_entry(symbol=symbol), issued_ms=1, from_stream=True)
    assert plan.problem is not None
    with pytest.raises(InvalidMessageError, match="leg"):
        parse_result(result_entry(symbol=symbol))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "LONG", "ETH:USDT", "SHORT:BTC", "x:LONGER"])
def test_other_symbols_are_none(symbol: str) -> None:
    assert not looks_like_a_leg(symbol)
    assert parse_plan(plan_entry(symbol=symbol), issued_ms=1, from_stream=True).problem is None


@pytest.mark.parametrize("name", ["positionSide", "position_side", "PositionSide"])
@pytest.mark.parametrize(
    ("value", "leg"),
    [
        ("LONG", Leg.LONG),
        ("short", Leg.SHORT),
        (" Both ", Leg.BOTH),
        ("", Leg.BOTH),
        (None, Leg.BOTH),
        ("None", Leg.BOTH),
    ],
)
def test_a_leg_is_named_in_any_case(name: str, value: str | None, leg: Leg) -> None:
    assert leg_of({name: value}) is leg
    plan = parse_plan(plan_entry(**{name: value}), issued_ms=1, from_stream=True)
    assert (plan.position_side, plan.problem) == (leg, None)


@pytest.mark.parametrize(
    "value", ["LONGER", "BUY", "L", "LONG SHORT", 1, True, False, 1.5, [], {}, ["LONG"], "\u017fHORT", "x" * 999]
)
def test_any_other_value_is_an_invalid_plan(value: object) -> None:
    plan = parse_plan(plan_entry(positionSide=value), issued_ms=1, from_stream=True)
    assert plan.problem is not None
    assert "positionSide" in plan.problem


def test_two_legs_are_an_invalid_plan() -> None:
    plan = parse_plan(plan_entry(positionSide="LONG", position_side="SHORT"), issued_ms=1, from_stream=True)
    assert plan.problem == "two legs are named: LONG and SHORT"
    assert (
        parse_plan(plan_entry(positionSide="LONG", position_side="long"), issued_ms=1, from_stream=True).problem is None
    )
