"""A prepared verdict is issued only while everything it rests on stands: compared with a real Redis, fact by fact."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from p33_tasks.domain.models import Emergency, Leg
from p33_tasks.log_events import LogEvent
from p33_tasks.store.audit import decode_entry, replay
from tests.support.gate import LONG, OTHER, SYMBOL, Gate
from tests.support.promoting import AHEAD_KEY, TASK_ID, forecast, move_the_scripts_clock, prepare, promote
from tests.support.redis_server import RedisServer


def outcomes(gate: Gate) -> dict[str, int]:
    return {name: gate.count(f"p33_prepared_total|{name}") for name in ("hit", "moved", "none")}


@pytest.fixture
def ready(gate: Gate) -> Gate:
    """A symbol of which three quarters are expected to be closed, and that is prepared."""
    gate.make_ready()
    forecast(gate)
    assert prepare(gate) == 1
    return gate


def test_the_plan_gets_its_permit_in_one_step_and_it_can_be_consumed(ready: Gate) -> None:
    plan, entry = ready.publish(action="partial_75")
    assert promote(ready, (plan, entry)) == {entry.entry_id}
    permit = ready.permit()
    assert permit is not None
    assert permit == ready.decision()
    assert permit["allow"] is True
    assert permit["prepared"] is True
    assert permit["safe_close_qty"] == Decimal("0.03")
    assert permit["expires_ms"] - permit["ts_ms"] == ready.policy.permit_ttl_ms
    assert ready.reserved_by() == plan.plan_id
    assert ready.pending(ready.keys.plans) == 0
    assert outcomes(ready) == {"hit": 1, "moved": 0, "none": 0}
    assert ready.consume().safe_close_qty == Decimal("0.03")


def test_what_is_the_same_in_every_promotion_does_not_travel(ready: Gate) -> None:
    plan, entry = ready.publish()
    promote(ready, ready.publish("before"))  # loads the script
    ready.redis.config_set("slowlog-log-slower-than", 0)
    promote(ready, (plan, entry))
    ready.redis.config_set("slowlog-log-slower-than", -1)
    asked = [each["command"].decode().split() for each in ready.redis.slowlog_get(100)]
    [parts] = [each for each in asked if each[0] == "EVALSHA"]
    assert str(ready.policy.plan_max_age_ms) not in parts
    assert len(parts) <= 28, "the command, the script, the number of keys; 17 keys, and 8 words of the plan's own"


def test_the_log_says_of_it_what_it_says_of_any_allow(ready: Gate) -> None:
    plan, entry = ready.publish(action="partial_75")
    with capture_logs() as logs:
        promote(ready, (plan, entry))
    told = {
        "order_side": "SELL",
        "safe_close_qty": "0.03",
        "exchange_position_amt": "0.04",
        "ledger_position_amt": "0.04",
    }
    named = {"symbol": plan.symbol, "plan_id": plan.plan_id, "action": "partial_75", "prepared": True}
    assert logs == [{"event": LogEvent.ALLOW, "log_level": "info", **named, **told}]


def test_its_audit_entry_makes_the_same_verdict_again(ready: Gate) -> None:
    plan, entry = ready.publish('a "plan" with mark.plan_id\\ in it')
    promote(ready, (plan, entry))
    [fields] = ready.audit()
    decoded = decode_entry(fields)
    assert decoded.plan == replace(plan, prepared=True, prepared_by=TASK_ID)
    assert replay(decoded) == fields["verdict"]


def test_before_the_plan_is_there_nothing_is_issued(ready: Gate) -> None:
    before = {key for key in ready.dump() if "prepared" not in key and "forecast" not in key}
    prepare(ready)
    assert {key for key in ready.dump() if "prepared" not in key and "forecast" not in key} == before
    assert ready.reserved_by() is None
    assert ready.audit() == []


def test_of_two_plans_of_one_position_the_first_wins(ready: Gate) -> None:
    first, second = ready.publish("first"), ready.publish("second")
    assert promote(ready, first, second) == {first[1].entry_id}
    assert ready.reserved_by() == "first"
    assert ready.decision("second") is None


def test_a_plan_that_has_its_verdict_is_acknowledged(ready: Gate) -> None:
    plan, entry = ready.publish()
    ready.permits.deny(plan, None, "plan_abandoned", {})  # type: ignore[arg-type]  # any reason
    assert promote(ready, (plan, entry)) == {entry.entry_id}
    assert ready.decision()["allow"] is False  # type: ignore[index]
    assert ready.pending(ready.keys.plans) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"problem": "something"},
        {"reduce_only": False},
        {"action": "HOLD"},
        {"action": "CLOSE_PARTIAL_50"},
        {"position_side": Leg.LONG},
        {"symbol": OTHER},
        {"emergency": Emergency(passes_cooldown=True, passes_operator_hold=True, why="x", by="y")},
    ],
    ids=str,
)
def test_another_plan_than_the_expected_one_goes_the_ordinary_way(ready: Gate, changes: dict[str, Any]) -> None:
    plan, entry = ready.publish()
    if "action" in changes:
        plan = ready.plan(plan.plan_id, issued_ms=plan.issued_ms, **changes)
    assert promote(ready, (replace(plan, **changes), entry)) == frozenset()
    assert ready.decision() is None
    assert ready.pending(ready.keys.plans) == 1


Change = Callable[[Gate], object]
MOVED: dict[str, Change] = {
    "an operator's hold": lambda gate: gate.redis.set(gate.keys.hold(SYMBOL), "stop"),
    "our own hold": lambda gate: gate.redis.set(gate.keys.service_hold(SYMBOL), "{}"),
    "a reservation": lambda gate: gate.redis.set(gate.keys.reservation(SYMBOL), "another"),
    "another amount": lambda gate: gate.redis.hset(gate.keys.snapshot(SYMBOL), "position_amt", "0.041"),
    "a newer snapshot": lambda gate: (gate.until_after(gate.now_ms()), gate.put_position(LONG)),
    "a snapshot of another run": lambda gate: gate.redis.hset(gate.keys.snapshot(SYMBOL), "run_id", "f" * 40),
    "a snapshot of another life": lambda gate: gate.redis.hset(gate.keys.snapshot(SYMBOL), "life", "another"),
    "another venue's snapshot": lambda gate: gate.redis.hset(gate.keys.snapshot(SYMBOL), "source", "x"),
    "no snapshot": lambda gate: gate.redis.delete(gate.keys.snapshot(SYMBOL)),
    "hedge mode": lambda gate: gate.redis.hset(gate.keys.snapshot(SYMBOL), "position_mode", "hedge"),
    "another ledger": lambda gate: gate.put_ledger("0.041"),
    "an order": lambda gate: gate.put_ledger(LONG, last_order_time_ms=str(gate.now_ms())),
    "an order of before": lambda gate: gate.put_ledger(LONG, last_order_time_ms=str(gate.now_ms() - 60_000)),
    "an order time that is none": lambda gate: gate.put_ledger(LONG, last_order_time_ms="x"),
    "no ledger": lambda gate: gate.redis.delete(gate.keys.ledger(SYMBOL)),
    "a barrier": lambda gate: gate.put_ledger(LONG, barrier_ms=str(gate.now_ms())),
    "an order whose outcome is unknown": lambda gate: gate.put_ledger(LONG, unknown_plan_id="another"),
    "an operator's limit": lambda gate: gate.redis.hset(gate.keys.limits(SYMBOL), "cooldown_sec", "20"),
    "our own limit": lambda gate: gate.redis.hset(gate.keys.adaptive_limits(SYMBOL), "cooldown_sec", "20"),
    "another step": lambda gate: gate.put_market(step="0.01"),
    "a symbol that stopped trading": lambda gate: gate.put_market(problem="SETTLING"),
    "an emptied store": lambda gate: gate.redis.set(gate.keys.epoch, "another"),
    "an emptied store that was filled again": lambda gate: (
        gate.redis.set(gate.keys.epoch, "another"),
        gate.redis.hset(gate.keys.snapshot(SYMBOL), "life", gate.life),
    ),
}


@pytest.mark.parametrize("what", MOVED)
def test_whatever_moved_since_the_plan_goes_the_ordinary_way(ready: Gate, what: str) -> None:
    plan, entry = ready.publish()
    MOVED[what](ready)
    before = ready.dump()
    assert promote(ready, (plan, entry)) == frozenset()
    after = ready.dump()
    assert outcomes(ready) == {"hit": 0, "moved": 1, "none": 0}
    assert {key for key in after if after[key] != before.get(key)} == {ready.keys.counters}


@pytest.mark.parametrize(
    "change",
    [
        {"qty_tolerance_pct": Decimal("0.5")},
        {"cooldown_ms": 20_000},
        {"stale_threshold_ms": 9_000},
        {"allowlist": frozenset({OTHER})},
        {"market_max_age_ms": 1_000},
    ],
    ids=str,
)
def test_a_process_with_other_limits_promotes_nothing(ready: Gate, change: dict[str, Any]) -> None:
    assert promote(ready, ready.publish(), policy=replace(ready.policy, **change)) == frozenset()
    assert ready.decision() is None


def test_a_plan_that_grew_old_is_not_promoted(ready: Gate) -> None:
    old = ready.publish(issued_ms=ready.now_ms() - ready.policy.plan_max_age_ms - 1)
    assert promote(ready, old) == frozenset()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch, server: RedisServer) -> Gate:
    """A symbol whose facts are 10 s old, and whose scripts' clock can be moved."""
    move_the_scripts_clock(monkeypatch)
    gate = Gate(server, stale_threshold_ms=60_000)
    gate.put_ledger(LONG)
    gate.put_position(LONG, age_ms=10_000)
    gate.put_market(age_ms=60_000)
    return gate


