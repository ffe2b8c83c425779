"""Positions are read with few commands, and what stands under a key of another type is seen all the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import redis

from p33_tasks.contract.drifts import KnownDrift
from p33_tasks.contract.keys import Keys
from p33_tasks.domain.models import Leg
from p33_tasks.store.connection import connect
from p33_tasks.views.overview import Overview, read_overview
from p33_tasks.views.positions import SymbolView
from tests.support.gate import OTHER, SYMBOL, Gate


def overview(gate: Gate, *symbols: str) -> Overview:
    return read_overview(connect(gate.url), gate.keys, symbols or (SYMBOL, OTHER), source="any")


def hedged(client: redis.Redis, keys: Keys, symbol: str) -> None:
    """Both legs, as one request showed them."""
    amounts = {Leg.BOTH: "0", Leg.LONG: "0.5", Leg.SHORT: "-0.25"}
    for leg, amount in amounts.items():
        fields = {"position_amt": amount, "ts_ms": "1000", "position_mode": "hedge", "life": "x"}
        client.hset(keys.snapshot(symbol, leg), mapping={**fields, "long_amt": "0.5", "short_amt": "-0.25"})


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        (lambda keys: keys.hold(SYMBOL), lambda view: view.hold_why == "(a value of another type)"),
        (lambda keys: keys.service_hold(SYMBOL), lambda view: view.hold_why == "p33: (a value of another type)"),
        (lambda keys: keys.reservation(SYMBOL), lambda view: view.facts.reserved_by == "(a value of another type)"),
        (lambda keys: keys.limits(SYMBOL), lambda view: "another type" in view.facts.limits_problem),
        (lambda keys: keys.adaptive_limits(SYMBOL), lambda view: "another type" in view.facts.limits_problem),
    ],
    ids=["hold", "service hold", "reservation", "limits", "adaptive limits"],
)
def test_a_value_of_another_type_stops_its_own_position_only(
    gate: Gate, key: Callable[[Keys], str], seen: Callable[[SymbolView], bool]
) -> None:
    gate.redis.rpush(key(gate.keys), "foreign")
    found, other = overview(gate).symbols
    assert seen(found)
    assert not other.facts.hold
    assert other.facts.reserved_by is other.facts.limits_problem is None


def test_what_most_positions_lack_is_read_of_those_that_have_it(gate: Gate) -> None:
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", px=60_000)
    gate.redis.set(gate.keys.reservation(OTHER), "plan-2")
    gate.redis.hset(gate.keys.limits(OTHER), mapping={"cooldown_sec": "99"})
    first, second = overview(gate).symbols
    assert first.facts.reserved_by == "plan-1"
    assert 0 < (first.facts.reservation_ttl_ms or 0) <= 60_000
    assert not first.reservation_is_endless
    assert second.facts.reserved_by == "plan-2"
    assert second.reservation_is_endless
    assert (first.facts.limits.cooldown_ms, second.facts.limits.cooldown_ms) == (None, 99_000)


def test_a_leg_has_its_own_hold_and_the_symbols_market_and_limits(gate: Gate) -> None:
    hedged(gate.redis, gate.keys, SYMBOL)
    gate.redis.set(gate.keys.service_hold(SYMBOL, Leg.SHORT), "of the short leg")
    gate.redis.rpush(gate.keys.hold(SYMBOL), "foreign")
    gate.redis.hset(gate.keys.limits(SYMBOL), mapping={"cooldown_sec": "99"})
    long, short = overview(gate, SYMBOL).symbols
    assert (long.leg, short.leg) == (Leg.LONG, Leg.SHORT)
    assert long.hold_why == "(a value of another type)"
    assert short.hold_why == "(a value of another type); p33: of the short leg"
    assert long.facts.limits.cooldown_ms == short.facts.limits.cooldown_ms == 99_000


@pytest.mark.parametrize(("is_hedged", "per_symbol"), [(False, 3), (True, 8)])
def test_six_hundred_symbols_take_three_commands_each_and_eight_in_hedge_mode(
    gate: Gate, per_symbol: int, *, is_hedged: bool
) -> None:
    symbols = tuple(f"S{at}USDT" for at in range(600))
    for symbol in symbols if is_hedged else ():
        hedged(gate.redis, gate.keys, symbol)
    before = gate.redis.info("stats")["total_commands_processed"]
    found = overview(gate, *symbols)
    after = gate.redis.info("stats")["total_commands_processed"]
    assert len(found.symbols) == 600 * (1 + is_hedged)
    assert after - before <= per_symbol * 600 + 50


def test_what_reconciliation_knows_is_read_of_the_amounts_that_differ_now(gate: Gate) -> None:
    gate.make_ready("0.040")
    gate.make_ready("1.2", symbol=OTHER)
    gate.put_ledger("0.030")
    known = {"class": "external", "why": "somebody else traded this position", "readings": "2", "next_ms": "5"}
    for symbol, drift in ((SYMBOL, "0.04|0.03"), (OTHER, "1.2|1.2")):
        gate.redis.hset(gate.keys.reconcile_case(symbol), mapping={**known, "drift": drift})
    drifting, agreeing = overview(gate).symbols
    assert drifting.reconciling == KnownDrift(classes="external", why=known["why"], readings=2, next_ms=5)
    assert agreeing.reconciling is None
    gate.put_ledger("0.020")
    assert overview(gate).symbols[0].reconciling is None
    gate.redis.delete(gate.keys.reconcile_case(SYMBOL))
    gate.redis.set(gate.keys.reconcile_case(SYMBOL), "foreign")
    assert overview(gate).symbols[0].reconciling is None
