"""A symbol's own limits: read with the facts, compared at issuing, known wherever they count (CONTRACT section 10)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from p33_tasks.domain.decision import evaluate
from p33_tasks.domain.limits import in_force
from p33_tasks.domain.models import Allow, Deny
from p33_tasks.domain.reasons import Reason
from p33_tasks.ports import CommitStatus
from p33_tasks.store.audit import decode_entry, replay
from p33_tasks.store.snapshots import RedisSnapshotStore, RefreshTimes
from tests.support.gate import OTHER, SOURCE, SYMBOL, Gate

DAY_MS = 86_400_000


def store(gate: Gate, **fields: str | int) -> None:
    gate.redis.hset(gate.keys.limits(SYMBOL), mapping=fields)


def store_own(gate: Gate, **fields: str | int) -> None:
    gate.redis.hset(gate.keys.adaptive_limits(SYMBOL), mapping=fields)


def ordered(gate: Gate, ago_ms: int) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - ago_ms)
    gate.put_position()


def details(gate: Gate) -> dict[str, object]:
    return dict((gate.decision() or {})["details"])


def test_an_operators_cooldown_counts_for_its_symbol_alone_and_the_deny_says_whose_it_is(gate: Gate) -> None:
    gate.make_ready()
    gate.make_ready(symbol=OTHER)
    ordered(gate, 20_000)
    store(gate, cooldown_sec="30")
    gate.judge()
    assert gate.reason() == "cooldown_in_flight"
    assert details(gate)["cooldown_sec"] == 30
    assert details(gate)["cooldown_by"] == "operator"
    assert isinstance(gate.judge("plan-2", symbol=OTHER), Allow)
    assert all(replay(decode_entry(entry)) == entry["verdict"] for entry in gate.audit())


def test_the_services_own_cooldown_only_lengthens(gate: Gate) -> None:
    gate.make_ready()
    ordered(gate, 20_000)
    store_own(gate, cooldown_sec="5", cooldown_by="volatility")
    assert isinstance(gate.judge(), Allow)
    gate.redis.delete(gate.keys.reservation(SYMBOL))
    store_own(gate, cooldown_sec="22.4", cooldown_by="volatility")
    gate.judge("plan-2")
    (*_, entry) = gate.audit()
    assert entry["reason"] == "cooldown_in_flight"
    assert '"cooldown_sec":22.4,"cooldown_by":"volatility"' in entry["verdict"]
    assert replay(decode_entry(entry)) == entry["verdict"]


def test_tolerance_and_threshold_count_and_say_whose_they_are(gate: Gate) -> None:
    gate.make_ready()
    gate.put_position("0.0398")
    store(gate, qty_tolerance_pct="0.1")
    gate.judge()
    assert (gate.reason(), details(gate)["tolerance_by"]) == ("reconcile_required_qty_mismatch", "operator")
    gate.put_position(age_ms=9_000)
    gate.redis.hset(gate.keys.snapshot(SYMBOL), "ts_ms", gate.now_ms() - 9_000)
    store(gate, stale_threshold_sec="8")
    verdict = gate.judge("plan-2")
    assert isinstance(verdict, Deny)
    assert (verdict.reason, verdict.details["threshold_by"]) == (Reason.STALE_EXCHANGE_STATE, "operator")


@pytest.mark.parametrize("ahead_ms", [-1, 0, DAY_MS + 60_000, None], ids=["over", "now", "too far", "none"])
def test_a_looser_limit_counts_for_its_time_only(gate: Gate, ahead_ms: int | None) -> None:
    gate.make_ready()
    ordered(gate, 5_000)
    store(gate, cooldown_sec="1")
    if ahead_ms is not None:
        store(gate, expires_ms=gate.now_ms() + ahead_ms)
    gate.judge()
    assert gate.reason() == "cooldown_in_flight"
    assert details(gate)["cooldown_sec"] == 15
    assert "cooldown_by" not in details(gate)
    store(gate, expires_ms=gate.now_ms() + 60_000)
    assert isinstance(gate.judge("plan-2"), Allow)


def test_an_allow_carries_the_threshold_in_force_and_reserves_for_the_cooldown_in_force(gate: Gate) -> None:
    gate.make_ready()
    store(gate, cooldown_sec="40", stale_threshold_sec="7.5")
    assert isinstance(gate.judge(), Allow)
    assert (gate.permit() or {})["stale_threshold_sec"] == Decimal("7.5")
    assert 99_000 < gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= 100_000


@pytest.mark.parametrize(
    "put",
    [
        lambda g: store(g, cooldown_sec="soon"),
        lambda g: store(g, cooldown_sec=b"\xff"),
        lambda g: store(g, qty_tolerance_pct="11"),
        lambda g: store(g, stale_threshold_sec="x" * 10_000_000),
        lambda g: store(g, expires_ms="never"),
        lambda g: g.redis.rpush(g.keys.limits(SYMBOL), "x"),
    ],
)
def test_a_limit_that_cannot_be_read_denies_and_names_its_key(gate: Gate, put: Callable[[Gate], object]) -> None:
    gate.make_ready()
    put(gate)
    gate.judge()
    assert gate.reason() == "limits_unreadable"
    assert str(details(gate)["problem"]).startswith(gate.keys.limits(SYMBOL))
    (entry,) = gate.audit()
    assert len(entry["inputs"]) < 5_000
    assert replay(decode_entry(entry)) == entry["verdict"]


def test_the_services_own_limit_that_cannot_be_read_denies_too(gate: Gate) -> None:
    gate.make_ready()
    store_own(gate, cooldown_sec="1e999")
    gate.judge()
    assert gate.reason() == "limits_unreadable"
    assert str(details(gate)["problem"]).startswith(gate.keys.adaptive_limits(SYMBOL))


MOVES: dict[str, Callable[[Gate], object]] = {
    "an operator's limit is set": lambda g: store(g, qty_tolerance_pct="0.5"),
    "an operator's limit is cleared": lambda g: g.redis.delete(g.keys.limits(SYMBOL)),
    "an operator's limit becomes another type": lambda g: (
        g.redis.delete(g.keys.limits(SYMBOL)),
        g.redis.rpush(g.keys.limits(SYMBOL), "x"),
    ),
    "the service's own is set": lambda g: store_own(g, cooldown_sec="20"),
}


@pytest.mark.parametrize("move", MOVES)
def test_an_allow_whose_limits_moved_is_not_written(gate: Gate, move: str) -> None:
    gate.make_ready()
    store(gate, cooldown_sec="20")
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    MOVES[move](gate)
    before = gate.dump()
    assert _commit(gate, plan, facts, entry) is CommitStatus.MOVED
    assert gate.dump() == before


def test_an_allow_whose_looser_limit_ended_is_not_written(gate: Gate) -> None:
    gate.make_ready()
    ordered(gate, 5_000)
    until = gate.now_ms() + 200
    store(gate, cooldown_sec="1", expires_ms=until)
    plan, entry = gate.publish()
    facts = gate.verdicts.load(plan)
    assert facts is not None
    assert facts.now_ms < until
    gate.until_after(until)
    assert _commit(gate, plan, facts, entry) is CommitStatus.MOVED


def _commit(gate: Gate, plan, facts, entry) -> CommitStatus:
    policy = in_force(gate.policy, facts.limits, facts.now_ms)
    verdict = evaluate(plan, facts, policy)
    assert isinstance(verdict, Allow)
    return gate.verdicts.commit(plan=plan, verdict=verdict, facts=facts, policy=policy, entry=entry, evaluation_us=1)


# --- wherever else the cooldown counts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "own", "adopted"),
    [
        ({}, {}, True),
        ({"cooldown_sec": "30"}, {}, False),
        ({}, {"cooldown_sec": "30.5"}, False),
        ({"cooldown_sec": "x"}, {}, False),
        ({}, {"cooldown_sec": "x"}, False),
        ({"stale_threshold_sec": "x"}, {}, False),
    ],
)
def test_adopting_observes_the_limits_in_force(gate: Gate, fields, own, *, adopted: bool) -> None:
    gate.put_ledger("1")
    ordered(gate, 20_000)
    for put, values in ((store, fields), (store_own, own)):
        if values:
            put(gate, **values)
    done = gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="me", replace=True)
    assert done.adopted is adopted
    readable = "x" not in {*fields.values(), *own.values()}
    assert done.refusal == ("" if adopted else "cooldown" if readable else "limits_unreadable")


@pytest.mark.parametrize("ahead_ms", [60_000, -1])
def test_adopting_observes_a_looser_cooldown_for_its_time(gate: Gate, ahead_ms: int) -> None:
    gate.put_ledger("1")
    ordered(gate, 5_000)
    store(gate, cooldown_sec="1.5", expires_ms=gate.now_ms() + ahead_ms)
    done = gate.operator.adopt_ledger(SYMBOL, source=SOURCE, policy=gate.policy, by="me", replace=True)
    assert done.adopted is (ahead_ms > 0)


@pytest.mark.parametrize(("cooldown", "begins"), [(None, True), ("30", False), ("x", False)])
def test_a_ledger_begins_only_after_the_cooldown_in_force(gate: Gate, cooldown: str | None, *, begins: bool) -> None:
    gate.redis.hset(gate.keys.ledger(SYMBOL), "last_order_time_ms", gate.now_ms() - 20_000)
    if cooldown is not None:
        store(gate, cooldown_sec=cooldown)
    gate.put_position("0")
    assert (gate.ledger_amt() == "0") is begins


@pytest.mark.parametrize(("cooldown", "left_ms"), [("100", 160_000), ("5", 75_000), (None, 75_000)])
def test_a_reservation_for_a_longer_cooldown_is_not_cut(gate: Gate, cooldown: str | None, left_ms: int) -> None:
    times = RefreshTimes(poll_ms=5_000, cooldown_ms=15_000, longest_reservation_ms=75_000)
    gate.snapshots = RedisSnapshotStore(gate.server.client(), gate.keys, allowlist=[SYMBOL], times=times)
    gate.redis.set(gate.keys.reservation(SYMBOL), "plan-1", px=3_600_000)
    if cooldown is not None:
        store(gate, cooldown_sec=cooldown)
    gate.put_position()
    assert left_ms - 5_000 < gate.redis.pttl(gate.keys.reservation(SYMBOL)) <= left_ms


# --- an operator's changes --------------------------------------------------------------------------------------------


def test_setting_replaces_what_was_there_and_both_are_audited(gate: Gate) -> None:
    gate.operator.set_limits(SYMBOL, {"cooldown_sec": "30", "qty_tolerance_pct": "0.5"}, for_ms=None, by="me")
    before_ms = gate.now_ms()
    stored = gate.operator.set_limits(SYMBOL, {"cooldown_sec": "5"}, for_ms=60_000, by="you")
    assert gate.redis.hgetall(gate.keys.limits(SYMBOL)) == dict(stored)
    assert set(stored) == {"cooldown_sec", "expires_ms"}
    assert before_ms + 60_000 <= int(stored["expires_ms"]) <= gate.now_ms() + 60_000
    assert gate.redis.ttl(gate.keys.limits(SYMBOL)) == -1
    assert gate.operator.clear_limits(SYMBOL, by="me")
    assert not gate.operator.clear_limits(SYMBOL, by="me")
    events = [fields for _, fields in gate.redis.xrange(gate.keys.audit)]
    assert [event["event"] for event in events] == ["limits_set", "limits_set", "limits_cleared"]
    assert events[1]["before"] == "cooldown_sec=30 qty_tolerance_pct=0.5"
    assert events[1]["after"] == f"cooldown_sec=5 expires_ms={stored['expires_ms']}"
    assert (events[1]["by"], events[2]["after"]) == ("you", "")