TURNS: dict[str, tuple[Change | None, int]] = {
    "a snapshot that is too old": (None, 55_000),
    "a snapshot of the future": (None, -20_000),
    "a cooldown that TIME, set back, brings again": (
        lambda gate: gate.put_ledger(LONG, last_order_time_ms=str(gate.now_ms() - 16_000)),
        -6_000,
    ),
    "market rules that are too old": (lambda gate: gate.put_market(age_ms=280_000), 25_000),
    "market rules of the future": (lambda gate: gate.put_market(age_ms=1_000), -6_000),
    "an operator's looser limit that ended": (
        lambda gate: gate.redis.hset(
            gate.keys.limits(SYMBOL), mapping={"qty_tolerance_pct": "5", "expires_ms": gate.now_ms() + 20_000}
        ),
        25_000,
    ),
}


@pytest.mark.parametrize("what", TURNS)
def test_what_time_turns_is_judged_again(later: Gate, what: str) -> None:
    change, ahead_ms = TURNS[what]
    if change is not None:
        change(later)
    forecast(later)
    assert prepare(later) == 1
    plan, entry = later.publish()
    later.redis.set(AHEAD_KEY, ahead_ms)
    assert promote(later, (plan, entry)) == frozenset()
    assert outcomes(later)["moved"] == 1
    later.redis.delete(AHEAD_KEY)
    assert promote(later, (plan, entry)) == {entry.entry_id}, "it was time, and nothing else"


