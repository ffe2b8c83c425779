"""A switch of the position mode, and what the operator does to one leg."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.models import Leg, Position, Snapshot
from tests.integration.store.legs_of import LEGS, adopt, set_field
from tests.support.gate import SYMBOL, Gate


def audited(gate: Gate, event: str) -> list[dict[str, str]]:
    return [fields for _, fields in gate.redis.xrange(gate.keys.audit) if fields["event"] == event]


def switch(gate: Gate, *, hedged: bool, amount: str = "0") -> None:
    gate.until_after(gate.now_ms())
    gate.put_legs(amount, "0") if hedged else gate.put_position(amount)


def test_no_ledger_of_another_time_in_the_mode_counts_again(gate: Gate) -> None:
    """Hedge, one way, hedge within a day: the leg's old ledger was for another position."""
    gate.put_legs("0", "0")
    gate.put_ledger("0.040", leg=Leg.LONG)
    switch(gate, hedged=False)
    assert gate.ledger(leg=Leg.LONG) == {}
    assert gate.snapshot(leg=Leg.LONG) == {}
    retired = {fields["position_side"]: fields["before"] for fields in audited(gate, "ledger_retired")}
    assert retired == {"LONG": "0.04", "SHORT": "0"}
    switch(gate, hedged=True, amount="0.040")
    gate.put_market()
    assert gate.why_not(position_side=Leg.LONG) == "reconcile_required_missing_ledger"


def test_after_a_switch_a_leg_counts_as_never_having_had_a_ledger(gate: Gate) -> None:
    gate.put_position("0")
    assert gate.ledger_amt() == "0"
    switch(gate, hedged=True)
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, "0", "0"]
    switch(gate, hedged=False)
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == ["0", None, None]
    assert "long_amt" not in gate.snapshot()


def test_the_new_positions_begin_behind_every_order_and_barrier_of_the_old(gate: Gate) -> None:
    gate.put_legs("0", "0")
    now = gate.now_ms()
    gate.redis.hset(gate.keys.ledger(SYMBOL, Leg.LONG), mapping={"last_order_time_ms": now - 3, "barrier_ms": now - 90})
    gate.redis.hset(gate.keys.ledger(SYMBOL, Leg.SHORT), mapping={"last_order_time_ms": now - 9, "barrier_ms": now - 5})
    switch(gate, hedged=False)
    ledger = gate.ledger()
    assert (ledger["last_order_time_ms"], ledger["barrier_ms"]) == (str(now - 3), str(now - 5))
    assert "last_known_amt" not in ledger
    switch(gate, hedged=True)
    for leg in LEGS:
        ledger = gate.ledger(leg=leg)
        assert (ledger["last_order_time_ms"], ledger["barrier_ms"]) == (str(now - 3), str(now - 5))


def test_an_order_time_that_cant_be_read_counts_as_now_after_a_switch(gate: Gate) -> None:
    gate.put_legs("0", "0")
    gate.redis.hset(gate.keys.ledger(SYMBOL, Leg.LONG), mapping={"last_order_time_ms": "nan", "barrier_ms": "nan"})
    before = gate.now_ms()
    switch(gate, hedged=False)
    ledger = gate.ledger()
    assert int(ledger["last_order_time_ms"]) >= before
    assert int(ledger["barrier_ms"]) > before
    assert "last_known_amt" not in ledger


def test_a_ledger_of_the_mode_left_doesnt_count_where_its_snapshot_expired_meanwhile(gate: Gate) -> None:
    gate.put_position("0.040")
    gate.put_ledger("0.040")
    gate.put_position("0.040")
    gate.redis.delete(gate.keys.snapshot(SYMBOL))  # the service was away for hours
    gate.until_after(gate.now_ms())
    gate.put_legs("0", "0")
    assert gate.ledger() == {}
    gate.redis.delete(*(gate.keys.snapshot(SYMBOL, leg) for leg in Leg))
    gate.until_after(gate.now_ms())
    gate.put_position("0.040")
    gate.put_market()
    assert gate.why_not() == "reconcile_required_missing_ledger"


def test_a_ledger_of_the_same_mode_stays_where_its_snapshot_expired(gate: Gate) -> None:
    gate.make_hedged()
    gate.redis.delete(*(gate.keys.snapshot(SYMBOL, leg) for leg in Leg))
    gate.put_legs("0.040", "-0.020")
    assert [gate.ledger_amt(leg=leg) for leg in LEGS] == ["0.04", "-0.02"]


def test_a_refresh_written_twice_switches_once(gate: Gate) -> None:
    gate.put_position("0")
    gate.until_after(gate.now_ms())
    ts_ms = gate.now_ms()
    gate.put_legs("0", "0", ts_ms=ts_ms)
    before = gate.dump()
    gate.put_legs("0", "0", ts_ms=ts_ms)
    assert gate.dump() == before


def test_a_snapshot_of_before_legs_were_written_is_read(gate: Gate) -> None:
    """As version 0.1 and early 0.2 left it: the symbol's key alone, with the mode."""
    gate.make_ready()
    set_field(gate, Leg.BOTH, position_mode="hedge")
    assert gate.why_not("plan-1") == "position_side_required"
    assert gate.why_not("plan-2", position_side=Leg.LONG) == "no_exchange_snapshot"
    gate.until_after(gate.now_ms())
    gate.put_legs("0.040", "0")
    assert gate.why_not("plan-3", position_side=Leg.LONG) == "reconcile_required_missing_ledger"


def test_each_leg_is_adopted_alone(gate: Gate) -> None:
    gate.put_legs("0.040", "-0.020")
    assert adopt(gate, Leg.SHORT) == (True, "-0.02")
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, None, "-0.02"]
    assert audited(gate, "ledger_adopted")[-1]["position_side"] == "SHORT"


def test_only_a_position_of_the_symbols_mode_is_adopted(gate: Gate) -> None:
    gate.put_position("0.040")
    assert adopt(gate, Leg.LONG) == (False, "position_mode")
    switch(gate, hedged=True, amount="0.040")
    assert adopt(gate, Leg.BOTH) == (False, "position_mode")
    set_field(gate, Leg.LONG, ts_ms=gate.now_ms() - 500)
    assert adopt(gate, Leg.LONG) == (False, "no_snapshot")


@pytest.mark.parametrize("reserved", list(Leg))
def test_nothing_is_adopted_while_any_position_of_the_symbol_is_reserved(gate: Gate, reserved: Leg) -> None:
    gate.put_legs("0.040", "-0.020")
    gate.redis.set(gate.keys.reservation(SYMBOL, reserved), "plan-0", px=60_000)
    assert adopt(gate, Leg.LONG) == (False, "reserved")


def test_snapshots_of_one_way_and_hedged_symbols_are_written_in_one_script(gate: Gate) -> None:
    now = gate.now_ms()
    about: dict[str, Any] = {"ts_ms": now, "source": "s", "run_id": gate.run_id, "life": gate.life}
    rows = [
        Snapshot(position=Position(symbol="ETHUSDT", position_amt=Decimal(1)), **about),
        Snapshot(position=Position(symbol=SYMBOL, position_amt=Decimal(0), hedge_mode=True), **about),
    ]
    assert gate.snapshots.put_snapshots(rows) == {"ETHUSDT": "ok", SYMBOL: "ledger_created"}
    assert gate.snapshot("ETHUSDT")["position_mode"] == "one_way"
    assert gate.snapshot(leg=Leg.SHORT)["side"] == "FLAT"
