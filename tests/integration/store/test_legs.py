"""Hedge mode: a symbol's two legs are positions of their own, and its mode is what the symbol's own key says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.models import Allow, Leg
from p33_tasks.ports import CommitStatus
from tests.integration.store.legs_of import LEGS, set_field
from tests.support.gate import SYMBOL, Gate
from tests.support.redis_server import RedisServer

P33 = "missing_or_denied_p33_permit"


def other(leg: Leg) -> Leg:
    return Leg.SHORT if leg is Leg.LONG else Leg.LONG


def evaluated(gate: Gate, leg: Leg, plan_id: str = "plan-1") -> Callable[[], CommitStatus]:
    """A plan for a leg is evaluated to an allow; returns its commit."""
    plan, entry = gate.publish(plan_id, position_side=leg)
    facts = gate.verdicts.load(plan)
    assert facts is not None
    verdict = evaluate(plan, facts, gate.policy)
    assert isinstance(verdict, Allow), verdict
    return lambda: gate.verdicts.commit(
        plan=plan, verdict=verdict, facts=facts, policy=gate.policy, entry=entry, evaluation_us=1
    )


CHANGED: dict[str, Callable[[Gate], Any]] = {
    "the symbol's mode": lambda g: set_field(g, Leg.BOTH, position_mode="one_way"),
    "the symbol's time": lambda g: set_field(g, Leg.BOTH, ts_ms=g.now_ms() - 5),
    "the symbol's life": lambda g: set_field(g, Leg.BOTH, life="b" * 40),
    "the symbol's snapshot is gone": lambda g: g.redis.delete(g.keys.snapshot(SYMBOL)),
    "the symbol's snapshot is a list": lambda g: (
        g.redis.delete(g.keys.snapshot(SYMBOL)),
        g.redis.rpush(g.keys.snapshot(SYMBOL), "x"),
    ),
}


def test_the_symbols_own_key_has_the_net_amount_and_both_legs(gate: Gate) -> None:
    gate.put_legs("0.040", "-0.020")
    own, long, short = (gate.snapshot(leg=leg) for leg in Leg)
    assert (own["position_amt"], own["side"], own["position_mode"]) == ("0.02", "HEDGED", "hedge")
    assert (own["long_amt"], own["short_amt"]) == ("0.04", "-0.02")
    assert (long["position_amt"], long["side"], long["position_mode"]) == ("0.04", "LONG", "hedge")
    assert (short["position_amt"], short["side"], short["position_mode"]) == ("-0.02", "SHORT", "hedge")
    for name in ("ts_ms", "ts_epoch", "ts_iso", "source", "run_id", "life"):
        assert own[name] == long[name] == short[name], name
    assert all(0 < gate.redis.ttl(gate.keys.snapshot(SYMBOL, leg)) <= 3600 for leg in Leg)


@pytest.mark.parametrize(("long", "short", "side"), [("0.04", "-0.04", "HEDGED"), ("0", "0", "FLAT")])
def test_a_net_amount_of_0_is_flat_only_where_both_legs_are(gate: Gate, long: str, short: str, side: str) -> None:
    gate.put_legs(long, short)
    assert (gate.snapshot()["position_amt"], gate.snapshot()["side"]) == ("0", side)


def test_one_way_mode_writes_nothing_of_legs(gate: Gate) -> None:
    gate.put_position()
    assert not {"long_amt", "short_amt"} & gate.snapshot().keys()
    assert not [key for key in gate.dump() if key.endswith((":LONG", ":SHORT"))]


@pytest.mark.parametrize("stored", ["one_way", "hedge"])
def test_a_flat_symbol_whose_rows_tell_no_mode_keeps_the_known_one(gate: Gate, stored: str) -> None:
    gate.put_position("0") if stored == "one_way" else gate.put_legs("0", "0")
    gate.until_after(gate.now_ms())
    gate.put_position("0", hedge_mode=None)
    assert gate.snapshot()["position_mode"] == stored
    assert bool(gate.snapshot(leg=Leg.LONG)) == (stored == "hedge")


def test_where_no_mode_is_known_a_flat_symbol_is_flat_in_both(gate: Gate) -> None:
    gate.put_position("0", hedge_mode=None)
    assert [gate.snapshot(leg=leg)["position_amt"] for leg in Leg] == ["0", "0", "0"]
    gate.until_after(gate.now_ms())
    gate.put_legs("0.01", "0")
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, "0", "0"]


def test_a_position_without_a_mode_or_without_its_legs_is_not_written(gate: Gate) -> None:
    for hedge_mode in (None, True):
        with pytest.raises(ValueError, match=SYMBOL):
            gate.put_position("0.01", hedge_mode=hedge_mode)


@pytest.mark.parametrize(("bootstrap", "long"), [("deny", None), ("adopt", "0.04")])
def test_each_leg_begins_its_own_ledger(server: RedisServer, bootstrap: str, long: str | None) -> None:
    gate = Gate(server, bootstrap=bootstrap)
    gate.put_legs("0.040", "0")
    assert [gate.ledger_amt(leg=leg) for leg in Leg] == [None, long, "0"]
    events = [fields for _, fields in gate.redis.xrange(gate.keys.audit)]
    assert [fields["position_side"] for fields in events if fields["symbol"] == SYMBOL][-1] == "SHORT"


@pytest.mark.parametrize("reserved", list(Leg))
def test_no_ledger_begins_while_any_position_of_the_symbol_is_reserved(gate: Gate, reserved: Leg) -> None:
    gate.redis.set(gate.keys.reservation(SYMBOL, reserved), "plan-0", px=60_000)
    gate.put_legs("0", "0")
    assert [gate.ledger_amt(leg=leg) for leg in LEGS] == [None, None]
    gate.put_position("0", symbol="ETHUSDT")
    assert gate.ledger_amt("ETHUSDT") == "0"


def test_a_reservation_of_the_mode_left_blocks_a_ledger_no_longer_than_any_is_given(gate: Gate) -> None:
    gate.snapshots._times = replace(gate.snapshots._times, longest_reservation_ms=75_000)
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-0")
    gate.put_legs("0", "0")
    assert 0 < gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= 75_000


def test_the_stream_of_changes_has_each_leg_and_no_net_amount(gate: Gate) -> None:
    for long, short in (("0.040", "-0.020"), ("0.030", "-0.020"), ("0.030", "-0.010")):
        gate.until_after(gate.now_ms())
        gate.put_legs(long, short)
    found = [(f["position"], f["before"], f["after"]) for _, f in gate.redis.xrange(gate.keys.position_changes)]
    assert found == [
        (f"{SYMBOL}:LONG", "", "0.04"),
        (f"{SYMBOL}:SHORT", "", "-0.02"),
        (f"{SYMBOL}:LONG", "0.04", "0.03"),
        (f"{SYMBOL}:SHORT", "-0.02", "-0.01"),
    ]


def test_both_legs_are_closed_at_the_same_time_each_by_its_own_permit(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    long = gate.allow("plan-1", position_side=Leg.LONG, action="CLOSE_PARTIAL_50")
    short = gate.allow("plan-2", position_side=Leg.SHORT, action="CLOSE_PARTIAL_50")
    assert (long["position_side"], long["order_side"], long["safe_close_qty"]) == ("LONG", "SELL", Decimal("0.02"))
    assert (short["position_side"], short["order_side"], short["safe_close_qty"]) == ("SHORT", "BUY", Decimal("0.01"))
    assert [gate.reserved_by(leg=leg) for leg in Leg] == [None, "plan-1", "plan-2"]
    taken = [gate.consume("plan-1"), gate.consume("plan-2")]
    assert [(c.position_side, str(c.safe_close_qty), c.order_side) for c in taken] == [
        ("LONG", "0.02", "SELL"),
        ("SHORT", "0.01", "BUY"),
    ]
    assert gate.count(f"p33_permit_total|{SYMBOL}:LONG|allow") == 1


def test_a_leg_is_reserved_and_in_cooldown_alone(gate: Gate) -> None:
    gate.make_hedged()
    gate.allow("plan-1", position_side=Leg.LONG)
    assert gate.why_not("plan-2", position_side=Leg.LONG) == "permit_in_flight"
    assert gate.why_not("plan-3", position_side=Leg.SHORT) == "allow"


@pytest.mark.parametrize("leg", LEGS)
def test_a_leg_is_judged_by_its_own_ledger(gate: Gate, leg: Leg) -> None:
    gate.make_hedged()
    gate.put_ledger("0.5", leg=other(leg))
    gate.put_ledger("0.5")
    gate.redis.hset(gate.keys.ledger(SYMBOL, other(leg)), "last_order_time_ms", gate.now_ms())
    gate.redis.set(gate.keys.service_hold(SYMBOL, other(leg)), "{}")
    assert gate.why_not(position_side=leg) == "allow"


def test_a_plan_that_names_no_leg_is_denied_with_both_amounts(gate: Gate) -> None:
    gate.make_hedged("0.040", "-0.020")
    assert gate.why_not() == "position_side_required"
    decision = gate.decision()
    assert decision is not None
    assert decision["details"] == {"long_amt": Decimal("0.04"), "short_amt": Decimal("-0.02")}


def test_in_one_way_mode_the_other_side_is_denied(gate: Gate) -> None:
    gate.make_ready()
    assert gate.why_not(position_side=Leg.SHORT) == "position_side_mismatch"
    assert gate.why_not("plan-2", position_side=Leg.LONG) == "allow"
    assert gate.reserved_by() == "plan-2"


def test_an_operators_hold_stops_both_legs(gate: Gate) -> None:
    gate.make_hedged()
    gate.operator.set_hold(SYMBOL, why="x", by="me")
    for leg in LEGS:
        assert gate.why_not(f"plan-{leg}", position_side=leg) == "reconcile_hold_active"


@pytest.mark.parametrize("leg", list(Leg))
def test_the_services_hold_stops_its_position_when_judged_issued_and_consumed(gate: Gate, leg: Leg) -> None:
    hold = gate.keys.service_hold(SYMBOL, leg)
    gate.make_ready() if leg is Leg.BOTH else gate.make_hedged()
    commit = evaluated(gate, leg, "plan-0")
    gate.redis.set(hold, "{}")
    assert commit() is CommitStatus.MOVED
    assert gate.why_not("plan-1", position_side=leg) == "reconcile_hold_active"
    gate.redis.delete(hold)
    gate.allow("plan-2", position_side=leg)
    gate.redis.set(hold, "{}")
    assert gate.refusal("plan-2") == (P33, "reconcile_hold_active")


@pytest.mark.parametrize("what", CHANGED)
@pytest.mark.parametrize("leg", LEGS)
def test_a_leg_counts_only_beside_its_symbols_snapshot_of_the_same_request(gate: Gate, leg: Leg, what: str) -> None:
    gate.make_hedged()
    gate.until_after(gate.now_ms() + 5)
    commit = evaluated(gate, leg, "plan-0")
    gate.allow("plan-1", position_side=other(leg))
    CHANGED[what](gate)
    assert commit() is CommitStatus.MOVED
    assert gate.refusal("plan-1") == (P33, "position_mode_changed")
    reason = gate.why_not("plan-2", position_side=leg)
    assert reason in {"no_exchange_snapshot", "reconcile_required_missing_ledger", "position_side_mismatch"}


@pytest.mark.parametrize(("leg", "amount"), [(Leg.LONG, "-0.04"), (Leg.SHORT, "0.04"), (Leg.LONG, "x")])
def test_a_leg_of_the_other_sign_is_no_snapshot(gate: Gate, leg: Leg, amount: str) -> None:
    gate.make_hedged()
    set_field(gate, leg, position_amt=amount)
    gate.redis.hset(gate.keys.ledger(SYMBOL, leg), "last_known_amt", amount)
    assert gate.why_not(position_side=leg) == "no_exchange_snapshot"


def test_a_permit_is_void_after_a_switch_of_the_mode_there_and_back(gate: Gate) -> None:
    """The position is as large as before, and a barrier keeps the key of the ledger: nothing else tells."""
    gate.make_ready("0.040")
    gate.allow("plan-1")
    taken = gate.consume("plan-1")
    gate.report("plan-1", executed=False, rejected=True, consume_id=taken.consume_id)
    gate.redis.hset(gate.keys.ledger(SYMBOL), "barrier_ms", gate.now_ms() - gate.policy.read_lag_ms)
    gate.until_after(gate.now_ms())
    gate.put_position("0.040")
    gate.allow("plan-2")
    for put in (lambda: gate.put_legs("0", "0"), lambda: gate.put_position("0.040")):
        gate.until_after(gate.now_ms())
        put()
    assert "barrier_ms" in gate.ledger()
    assert gate.refusal("plan-2") == (P33, "ledger_missing")


def test_a_permit_for_the_symbol_is_void_in_hedge_mode_and_one_for_a_leg_in_one_way_mode(gate: Gate) -> None:
    gate.make_ready("0.040")
    gate.allow("plan-1")
    gate.until_after(gate.now_ms())
    gate.put_legs("0.040", "0")
    assert gate.refusal("plan-1") == (P33, "ledger_missing")
    gate.put_ledger()
    assert gate.refusal("plan-1") == (P33, "position_mode_changed")
    gate.redis.flushall()
    gate = Gate(gate.server)
    gate.make_hedged("0.040", "0")
    gate.allow("plan-2", position_side=Leg.LONG)
    gate.until_after(gate.now_ms())
    gate.put_position("0.040")
    assert gate.refusal("plan-2")[0] == P33