def test_what_was_prepared_under_another_run_of_the_server_is_not_promoted(ready: Gate) -> None:
    """As if a server had come back with the life's name, the snapshot and the preparation of another run."""
    key, other = ready.keys.prepared(SYMBOL, Leg.BOTH, "0.75"), "f" * 40
    text = str(ready.redis.get(key))
    ready.redis.set(key, text.replace(f'"run_id":"{ready.run_id}"', f'"run_id":"{other}"', 1))
    ready.redis.hset(ready.keys.snapshot(SYMBOL), "run_id", other)
    assert promote(ready, ready.publish()) == frozenset()
    assert outcomes(ready)["moved"] == 1


def test_a_leg_is_prepared_and_promoted_by_itself(gate: Gate) -> None:
    gate.make_hedged()
    forecast(gate, positionSide="SHORT")
    forecast(gate)  # names no leg: it would be denied
    assert prepare(gate) == 1
    plan, entry = gate.publish(position_side=Leg.SHORT)
    assert promote(gate, (plan, entry)) == {entry.entry_id}
    assert gate.permit()["position_side"] == "SHORT"  # type: ignore[index]
    assert gate.reserved_by(leg=Leg.SHORT) == plan.plan_id
    assert promote(gate, gate.publish("other leg", position_side=Leg.LONG)) == frozenset()


def test_denies_and_strangers_are_not_prepared(gate: Gate) -> None:
    gate.make_ready()
    for symbol in (OTHER, "NOTOURS"):
        forecast(gate, symbol)
    assert prepare(gate) == 0
    assert promote(gate, gate.publish(symbol=OTHER)) == frozenset()
    assert outcomes(gate)["none"] == 1


def test_a_flood_of_forecasts_is_bounded_and_what_cannot_be_read_is_counted_once(gate: Gate) -> None:
    gate.make_ready()
    pipeline = gate.redis.pipeline(transaction=False)
    for n in range(12_000):
        pipeline.xadd(gate.keys.forecasts, {"symbol": f"S{n}", "action": "CLOSE_FULL", "horizon_sec": "300"})
    pipeline.execute()
    forecast(gate, action="HOLD")
    forecast(gate)
    assert prepare(gate) == 1
    assert gate.redis.xlen(gate.keys.forecasts) <= 10_200  # trimmed by whole nodes of the stream
    gate.until_after(gate.now_ms() + 1)
    prepare(gate)
    assert gate.count("p33_forecast_ignored_total") == 1


def test_a_promotion_is_the_verdict_that_evaluation_gives(gate: Gate) -> None:
    """Random positions, steps and parts; replay makes each again from what was recorded with it."""
    rng = random.Random(33)
    for n in range(60):
        amount = Decimal(rng.randrange(1, 5_000)).scaleb(-3) * rng.choice([1, -1])
        gate.redis.flushall()
        gate.redis.set(gate.keys.epoch, "e")
        gate.redis.xgroup_create(gate.keys.plans, "p33", id="0", mkstream=True)
        gate.put_ledger(amount)
        gate.put_position(amount, age_ms=rng.randrange(0, 9_000))
        gate.put_market(step=rng.choice(["0.001", "0.01", "0.1"]))
        action = rng.choice(["CLOSE_FULL", "PARTIAL_75", "PARTIAL_50", "PARTIAL_25"])
        forecast(gate, action=action)
        was_prepared = prepare(gate)
        plan, entry = gate.publish(f"p{n}", action=action)
        done = promote(gate, (plan, entry))
        assert len(done) == was_prepared
        if done:
            [fields] = gate.audit()
            assert replay(decode_entry(fields)) == fields["verdict"]
        else:
            assert gate.permits.judge(plan, entry) is not None
            assert gate.decision(plan.plan_id)["allow"] is False  # type: ignore[index]


def test_in_one_way_mode_a_named_leg_is_not_prepared(gate: Gate) -> None:
    gate.make_ready()
    forecast(gate, positionSide="LONG")
    assert prepare(gate) == 0


@pytest.mark.parametrize("value", ["[]", "not JSON", None], ids=str)
def test_what_is_no_prepared_verdict_issues_nothing(ready: Gate, value: str | None) -> None:
    key = ready.keys.prepared(SYMBOL, Leg.BOTH, "0.75")
    ready.redis.delete(key)
    if value is None:
        ready.redis.hset(key, "x", "1")
    else:
        ready.redis.set(key, value)
    assert promote(ready, ready.publish()) == frozenset()
    assert ready.decision() is None
    assert ready.reserved_by() is None
